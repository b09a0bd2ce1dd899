"""DCGAN's networks: the shapes and counts that the paper's figure and the released nets have, by hand."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, conv_transpose2d, leaky_relu

from replication.config.recipes import Prior
from replication.foundation.errors import InputError
from replication.models.dcgan import build
from replication.models.layers.convolutional import ConvolutionalDiscriminator
from replication.models.layers.networks import Judged, Networks
from tests.in_small import own_params

PARAMS = own_params()
SMALL: dict[str, Any] = {
    "kernel": 3, "init_std": 0.02, "generator": [[4, 0], [3, 2], [1, 1]], "discriminator": [[2, 1], [3, 2]],
}  # fmt: skip
CONDITIONAL: dict[str, Any] = {
    "kind": "conditional", "kernel": 3, "init_std": 0.3, "dense": [6],
    "generator": [[4, 0], [3, 2], [1, 2]], "discriminator": [[2, 2], [3, 2]],
}  # fmt: skip
FIVE, NINE = 5 * 5, 3 * 3  # weights of a kernel


def of_recipe(name: str, side: int, channels: int, classes: int = 0) -> Networks:
    """The networks of a recipe, without any values in them."""
    recipe = PARAMS.recipe("dcgan", name, "code")
    with torch.device("meta"):
        return build(recipe.network, recipe.prior, recipe.latent_dim, (channels, side, side), classes)


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def made(networks: Networks, latent_dim: int) -> list[tuple[int, ...]]:
    """Shapes after every layer of the generator with weights, found without computing anything."""
    shapes: list[tuple[int, ...]] = []

    def note(_: nn.Module, __: Any, output: Tensor) -> None:
        shapes.append(tuple(output.shape[1:]))

    for module in networks.generator.modules():
        if isinstance(module, nn.Linear | nn.ConvTranspose2d):
            module.register_forward_hook(note)
    labels = torch.zeros(2, dtype=torch.int64, device="meta")
    images = networks.generator(torch.empty(2, latent_dim, device="meta"), labels, labels)
    assert networks.discriminator(images, labels).logits.shape == (2,)
    return shapes


def seen(networks: Networks, side: int, channels: int) -> list[tuple[int, ...]]:
    """Shapes of what the discriminator offers as features."""
    labels = torch.zeros(2, dtype=torch.int64, device="meta")
    judged: Judged = networks.discriminator(torch.empty(2, channels, side, side, device="meta"), labels)
    return [tuple(maps.shape[1:]) for maps in judged.features]


def kernels(widths: list[int], area: int) -> int:
    return area * sum(a * b for a, b in pairwise(widths))


@pytest.mark.parametrize("recipe", ["celeba", "lsun"])
def test_the_64_pixel_networks_are_the_papers(recipe: str) -> None:
    networks = of_recipe(recipe, 64, 3)
    assert made(networks, 100) == [(16384,), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64)]
    assert seen(networks, 64, 3) == [(128, 32, 32), (256, 16, 16), (512, 8, 8), (1024, 4, 4)]
    gains = 2 * (16384 + 512 + 256 + 128)  # with as many biases: per unit after the dense layer, per channel elsewhere
    assert size(networks.generator) == 100 * 16384 + kernels([1024, 512, 256, 128, 3], FIVE) + gains == 18_885_760
    expected = kernels([3, 128, 256, 512, 1024], FIVE) + 2 * (256 + 512 + 1024) + 1024 * 4 * 4
    assert size(networks.discriminator) == expected == 17_232_768


@pytest.mark.parametrize("recipe", ["cifar10", "imagenet32"])
def test_the_32_pixel_networks_are_those_of_the_cifar10_features(recipe: str) -> None:
    networks = of_recipe(recipe, 32, 3)
    assert made(networks, 256) == [(8192,), (512, 8, 8), (256, 8, 8), (256, 16, 16), (128, 16, 16), (128, 32, 32),
                                   (3, 32, 32)]  # fmt: skip
    assert seen(networks, 32, 3) == [(128, 32, 32), (128, 16, 16), (256, 16, 16), (256, 8, 8), (512, 8, 8), (512, 4, 4)]
    assert 16 * sum(channels for channels, _, _ in seen(networks, 32, 3)) == 28_672  # the paper's feature vector
    gains = 2 * (8192 + 512 + 256 + 256 + 128 + 128)
    assert size(networks.generator) == 256 * 8192 + kernels([512, 512, 256, 256, 128, 128, 3], NINE) + gains
    gains = 2 * (128 + 256 + 256 + 512 + 512)
    assert size(networks.discriminator) == kernels([3, 128, 128, 256, 256, 512, 512], NINE) + gains + 8192


def test_the_svhn_networks_are_those_of_the_released_weights() -> None:
    """Shapes of the released arrays: 100×4096, 256×128×5×5, 128×64×5×5, 64×3×5×5; 64, 128, 256 and 4096×1."""
    networks = of_recipe("svhn", 32, 3)
    assert made(networks, 100) == [(4096,), (128, 8, 8), (64, 16, 16), (3, 32, 32)]
    assert seen(networks, 32, 3) == [(64, 16, 16), (128, 8, 8), (256, 4, 4)]
    expected = 100 * 4096 + 2 * 4096 + 256 * 128 * FIVE + 2 * 128 + 128 * 64 * FIVE + 2 * 64 + 64 * 3 * FIVE
    assert size(networks.generator) == expected
    expected = 3 * 64 * FIVE + 64 * 128 * FIVE + 2 * 128 + 128 * 256 * FIVE + 2 * 256 + 4096
    assert size(networks.discriminator) == expected


def test_the_conditional_networks_are_those_of_the_released_mnist_code() -> None:
    networks = of_recipe("mnist-conditional", 28, 1, 10)
    assert made(networks, 100) == [(1024,), (6272,), (64, 14, 14), (1, 28, 28)]
    assert seen(networks, 28, 1) == [(64, 14, 14), (128, 7, 7), (1024,)]
    expected = 110 * 1024 + 1034 * 128 * 7 * 7 + 138 * 64 * FIVE + 74 * 1 * FIVE  # no gain, no bias
    assert size(networks.generator) == expected
    expected = 11 * 64 * FIVE + 74 * 128 * FIVE + (128 * 7 * 7 + 10) * 1024 + 1034
    assert size(networks.discriminator) == expected
    assert not any(isinstance(m, ConvolutionalDiscriminator) for m in networks.discriminator.modules())


def test_the_fully_connected_baseline_has_no_convolution() -> None:
    networks = of_recipe("mnist-gan", 28, 1, 10)
    assert made(networks, 100) == [(1024,), (1024,), (784,)]
    assert seen(networks, 28, 1) == [(1024,), (1024,)]
    assert size(networks.generator) == 110 * 1024 + 1034 * 1024 + 1034 * 784
    assert size(networks.discriminator) == 794 * 1024 + 1034 * 1024 + 1034
    assert {parameter.dim() for network in networks for parameter in network.parameters()} == {2}


def test_the_logit_sees_the_last_feature() -> None:
    _, discriminator = build({**SMALL, "init_std": 0.5}, Prior(), 5, (1, 8, 8))
    assert isinstance(discriminator, ConvolutionalDiscriminator)
    images = torch.randn(6, 1, 8, 8)
    features = discriminator.features(images)
    expected = features[-1].reshape(6, 48) @ discriminator.output.weight[0]
    torch.testing.assert_close(discriminator(images).logits, expected)


def test_weights_and_gains_start_at_their_own_deviations() -> None:
    torch.manual_seed(0)
    wide = {**SMALL, "generator": [[64, 0], [32, 2], [1, 1]], "gain_std": 0.1}
    generator, discriminator = build(wide, Prior(), 50, (1, 8, 8))
    assert generator.get_parameter("body.project.0.weight").std().item() == pytest.approx(0.02, rel=0.03)
    gain = generator.get_parameter("body.project.1.weight")  # one for each of 64·4·4 units
    assert gain.shape == (1024,)
    assert gain.mean().item() == pytest.approx(1.0, abs=0.02) and gain.std().item() == pytest.approx(0.1, rel=0.1)
    assert not generator.get_parameter("body.project.1.bias").any()
    assert 0.01 < discriminator.get_parameter("blocks.1.0.weight").std().item() < 0.03


def beside(inputs: Tensor, labels: list[int], classes: int) -> Tensor:
    """Inputs with K further units or maps, all 0 but that of the label, which is 1."""
    extra = torch.zeros(len(inputs), classes, *inputs.shape[2:])
    for row, label in enumerate(labels):
        extra[row, label] = 1.0
    return torch.cat([inputs, extra], dim=1)


def plain(values: Tensor) -> Tensor:
    """Batch normalisation by the batch's own mean and variance, without gain and bias."""
    return batch_norm(values, None, None, training=True, eps=1e-8)


def test_the_label_stands_beside_the_input_of_every_layer() -> None:
    torch.manual_seed(0)
    labels = [2, 0, 1, 1, 2]
    generator, discriminator = build(CONDITIONAL, Prior(), 5, (1, 8, 8), classes=3)
    w = list(generator.parameters())
    noise = torch.randn(5, 5)
    hidden = plain(beside(noise, labels, 3) @ w[0].T).relu()
    hidden = plain(beside(hidden, labels, 3) @ w[1].T).relu().reshape(5, 4, 2, 2)
    hidden = plain(conv_transpose2d(beside(hidden, labels, 3), w[2], None, 2, 1, 1)).relu()
    images = conv_transpose2d(beside(hidden, labels, 3), w[3], None, 2, 1, 1).sigmoid()
    made_images = generator(noise, torch.zeros(5, dtype=torch.int64), torch.tensor(labels))
    torch.testing.assert_close(made_images, images)
    w = list(discriminator.parameters())
    first = leaky_relu(conv2d(beside(images, labels, 3), w[0], None, 2, 1), 0.2)
    second = leaky_relu(plain(conv2d(beside(first, labels, 3), w[1], None, 2, 1)), 0.2)
    third = leaky_relu(plain(beside(second.flatten(1), labels, 3) @ w[2].T), 0.2)
    judged = discriminator(images, torch.tensor(labels))
    torch.testing.assert_close(judged.logits, (beside(third, labels, 3) @ w[3].T)[:, 0])
    for found, expected in zip(judged.features, (first, second, third), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({**SMALL, "dropout": 0.5}, "dropout.*accepted keys"),
        ({**SMALL, "kernel": "3"}, "kernel"),
        ({**SMALL, "kernel": 4}, "kernel 4"),
        ({**SMALL, "generator": [[4, 0, 1]]}, "generator"),
        ({key: SMALL[key] for key in ("kernel", "init_std", "generator")}, "discriminator"),
        ({**SMALL, "generator": [[4, 0], [1, 3]]}, "cannot end in images"),
        ({**SMALL, "discriminator": [[4, 0]]}, "discriminator"),
        ({**SMALL, "kind": "recurrent"}, "kind is 'recurrent'; accepted: convolutional, conditional, dense"),
        ({**SMALL, "guidelines": {"batch_norm": "some"}}, "guidelines.batch_norm: input should be 'inner'"),
        ({**SMALL, "guidelines": {"pooling": True}}, "guidelines.pooling.*accepted keys: \\['activation'"),
        ({**SMALL, "guidelines": {"leak": 1.5}}, "guidelines.leak: .*1.5"),
        ({**CONDITIONAL, "dense": []}, "dense layers \\[\\]"),
        ({**CONDITIONAL, "guidelines": {}}, "guidelines.*accepted keys"),
        (CONDITIONAL, "0 classes"),
        ({"kind": "dense", "hidden": [3]}, "nonlinearity"),
    ],
)
def test_what_a_network_may_not_have_is_one_sentence(network: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        build(network, Prior(), 5, (1, 8, 8))
    assert "\n" not in str(error.value) and str(error.value).endswith(".")


def test_a_conditional_network_without_labels_says_so() -> None:
    generator, _ = build(CONDITIONAL, Prior(), 5, (1, 8, 8), classes=3)
    with pytest.raises(InputError, match="needs labels: .*generator_minibatch own or next"):
        generator(torch.randn(2, 5), torch.zeros(2, dtype=torch.int64))
