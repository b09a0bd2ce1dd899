"""GAN's networks of images: layers against plain loops, initial weights, and a step of the released code."""

from __future__ import annotations

from copy import deepcopy
from math import log, sqrt
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from replication.config.recipes import Prior
from replication.foundation.errors import InputError
from replication.foundation.seeding import generator as stream_of
from replication.models.gan import Convolution, Maxout, MaxoutConvolution, MaxoutDiscriminator, build
from replication.models.layers.networks import Dropout, draw_layer_noise
from replication.models.layers.samples import as_samples
from replication.training.draws import draw_units
from replication.training.eager import EagerSeed
from replication.training.initialise import Samples
from replication.training.run import bind_runs
from replication.training.state import initial_state
from tests.in_small import builder
from tests.models.papers import in_small, networks_of, recipe_of, samples_of, shape_of

SHAPE = shape_of("mnist")
DROPPING = {"weight_range": 0.5, "keep_input": 0.8, "keep_hidden": 0.5}
DENSE: dict[str, Any] = {
    "generator": {"hidden": [[12, "relu"], [10, "relu"]], "output": "sigmoid", "weight_range": 0.5,
                  "output_range": 0.5, "bias_clip": 1e-7},
    "discriminator": {"hidden": [[6, 5], [4, 3]], **DROPPING},
}  # fmt: skip
CONVOLUTIONAL: dict[str, Any] = {
    "generator": {"hidden": [[12, "relu"], [200, "sigmoid"]], "output": "linear", "weight_range": 0.5,
                  "output_range": 0.5, "transposed": {"channels": 2, "kernel": 5, "stride": 3}},
    "discriminator": {"hidden": [[6, 5]], **DROPPING},
}  # fmt: skip


def test_a_maxout_unit_is_the_largest_of_its_own_pieces() -> None:
    layer, samples = Maxout(4, 3, 2), torch.randn(5, 4)
    maps = samples.numpy() @ layer.linear.weight.detach().numpy().T + layer.linear.bias.detach().numpy()
    expected = [[max(maps[row, 2 * unit], maps[row, 2 * unit + 1]) for unit in range(3)] for row in range(5)]
    np.testing.assert_allclose(layer(samples).detach().numpy(), expected, rtol=1e-5, atol=1e-6)


def test_a_maxout_convolution_is_the_plain_loop() -> None:
    layer = MaxoutConvolution(2, 5, Convolution(channels=3, pieces=2, kernel=3, pad=1, pool=2, pool_stride=2))
    image = torch.randn(1, 2, 5, 5)
    padded = np.pad(image[0].numpy(), ((0, 0), (1, 1), (1, 1)))
    kernels, biases = (tensor.detach().numpy() for tensor in layer.convolution.parameters())
    expected = np.full((3, 3, 3), -np.inf)  # pools of rows 0-1, 2-3 and 4 alone
    for channel in range(3):
        for y in range(5):
            for x in range(5):
                window = padded[:, y : y + 3, x : x + 3]
                pieces = [(kernels[k] * window).sum() + biases[k] for k in (2 * channel, 2 * channel + 1)]
                expected[channel, y // 2, x // 2] = max(expected[channel, y // 2, x // 2], *pieces)
    assert layer.size == (3, 3, 3)
    np.testing.assert_allclose(layer(image)[0].detach().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_the_transposed_convolution_is_the_plain_loop_with_a_bias_for_every_pixel() -> None:
    last = build(CONVOLUTIONAL, Prior(), 5, (3, 32, 32)).generator.get_submodule("body.4.0")
    kernels, bias = last.get_parameter("convolution.weight"), last.get_parameter("bias")
    assert bias.shape == (3, 32, 32) and not bias.any() and last.get_submodule("convolution").bias is None
    with torch.no_grad():
        bias.copy_(torch.randn(3, 32, 32))
    units = torch.randn(1, 200)
    maps, expected = units.view(2, 10, 10), bias.detach().clone()
    for y in range(10):
        for x in range(10):
            stamp = (maps[:, y, x].view(2, 1, 1, 1) * kernels.detach()).sum(0)
            expected[:, 3 * y : 3 * y + 5, 3 * x : 3 * x + 5] += stamp
    torch.testing.assert_close(last(units)[0], expected)
    last(units)[0, 1, 2, 3].backward()
    assert bias.grad is not None and bias.grad.nonzero().tolist() == [[1, 2, 3]]


def test_dropout_scales_the_input_by_a_quarter_and_hidden_units_by_two() -> None:
    discriminator, samples = build(DENSE, Prior(), 5, (1, 2, 2)).discriminator, torch.randn(7, 1, 2, 2)
    assert isinstance(discriminator, MaxoutDiscriminator)
    noise = draw_layer_noise(discriminator, 7, torch.Generator().manual_seed(1))
    assert [tuple(part.shape) for part in noise] == [(7, 1, 2, 2), (7, 6), (7, 4)]
    first, second = (layer for layer in discriminator.modules() if isinstance(layer, Maxout))
    linear = next(layer for layer in discriminator.output if isinstance(layer, nn.Linear))
    hidden = first((samples * (noise[0] < 0.8) * 1.25).flatten(1))
    features = second(hidden * (noise[1] < 0.5) * 2.0)
    logits = linear(features * (noise[2] < 0.5) * 2.0)[:, 0]
    judged = discriminator(samples, None, noise)
    torch.testing.assert_close(judged.logits, logits)
    torch.testing.assert_close(judged.features[0], features)
    torch.testing.assert_close(discriminator(samples).logits, linear(second(first(samples.flatten(1))))[:, 0])


def test_contrast_is_a_mean_of_zero_and_a_norm_of_55() -> None:
    images = torch.randint(0, 256, (4, 3, 5, 5), dtype=torch.uint8)
    rows = images.numpy().reshape(4, -1).astype(np.float64)
    centred = rows - rows.mean(axis=1, keepdims=True)
    expected = 55 * centred / np.sqrt((centred**2).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(as_samples(images, "contrast").flatten(1).numpy(), expected, rtol=1e-4, atol=1e-4)


def test_every_layer_of_the_convolutional_discriminator_drops_its_input() -> None:
    """32 + 2·4 − 8 + 1 = 33, whose pools start at 0, 2, …, 30: 16 maps a side; then 15 and 7, then 9 and 5."""
    discriminator = networks_of("gan", "cifar10-convolutional").discriminator
    layers = [layer for layer in discriminator.modules() if isinstance(layer, Dropout)]
    assert [layer.keep for layer in layers] == [0.8, 0.5, 0.5, 0.5, 0.5]
    assert [layer.shape for layer in layers] == [(3, 32, 32), (32, 16, 16), (32, 7, 7), (192, 5, 5), (500,)]


@pytest.mark.parametrize("name", ["mnist", "cifar10-dense", "cifar10-convolutional"])
def test_weights_start_uniform_and_biases_zero(name: str) -> None:
    torch.manual_seed(0)
    network: Any = deepcopy(in_small("gan", name).network)
    network["generator"]["hidden"] = [[300, "relu"], [400, "sigmoid"]]
    if name == "cifar10-convolutional":
        network["generator"]["transposed"] = {"channels": 4, "kernel": 5, "stride": 3}
    networks = build(network, Prior(), 100, shape_of(name))
    limits = {"generator": [0.05, 0.05, 0.5 if name == "cifar10-dense" else 0.05], "discriminator": [0.005] * 9}
    for side, module in zip(("generator", "discriminator"), networks, strict=True):
        weights = [tensor for key, tensor in module.named_parameters() if key.endswith("weight")]
        for weight, limit in zip(weights, limits[side], strict=False):
            assert weight.abs().max() <= limit
            if weight.numel() > 200:
                assert weight.abs().max() > 0.97 * limit
                assert weight.std().item() == pytest.approx(limit / sqrt(3), rel=0.1)
        assert not any(tensor.any() for key, tensor in module.named_parameters() if key.endswith("bias"))


def test_the_output_bias_starts_at_the_clipped_logit_of_pixel_means() -> None:
    every = recipe_of("gan", "mnist").initial_images  # more than there are
    recipe, images = in_small("gan", "mnist", initial_images=every), samples_of("mnist").values
    images[:, 0, 0, 0], images[:, 0, 0, 1] = 0, 255
    make = builder("gan", recipe, SHAPE)
    state = initial_state(make, recipe, (3, 4), Samples(images))
    fresh = initial_state(make, recipe, (3, 4))
    name = "generator.body.4.0.linear.bias"
    means = images.numpy().astype(np.float64).mean(0).ravel() / 255
    expected = [log(m / (1 - m)) for m in means.clip(1e-7, 1 - 1e-7)]
    assert expected[:2] == pytest.approx([-16.118, 16.118], abs=1e-3)
    for seed in range(2):
        np.testing.assert_allclose(state[name][seed], expected, rtol=1e-5, atol=1e-5)
    assert not fresh[name].any()
    others = [key for key in state if key.startswith(("generator", "discriminator")) and key != name]
    assert all(torch.equal(state[key], fresh[key]) for key in others)


def test_pixels_that_no_sigmoid_can_have_are_refused() -> None:
    recipe = in_small("gan", "mnist", pixels="signed")
    with pytest.raises(InputError, match="pixels: unit"):
        initial_state(builder("gan", recipe, SHAPE), recipe, (0,), samples_of("mnist"))


def test_a_step_of_the_code_is_one_of_plain_momentum_on_both_sides_at_once() -> None:
    """Half the sum of cross-entropies, −log D(G(z)), one dropout mask of the fake batch for both."""
    recipe, data = in_small("gan", "mnist"), samples_of("mnist")
    make = builder("gan", recipe, SHAPE)
    state = initial_state(make, recipe, (5,), data)
    (ours,), (theirs,), draws = bind_runs(make, state), bind_runs(make, state), draw_units(recipe, 5, 40, 0, 2)
    EagerSeed(ours, recipe, data, 5, None).advance(0, 2)
    generator, discriminator = theirs.networks
    velocities = [[torch.zeros_like(parameter) for parameter in network.parameters()] for network in theirs.networks]
    masks = torch.Generator().manual_seed(int(stream_of(5, "layer noise", 0).integers(2**63)))
    for unit in range(2):
        fake_noise, real_noise = (draw_layer_noise(discriminator, 6, masks) for _ in range(2))
        latent = draws.noise[unit, 0], draws.component[unit, 0]
        real = data.values[draws.rows[unit, 0]] / 255
        fake = generator(*latent)
        on_real = discriminator(real, None, real_noise).logits
        on_fake = discriminator(fake.detach(), None, fake_noise).logits
        loss = 0.5 * (cross_entropy(on_real, torch.ones(6)) + cross_entropy(on_fake, torch.zeros(6)))
        of_discriminator = torch.autograd.grad(loss, list(discriminator.parameters()))
        against = cross_entropy(discriminator(fake, None, fake_noise).logits, torch.ones(6))
        of_generator = torch.autograd.grad(against, list(generator.parameters()))
        for network, gradients, velocity in zip(
            theirs.networks, (of_generator, of_discriminator), velocities, strict=True
        ):
            for parameter, gradient, speed in zip(network.parameters(), gradients, velocity, strict=True):
                speed.mul_(0.5).sub_(0.1 / 1.000004**unit * gradient)
                parameter.data.add_(speed)
    for network, other in zip(ours.networks, theirs.networks, strict=True):
        for each, two in zip(network.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(each, two, rtol=1e-4, atol=1e-7)
