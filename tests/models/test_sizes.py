"""Parameters and shapes of the papers' networks, counted by hand from papers, released code and released weights."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from replication.models.layers.convolutional import ConvolutionalDiscriminator
from replication.models.layers.networks import Networks
from tests.in_small import own_params
from tests.models.papers import conv, dense, networks_of, recipe_of, rows, shape_of, size

HIDDEN_8000 = dense(100, 8000) + dense(8000, 8000)
GAN = {
    "mnist": (
        dense(100, 1200) + dense(1200, 1200) + dense(1200, 784),
        dense(784, 240 * 5) + dense(240, 240 * 5) + dense(240, 1),
    ),
    "cifar10-dense": (
        HIDDEN_8000 + dense(8000, 3072),
        dense(3072, 1600 * 5) + dense(1600, 1600 * 5) + dense(1600, 1),
    ),
    "cifar10-convolutional": (
        HIDDEN_8000 + 80 * 3 * 5 * 5 + 3 * 32 * 32,  # the last is the untied bias
        conv(8, 3, 64) + conv(8, 32, 64) + conv(5, 32, 384) + dense(192 * 5 * 5, 500 * 5) + dense(500, 1),
    ),
}

# Improved GAN's released train_mnist_feature_matching.py: batch normalisation has a bias alone, the last scale of
# either network is trained. The paper's generator has five hidden layers.
MNIST_JUDGE = dense(784, 1000) + dense(1000, 500) + dense(500, 250) + 2 * dense(250, 250) + dense(250, 10) + 10
KERNELS = 192 * 100 * 5


def improved(latent: int, *channels: int) -> int:
    """Improved GAN's generator of images: one bias a unit or channel, in batch norm; the output has a scale too."""
    side = 32 // 2 ** (len(channels) - 1)
    return dense(latent, channels[0] * side**2) + sum(conv(5, *pair) for pair in pairwise(channels)) + channels[-1]


def convolutions(width: int) -> int:
    """Of train_cifar_*.py: directions and biases; scales are set from data and not trained."""
    wide = 2 * width
    return (
        conv(3, 3, width) + 2 * conv(3, width, width) + conv(3, width, wide) + 3 * conv(3, wide, wide)
        + 2 * conv(1, wide, wide)
    )  # fmt: skip


def output(inputs: int, outputs: int) -> int:
    """Direction, bias and the scale, which is trained."""
    return dense(inputs, outputs) + outputs


CIFAR, SKETCH = (512, 256, 128, 3), (160, 80, 40, 1)
IMAGES = improved(100, *CIFAR)
IMPROVED_GAN = {
    ("mnist-100", "paper"): (dense(100, 500) + 4 * dense(500, 500) + output(500, 784), MNIST_JUDGE),
    ("mnist-20", "code"): (dense(100, 500) + dense(500, 500) + output(500, 784), MNIST_JUDGE),
    ("cifar10-4000", "paper"): (IMAGES, convolutions(96) + output(192, 10)),
    ("cifar10-1000", "code"): (IMAGES, convolutions(96) + output(192, 10)),
    ("svhn-1000", "paper"): (IMAGES, convolutions(96) + output(192, 10)),
    ("svhn-1000", "code"): (IMAGES, convolutions(64) + output(128, 10)),
    ("cifar10-minibatch", "paper"): (IMAGES, convolutions(96) + KERNELS + output(292, 10)),
    # a log scale for each kernel and dimension, and a bias for each kernel
    ("cifar10-minibatch", "code"): (IMAGES, convolutions(96) + KERNELS + 500 + 100 + output(292, 10)),
    ("cifar10-batch-norm", "paper"): (IMAGES, convolutions(96) + KERNELS + output(292, 10)),
    ("cifar10-no-labels", "paper"): (IMAGES, convolutions(96) + KERNELS + output(292, 1)),
    ("cifar10-historical-averaging", "paper"): (IMAGES, convolutions(96) + KERNELS + output(292, 1)),
    ("cifar10-no-smoothing", "paper"): (IMAGES, convolutions(96) + KERNELS + output(292, 10)),
    ("cifar10-no-minibatch", "paper"): (IMAGES, convolutions(96) + output(192, 10)),
    ("digits", "code"): (
        dense(32, 64) + dense(64, 64) + output(64, 64),
        dense(64, 128) + dense(128, 64) + output(64, 10),
    ),
}


def mixture(components: int, dimensions: int) -> int:
    """μ and σ of every component."""
    return 2 * components * dimensions


def minibatch(features: int, kernels: int) -> int:
    """Directions of five dimensions, with a log scale for each and a bias for each kernel."""
    return features * kernels * 5 + kernels * 5


TOY, TOY_D = dense(2, 32) + dense(32, 2), dense(2, 32) + dense(32, 1)
# gain and bias of batch normalisation beside the biases of the layers that it follows
DIGITS = dense(30, 512) + 2 * 512 + conv(3, 32, 16) + 2 * 16 + conv(3, 16, 1)
DIGITS_D = conv(3, 1, 16) + conv(3, 16, 32) + 2 * 32 + minibatch(32, 16) + dense(32 + 16, 1)
MNIST = dense(30, 1024) + 2 * 1024 + conv(3, 64, 32) + 2 * 32 + conv(5, 32, 16) + 2 * 16 + conv(5, 16, 1)
MNIST_D = conv(5, 1, 16) + conv(5, 16, 32) + 2 * 32 + conv(3, 32, 64) + 2 * 64 + minibatch(64, 64) + dense(64 + 64, 1)
CIFAR_D = convolutions(96) + minibatch(192, 100) + 100 + output(192 + 100, 10)
SKETCH_D = (
    conv(5, 1, 20) + conv(5, 20, 20) + conv(5, 20, 40) + conv(3, 40, 80) + conv(1, 80, 80)
    + minibatch(80, 50) + 50 + output(80 + 50, 1)
)  # fmt: skip
DELIGAN = {
    **{name: (TOY + mixture(50, 2), TOY_D) for name in ("toy", "toy-unregularised")},
    **{f"toy-n{n}": (TOY + mixture(n, 2), TOY_D) for n in (1, 2, 5, 10, 25, 100)},
    **{f"toy-{arm}": (TOY + mixture(50, 2), TOY_D) for arm in ("fixed", "mean-only", "sigma-only")},
    "toy-gan": (TOY, TOY_D),
    "toy-gan-plus-plus": (dense(2, 50) + dense(50, 32) + dense(32, 2), TOY_D),
    "toy-nx-gan": (dense(2, 32 * 50) + dense(32 * 50, 2), TOY_D),
    "toy-moe-gan": (dense(2 + 50, 32) + dense(32, 2), TOY_D),
    "toy-ensemble-gan": (50 * TOY, TOY_D),
    **{f"toy-mixture-{d}": (dense(d, 32) + dense(32, 2) + mixture(50, d), TOY_D) for d in (1, 4, 8)},
    **{f"toy-uniform-{d}": (dense(d, 32) + dense(32, 2), TOY_D) for d in (1, 4, 8)},
    **{f"toy-normal-{d}": (dense(d, 32) + dense(32, 2), TOY_D) for d in (1, 2, 4, 8)},
    **{name: (DIGITS + mixture(50, 30), DIGITS_D) for name in ("digits", "digits-half")},
    **{name: (DIGITS, DIGITS_D) for name in ("digits-gan", "digits-gan-half")},
    "mnist": (MNIST + mixture(50, 30), MNIST_D),
    "mnist-gan": (MNIST, MNIST_D),
    **{name: (IMAGES + mixture(100, 100), CIFAR_D) for name in ("cifar10", "cifar10-bfloat16")},
    **{name: (IMAGES, CIFAR_D) for name in ("cifar10-gan", "cifar10-gan-bfloat16")},
    "cifar10-gan-plus-plus": (dense(100, 100) + IMAGES, CIFAR_D),
    "cifar10-moe-gan": (improved(100 + 100, *CIFAR), CIFAR_D),
    "cifar10-gan-deeper": (improved(100, 512, *CIFAR), CIFAR_D),
    "sketches": (improved(100, *SKETCH) + mixture(100, 100), SKETCH_D),
    "sketches-gan": (improved(100, *SKETCH), SKETCH_D),
}
COUNTS: dict[tuple[str, str, str], tuple[int, int]] = {
    **{("gan", name, "code"): sizes for name, sizes in GAN.items()},
    **{("improved_gan", *names): sizes for names, sizes in IMPROVED_GAN.items()},
    **{
        ("deligan", name, variant): sizes
        for name, sizes in DELIGAN.items()
        for variant in own_params().recipes["deligan"][name].get("variants", {"paper": {}})
    },
}


@pytest.mark.parametrize(("model", "name", "variant"), COUNTS)
def test_parameters_and_shapes_by_hand(model: str, name: str, variant: str) -> None:
    recipe, networks = recipe_of(model, name, variant), networks_of(model, name, variant)
    assert (size(networks.generator), size(networks.discriminator)) == COUNTS[model, name, variant]
    batch = recipe.batch
    samples = networks.generator(torch.empty(batch, recipe.latent_dim, device="meta"), rows(batch).to("meta"))
    assert samples.shape == (batch, *shape_of(name))
    single = model == "gan" or "no-labels" in name or "historical" in name
    single |= model == "deligan" and not name.startswith("cifar10")
    assert networks.discriminator(samples).logits.shape == ((batch,) if single else (batch, 10))


def generated(networks: Networks, latent_dim: int) -> list[tuple[int, ...]]:
    """Shapes after every layer of a DCGAN generator with weights, found without computing anything."""
    shapes: list[tuple[int, ...]] = []

    def note(_: nn.Module, __: Any, output: Tensor) -> None:
        shapes.append(tuple(output.shape[1:]))

    for module in networks.generator.modules():
        if isinstance(module, nn.Linear | nn.ConvTranspose2d):
            module.register_forward_hook(note)
    labels = rows(2).to("meta")
    images = networks.generator(torch.empty(2, latent_dim, device="meta"), labels, labels)
    assert networks.discriminator(images, labels).logits.shape == (2,)
    return shapes


def seen(networks: Networks, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Shapes of what a discriminator offers as features."""
    judged = networks.discriminator(torch.empty(2, *shape, device="meta"), rows(2).to("meta"))
    return [tuple(maps.shape[1:]) for maps in judged.features]


def kernels(widths: list[int], area: int) -> int:
    return area * sum(a * b for a, b in pairwise(widths))


# Gains come with as many biases: a gain per unit after the dense layer, per channel elsewhere.
DCGAN = {
    **dict.fromkeys(("celeba", "lsun"), (
        [(16384,), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64)],
        [(128, 32, 32), (256, 16, 16), (512, 8, 8), (1024, 4, 4)],
        100 * 16384 + kernels([1024, 512, 256, 128, 3], 25) + 2 * (16384 + 512 + 256 + 128),
        kernels([3, 128, 256, 512, 1024], 25) + 2 * (256 + 512 + 1024) + 1024 * 4 * 4,
    )),
    **dict.fromkeys(("cifar10", "imagenet32"), (
        [(8192,), (512, 8, 8), (256, 8, 8), (256, 16, 16), (128, 16, 16), (128, 32, 32), (3, 32, 32)],
        # 16 features a map: the paper's vector of 28,672
        [(128, 32, 32), (128, 16, 16), (256, 16, 16), (256, 8, 8), (512, 8, 8), (512, 4, 4)],
        256 * 8192 + kernels([512, 512, 256, 256, 128, 128, 3], 9) + 2 * (8192 + 512 + 256 + 256 + 128 + 128),
        kernels([3, 128, 128, 256, 256, 512, 512], 9) + 2 * (128 + 256 + 256 + 512 + 512) + 8192,
    )),
    "svhn": (  # shapes of the released arrays: 100×4096, 256×128×5×5, 128×64×5×5, 64×3×5×5; 64, 128, 256 and 4096×1
        [(4096,), (128, 8, 8), (64, 16, 16), (3, 32, 32)],
        [(64, 16, 16), (128, 8, 8), (256, 4, 4)],
        100 * 4096 + 2 * 4096 + 256 * 128 * 25 + 2 * 128 + 128 * 64 * 25 + 2 * 64 + 64 * 3 * 25,
        3 * 64 * 25 + 64 * 128 * 25 + 2 * 128 + 128 * 256 * 25 + 2 * 256 + 4096,
    ),
    "mnist-conditional": (  # of the released code: no gain, no bias
        [(1024,), (6272,), (64, 14, 14), (1, 28, 28)],
        [(64, 14, 14), (128, 7, 7), (1024,)],
        110 * 1024 + 1034 * 128 * 7 * 7 + 138 * 64 * 25 + 74 * 1 * 25,
        11 * 64 * 25 + 74 * 128 * 25 + (128 * 7 * 7 + 10) * 1024 + 1034,
    ),
    "mnist-gan": (
        [(1024,), (1024,), (784,)],
        [(1024,), (1024,)],
        110 * 1024 + 1034 * 1024 + 1034 * 784,
        794 * 1024 + 1034 * 1024 + 1034,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DCGAN)
def test_dcgans_networks_are_the_papers_and_the_released_ones(name: str) -> None:
    networks, (maps, features, of_generator, of_discriminator) = networks_of("dcgan", name), DCGAN[name]
    assert generated(networks, recipe_of("dcgan", name).latent_dim) == maps
    assert seen(networks, shape_of(name)) == features
    assert (size(networks.generator), size(networks.discriminator)) == (of_generator, of_discriminator)
    judges = [isinstance(module, ConvolutionalDiscriminator) for module in networks.discriminator.modules()]
    assert any(judges) == (not name.startswith("mnist"))
    if name == "mnist-gan":  # the fully connected baseline
        assert {parameter.dim() for network in networks for parameter in network.parameters()} == {2}


def nine(width: int) -> list[tuple[int, ...]]:
    """Improved GAN's convolutions (dnn.Conv2DDNNLayer's padding 1, the seventh without), and their mean."""
    sides = zip([width] * 3 + [2 * width] * 6, [32, 32, 16, 16, 16, 8, 6, 6, 6], strict=True)
    return [*((channels, side, side) for channels, side in sides), (2 * width,)]


FEATURES = {
    ("improved_gan", "cifar10-4000"): nine(96),
    ("improved_gan", "svhn-1000"): nine(64),
    ("improved_gan", "mnist-100"): [(1000,), (500,), (250,), (250,), (250,)],
    ("improved_gan", "digits"): [(128,), (64,)],
    ("deligan", "mnist"): [(16, 14, 14), (32, 7, 7), (64, 4, 4), (64, 1, 1)],
    ("deligan", "sketches"): [(20, 30, 30), (20, 14, 14), (40, 6, 6), (80, 2, 2), (80, 2, 2), (80,)],
}


@pytest.mark.parametrize(("model", "name"), FEATURES)
def test_features_are_those_of_every_layer_and_as_large_as_in_the_code(model: str, name: str) -> None:
    """The features that are matched come last."""
    assert seen(networks_of(model, name), shape_of(name)) == FEATURES[model, name]
