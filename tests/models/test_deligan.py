"""DeLiGAN's networks: sizes counted by hand from the released code, paddings, initial weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from replication.config.recipes import Prior, Recipe
from replication.foundation.errors import InputError
from replication.models.deligan import ConvolutionalDiscriminator, ConvolutionalGenerator, build, same_padding
from replication.models.layers.networks import Networks
from tests.in_small import own_params

PARAMS = own_params()
RECIPES = PARAMS.recipes["deligan"]


def shape_of(name: str) -> tuple[int, ...]:
    shapes = {"toy": (2,), "digits": (1, 8, 8), "mnist": (1, 28, 28), "cifar10": (3, 32, 32), "sketches": (1, 32, 32)}
    return shapes[name.split("-")[0]]


def networks_of(recipe: Recipe, shape: tuple[int, ...], device: str = "cpu") -> Networks:
    torch.manual_seed(0)
    with torch.device(device):
        return build(recipe.network, recipe.prior, recipe.latent_dim, shape, 10)


def dense(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def conv(kernel: int, inputs: int, outputs: int) -> int:
    return kernel**2 * inputs * outputs + outputs


TOY, TOY_D = dense(2, 32) + dense(32, 2), dense(2, 32) + dense(32, 1)
# gain and bias of batch normalisation beside the biases of the layers that it follows
DIGITS = dense(30, 512) + 2 * 512 + conv(3, 32, 16) + 2 * 16 + conv(3, 16, 1)
DIGITS_D = conv(3, 1, 16) + conv(3, 16, 32) + 2 * 32 + (32 * 16 * 5 + 16 * 5) + dense(32 + 16, 1)
MNIST = dense(30, 1024) + 2 * 1024 + conv(3, 64, 32) + 2 * 32 + conv(5, 32, 16) + 2 * 16 + conv(5, 16, 1)
MNIST_D = (
    conv(5, 1, 16) + conv(5, 16, 32) + 2 * 32 + conv(3, 32, 64) + 2 * 64 + (64 * 64 * 5 + 64 * 5) + dense(64 + 64, 1)
)


def improved(latent: int, *channels: int) -> int:
    """Improved GAN's generator: one bias for each unit or channel, in batch norm; the output has a scale too."""
    side = 32 // 2 ** (len(channels) - 1)
    layers = sum(conv(5, *pair) for pair in zip(channels, channels[1:], strict=False))
    return dense(latent, channels[0] * side**2) + layers + channels[-1]


# The scales of the convolutions are set from data and not trained; the last layer's is.
CIFAR_D = (
    conv(3, 3, 96) + 2 * conv(3, 96, 96) + conv(3, 96, 192) + 2 * conv(3, 192, 192) + conv(3, 192, 192)
    + 2 * conv(1, 192, 192) + (192 * 100 * 5 + 100 * 5 + 100) + dense(192 + 100, 10) + 10
)  # fmt: skip
SKETCH_D = (
    conv(5, 1, 20) + conv(5, 20, 20) + conv(5, 20, 40) + conv(3, 40, 80) + conv(1, 80, 80)
    + (80 * 50 * 5 + 50 * 5 + 50) + dense(80 + 50, 1) + 1
)  # fmt: skip
CIFAR, SKETCH = (512, 256, 128, 3), (160, 80, 40, 1)
COUNTS = {
    "toy": (TOY + 2 * 50 * 2, TOY_D),  # μ and σ of 50 components in 2 dimensions
    **{f"toy-n{n}": (TOY + 2 * n * 2, TOY_D) for n in (1, 2, 5, 10, 25, 100)},
    **{f"toy-{arm}": (TOY + 2 * 50 * 2, TOY_D) for arm in ("fixed", "mean-only", "sigma-only")},
    "toy-gan": (TOY, TOY_D),
    "toy-unregularised": (TOY + 2 * 50 * 2, TOY_D),
    "toy-gan-plus-plus": (dense(2, 50) + dense(50, 32) + dense(32, 2), TOY_D),
    "toy-nx-gan": (dense(2, 32 * 50) + dense(32 * 50, 2), TOY_D),
    "toy-moe-gan": (dense(2 + 50, 32) + dense(32, 2), TOY_D),
    "toy-ensemble-gan": (50 * TOY, TOY_D),
    **{f"toy-mixture-{d}": (dense(d, 32) + dense(32, 2) + 2 * 50 * d, TOY_D) for d in (1, 4, 8)},
    **{f"toy-uniform-{d}": (dense(d, 32) + dense(32, 2), TOY_D) for d in (1, 4, 8)},
    **{f"toy-normal-{d}": (dense(d, 32) + dense(32, 2), TOY_D) for d in (1, 2, 4, 8)},
    "digits-half": (DIGITS + 2 * 50 * 30, DIGITS_D),
    "digits-gan-half": (DIGITS, DIGITS_D),
    "digits": (DIGITS + 2 * 50 * 30, DIGITS_D),
    "digits-gan": (DIGITS, DIGITS_D),
    "mnist": (MNIST + 2 * 50 * 30, MNIST_D),
    "mnist-gan": (MNIST, MNIST_D),
    "cifar10": (improved(100, *CIFAR) + 2 * 100 * 100, CIFAR_D),
    "cifar10-gan": (improved(100, *CIFAR), CIFAR_D),
    "cifar10-bfloat16": (improved(100, *CIFAR) + 2 * 100 * 100, CIFAR_D),
    "cifar10-gan-bfloat16": (improved(100, *CIFAR), CIFAR_D),
    "cifar10-gan-plus-plus": (dense(100, 100) + improved(100, *CIFAR), CIFAR_D),
    "cifar10-moe-gan": (improved(100 + 100, *CIFAR), CIFAR_D),
    "cifar10-gan-deeper": (improved(100, 512, *CIFAR), CIFAR_D),
    "sketches": (improved(100, *SKETCH) + 2 * 100 * 100, SKETCH_D),
    "sketches-gan": (improved(100, *SKETCH), SKETCH_D),
}


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_and_shapes_by_hand(name: str) -> None:
    recipes = [PARAMS.recipe("deligan", name, variant) for variant in RECIPES[name].get("variants", {"paper": {}})]
    shape = shape_of(name)
    for recipe in {repr((one.network, one.prior, one.latent_dim, one.batch)): one for one in recipes}.values():
        networks = networks_of(recipe, shape, "meta")
        assert tuple(sum(p.numel() for p in net.parameters()) for net in networks) == COUNTS[name]
        component = torch.zeros(recipe.batch, dtype=torch.int64, device="meta")
        samples = networks.generator(torch.empty(recipe.batch, recipe.latent_dim, device="meta"), component)
        assert samples.shape == (recipe.batch, *shape)
        logits = networks.discriminator(samples).logits
        assert logits.shape == ((recipe.batch, 10) if name.startswith("cifar10") else (recipe.batch,))


def test_the_maps_of_the_mnist_networks_are_as_large_as_in_the_code() -> None:
    networks = networks_of(PARAMS.recipe("deligan", "mnist", "code"), (1, 28, 28), "meta")
    body: Any = networks.generator.body
    samples, sides = body.project(torch.empty(5, 30, device="meta")).unflatten(1, (64, 4, 4)), []
    for layer in body.stack:
        samples = layer(samples)
        sides += [samples.shape[2]] if isinstance(layer, nn.ZeroPad2d) else []
    assert sides == [7, 14, 28]
    assert [f.shape[1:] for f in networks.discriminator(samples).features] == [
        (16, 14, 14),
        (32, 7, 7),
        (64, 4, 4),
        (64, 1, 1),
    ]


def test_the_maps_of_the_sketch_discriminator_are_as_large_as_in_the_code() -> None:
    networks = networks_of(PARAMS.recipe("deligan", "sketches", "code"), (1, 32, 32), "meta")
    features = networks.discriminator(torch.empty(5, 1, 32, 32, device="meta")).features
    assert [f.shape[1:] for f in features] == [(20, 30, 30), (20, 14, 14), (40, 6, 6), (80, 2, 2), (80, 2, 2), (80,)]


def naive(signal: list[float], weights: list[float], stride: int) -> list[float]:
    """TensorFlow's SAME convolution in one dimension: ⌈n/stride⌉ outputs, the odd zero after the signal."""
    outputs = -(-len(signal) // stride)
    needed = max((outputs - 1) * stride + len(weights) - len(signal), 0)
    before = needed // 2
    padded = [0.0] * before + signal + [0.0] * (needed - before)
    return [sum(w * padded[o * stride + k] for k, w in enumerate(weights)) for o in range(outputs)]


@pytest.mark.parametrize(("side", "kernel"), [(28, 5), (14, 5), (7, 3), (8, 3), (9, 4)])
def test_paddings_are_tensorflows(side: int, kernel: int) -> None:
    signal, weights = torch.randn(side), torch.randn(kernel)
    layer = nn.Conv1d(1, 1, kernel, 2, bias=False)
    layer.weight.data = weights.view(1, 1, -1)
    padded = nn.functional.pad(signal.view(1, 1, -1), same_padding(side, kernel, 2))
    expected = torch.tensor(naive(signal.tolist(), weights.tolist(), 2))
    torch.testing.assert_close(layer(padded).flatten(), expected)
    assert same_padding(28, 5, 2) == (1, 2)


def test_the_generators_convolutions_are_the_transposes_of_the_discriminators() -> None:
    generator: Any = ConvolutionalGenerator(3, 4, ((2, 3, 2), (3, 5, 2), (1, 5, 2)), (1, 28, 28))
    discriminator: Any = ConvolutionalDiscriminator((3, 14, 14), ((2, 5, 2),), 1, (1, 1))
    up, down = generator.stack[4:6], discriminator.blocks[0][:2]  # biases start at zero
    up[0].weight.data = down[1].weight.data
    small, large = torch.randn(1, 2, 7, 7), torch.randn(1, 3, 14, 14)
    torch.testing.assert_close((up(small) * large).sum(), (down(large) * small).sum(), rtol=1e-3, atol=1e-4)


def test_mnist_networks_start_as_the_code_has_them() -> None:
    generator, discriminator = networks_of(PARAMS.recipe("deligan", "mnist", "code"), (1, 28, 28))
    body: Any = generator.body
    judge: Any = discriminator
    for layer in (*body.stack, *(block[1] for block in judge.blocks)):
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            assert layer.weight.abs().max() <= 0.04 and not layer.get_parameter("bias").any()
            # a normal cut at two standard deviations has 0.8796 of its spread
            assert layer.weight.std().item() == pytest.approx(0.8796 * 0.02, rel=0.1)
    dense_layer, norm = body.project[0], body.project[1]
    assert 0.3 < dense_layer.weight.abs().max() <= (3 / 30) ** 0.5 and not dense_layer.bias.any()
    assert norm.weight.std().item() == pytest.approx(0.02, rel=0.1) and norm.weight.mean().item() == pytest.approx(
        1, abs=1e-2
    )
    assert norm.eps == body.stack[2].eps == 1e-5
    assert judge.blocks[1][2].eps == 1e-3 and (judge.blocks[1][2].weight == 1).all()
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in judge.blocks[0])
    assert judge.output.weight.std().item() == pytest.approx(0.02, rel=0.2)
    assert judge.minibatch.direction.std().item() == pytest.approx(0.05, rel=0.05)
    assert generator.get_parameter("prior.sigma").unique().item() == pytest.approx(0.2)


def test_the_dense_layer_of_gan_plus_plus_comes_first() -> None:
    recipe = PARAMS.recipe("deligan", "cifar10-gan-plus-plus", "code")
    body: Any = networks_of(recipe, (3, 32, 32)).generator.body
    assert body[0].weight.std().item() == pytest.approx(0.05, rel=0.05)
    hidden: Tensor = body[1](body[0](torch.randn(6, 100)))
    assert hidden.shape == (6, recipe.batch) and (hidden == 0).any() and (hidden > 0).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"minibatch": [0, 5]}, r"minibatch\[0\]: .*0"),
        ({"minibatch": [16]}, "minibatch"),
        ({"pool": 3}, "pool 3 does not fit maps of 2×2"),
        ({"generator": [[16, 1, 2], [1, 3, 1]]}, "no kernel is smaller than its stride"),
        ({"generator": [[16, 3, 2], [2, 3, 1]]}, "its last layer has their channels"),
        ({"discriminator": []}, "layers"),
        ({"padding": 4}, "padding.*accepted keys"),
    ],
)
def test_what_an_image_network_may_not_have_is_one_sentence(change: dict[str, Any], message: str) -> None:
    recipe = PARAMS.recipe("deligan", "digits", "code")
    network = {"convolutional": {**recipe.network["convolutional"], **change}}
    with pytest.raises(InputError, match=f"(?i){message}") as error:
        build(network, recipe.prior, recipe.latent_dim, (1, 8, 8))
    assert "\n" not in str(error.value) and str(error.value).endswith(".")


def test_points_take_a_dense_network_and_images_do_not() -> None:
    toy, digits = PARAMS.recipe("deligan", "toy", "code"), PARAMS.recipe("deligan", "digits", "code")
    with pytest.raises(InputError, match="network of deligan: hidden.*unexpected"):
        networks_of(toy, (1, 8, 8))
    with pytest.raises(InputError, match="network of deligan: convolutional.*unexpected"):
        networks_of(digits, (2,))
    for network in ({}, {**digits.network, "class_logits": True}, {**digits.network, "latent_layer": -1}):
        with pytest.raises(InputError, match="network of deligan"):
            build(network, digits.prior, 30, (1, 8, 8))
    with pytest.raises(InputError, match="form ensemble makes points"):
        networks_of(replace(digits, prior=Prior(components=50, form="ensemble")), (1, 8, 8))
