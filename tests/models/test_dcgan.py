"""DCGAN's networks: the shapes and counts that the paper's figure and the released nets have, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from replication.errors import InputError
from replication.models.dcgan import build
from replication.models.layers.convolutional import ConvolutionalDiscriminator
from replication.models.layers.networks import Networks
from replication.params import load_params
from replication.recipes import Prior

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml")
SMALL: dict[str, Any] = {
    "kernel": 3, "init_std": 0.02, "generator": [[4, 0], [3, 2], [1, 1]], "discriminator": [[2, 1], [3, 2]],
}  # fmt: skip
FACES = {  # the paper's figure 1 and its mirror
    "kernel": 5,
    "init_std": 0.02,
    "generator": [[1024, 0], [512, 2], [256, 2], [128, 2], [3, 2]],
    "discriminator": [[128, 2], [256, 2], [512, 2], [1024, 2]],
}


def sizes(module: nn.Module) -> list[int]:
    return [parameter.numel() for parameter in module.parameters()]


def shapes_of(networks: Networks, latent_dim: int, side: int) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """Shapes [C, H, W] after every layer that changes them, found without computing anything."""
    made: list[tuple[int, ...]] = []

    def note(_: nn.Module, __: Any, output: Tensor) -> None:
        made.append(tuple(output.shape[1:]))

    for module in networks.generator.modules():
        if isinstance(module, nn.Linear | nn.ConvTranspose2d):
            module.register_forward_hook(note)
    component = torch.zeros(2, dtype=torch.int64, device="meta")
    networks.generator(torch.empty(2, latent_dim, device="meta"), component)
    assert isinstance(networks.discriminator, ConvolutionalDiscriminator)
    images = torch.empty(2, 3, side, side, device="meta")
    assert networks.discriminator(images).shape == (2,)
    return made, [tuple(maps.shape[1:]) for maps in networks.discriminator.features(images)]


def test_the_64_pixel_networks_are_the_papers() -> None:
    with torch.device("meta"):
        networks = build(FACES, Prior(), 100, (3, 64, 64))
    made, seen = shapes_of(networks, 100, 64)
    assert made == [(16384,), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64)]
    assert seen == [(128, 32, 32), (256, 16, 16), (512, 8, 8), (1024, 4, 4)]
    five = 5 * 5
    kernels = [100 * 16384, 1024 * 512 * five, 512 * 256 * five, 256 * 128 * five, 128 * 3 * five]
    assert sum(sizes(networks.generator)) == sum(kernels) + 2 * (16384 + 512 + 256 + 128)
    kernels = [3 * 128 * five, 128 * 256 * five, 256 * 512 * five, 512 * 1024 * five, 1024 * 4 * 4]
    assert sum(sizes(networks.discriminator)) == sum(kernels) + 2 * (256 + 512 + 1024)


def test_the_32_pixel_networks_are_those_of_the_cifar10_features() -> None:
    recipe = PARAMS.recipe("dcgan", "cifar10", "paper")
    with torch.device("meta"):
        networks = build(recipe.network, recipe.prior, recipe.latent_dim, (3, 32, 32))
    made, seen = shapes_of(networks, 256, 32)
    assert made == [(8192,), (512, 8, 8), (256, 8, 8), (256, 16, 16), (128, 16, 16), (128, 32, 32), (3, 32, 32)]
    assert seen == [(128, 32, 32), (128, 16, 16), (256, 16, 16), (256, 8, 8), (512, 8, 8), (512, 4, 4)]
    widths = [512, 512, 256, 256, 128, 128, 3]
    kernels = sum(9 * a * b for a, b in zip(widths, widths[1:], strict=False))
    assert sum(sizes(networks.generator)) == 256 * 8192 + kernels + 2 * (8192 + 512 + 256 + 256 + 128 + 128)
    widths = [3, 128, 128, 256, 256, 512, 512]
    kernels = sum(9 * a * b for a, b in zip(widths, widths[1:], strict=False))
    assert sum(sizes(networks.discriminator)) == kernels + 2 * (128 + 256 + 256 + 512 + 512) + 8192


def test_no_biases_and_no_normalisation_at_either_end() -> None:
    generator, discriminator = build(SMALL, Prior(), 5, (1, 8, 8))
    for module in (*generator.modules(), *discriminator.modules()):
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            assert module.bias is None
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.eps == 1e-8
    kinds = [type(module) for module in generator.modules() if not list(module.children())]
    assert kinds == [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU,
                     nn.ConvTranspose2d, nn.Tanh]  # fmt: skip
    kinds = [type(module) for module in discriminator.modules() if not list(module.children())]
    assert kinds == [nn.Conv2d, nn.LeakyReLU, nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU, nn.Identity, nn.Linear]
    assert {module.negative_slope for module in discriminator.modules() if isinstance(module, nn.LeakyReLU)} == {0.2}


def test_the_logit_sees_the_last_feature() -> None:
    _, discriminator = build({**SMALL, "init_std": 0.5}, Prior(), 5, (1, 8, 8))
    assert isinstance(discriminator, ConvolutionalDiscriminator)
    images = torch.randn(6, 1, 8, 8)
    features = discriminator.features(images)
    assert [tuple(maps.shape) for maps in features] == [(6, 2, 8, 8), (6, 3, 4, 4)]
    expected = features[-1].reshape(6, 48) @ discriminator.output.weight[0]
    torch.testing.assert_close(discriminator(images), expected)


def test_weights_start_at_the_recipes_deviation() -> None:
    torch.manual_seed(0)
    generator, discriminator = build({**SMALL, "generator": [[64, 0], [32, 2], [1, 1]]}, Prior(), 50, (1, 8, 8))
    dense = generator.get_parameter("body.project.0.weight")
    assert dense.std().item() == pytest.approx(0.02, rel=0.03)
    assert generator.get_parameter("body.project.1.weight").mean().item() == pytest.approx(1.0, abs=0.005)
    kernel = discriminator.get_parameter("blocks.1.0.weight")
    assert 0.01 < kernel.std().item() < 0.03


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({**SMALL, "dropout": 0.5}, "dropout.*accepted keys"),
        ({**SMALL, "kernel": "3"}, "kernel"),
        ({**SMALL, "generator": [[4, 0, 1]]}, "generator"),
        ({key: SMALL[key] for key in ("kernel", "init_std", "generator")}, "discriminator"),
        ({**SMALL, "generator": [[4, 0], [1, 3]]}, "cannot end in images"),
    ],
)
def test_what_a_network_may_not_have_is_one_sentence(network: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        build(network, Prior(), 5, (1, 8, 8))
    assert "\n" not in str(error.value) and str(error.value).endswith(".")
