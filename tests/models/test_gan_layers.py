"""GAN's layers against plain loops, and layers that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from replication.config.recipes import Prior
from replication.foundation.errors import InputError
from replication.models.gan import Convolution, Maxout, MaxoutConvolution, MaxoutDiscriminator, build
from replication.models.layers.networks import draw_layer_noise
from replication.models.layers.samples import as_samples

CONVOLUTION = {"channels": 4, "pieces": 2, "kernel": 3, "pad": 1, "pool": 2, "pool_stride": 2}
DROPPING = {"weight_range": 0.5, "keep_input": 0.8, "keep_hidden": 0.5}
DENSE: dict[str, Any] = {
    "generator": {"hidden": [[12, "relu"], [10, "relu"]], "output": "sigmoid", "weight_range": 0.5,
                  "output_range": 0.5, "bias_clip": 1e-7},
    "discriminator": {"hidden": [[6, 5], [4, 3]], **DROPPING},
}  # fmt: skip
CONVOLUTIONAL: dict[str, Any] = {
    "generator": {"hidden": [[12, "relu"], [200, "sigmoid"]], "output": "linear", "weight_range": 0.5,
                  "output_range": 0.5, "transposed": {"channels": 2, "kernel": 5, "stride": 3}},
    "discriminator": {"hidden": [[6, 5]], "convolutions": [CONVOLUTION], **DROPPING},
}  # fmt: skip
NETWORKS = {"dense": DENSE, "convolutional": CONVOLUTIONAL}


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
    assert [tuple(one.shape) for one in noise] == [(7, 1, 2, 2), (7, 6), (7, 4)]
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


def _changed(name: str, side: str, **keys: Any) -> dict[str, Any]:
    network = NETWORKS[name]
    return {**network, side: {**network[side], **keys}}


WRONG = {
    "unknown key": (_changed("dense", "generator", dropout=0.5), r"generator\.dropout.*accepted keys"),
    "no hidden layer": (_changed("dense", "generator", hidden=[]), r"generator\.hidden: .*\[\]"),
    "no pieces": (_changed("dense", "discriminator", hidden=[[4, 0]]), r"discriminator\.hidden\[0\]\[1\]: .*0"),
    "a share above one": (_changed("dense", "discriminator", keep_input=1.2), r"discriminator\.keep_input: .*1\.2"),
    "a bias from means of a linear output": (_changed("dense", "generator", output="linear"), "bias_clip 1e-07"),
    "maps that are not filled": (
        _changed("convolutional", "generator", hidden=[[150, "relu"]]), "the 150 units before it must fill"
    ),
    "images of another side": (
        _changed("convolutional", "generator", transposed={"channels": 2, "kernel": 4, "stride": 3}),
        "makes images of side 31",
    ),
    "a stride beyond the pool": (
        _changed("convolutional", "discriminator", convolutions=[{**CONVOLUTION, "pool_stride": 3}]),
        "does not fit maps of side 32",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_layers_that_do_not_fit_are_one_sentence(name: str) -> None:
    network, sentence = WRONG[name]
    with pytest.raises(InputError, match=sentence) as raised:
        build(network, Prior(), 5, (3, 32, 32))
    assert str(raised.value).startswith("params.yaml: network of gan: ") and str(raised.value).endswith(".")


def test_convolutions_judge_square_images_alone() -> None:
    network = _changed("dense", "discriminator", convolutions=[CONVOLUTION])
    with pytest.raises(InputError, match=r"need square images, not samples of shape \(2,\)"):
        build(network, Prior(), 5, (2,))
    assert build(network, Prior(), 5, (1, 8, 8)).discriminator(torch.rand(2, 1, 8, 8)).logits.shape == (2,)
