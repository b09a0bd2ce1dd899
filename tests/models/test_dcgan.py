"""DCGAN's layers by their equations, and layer by layer what each guideline's arm changes, and that it is all."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, conv_transpose2d, leaky_relu

from replication.config.recipes import Prior
from replication.models.dcgan import build
from replication.models.layers.convolutional import ConvolutionalDiscriminator, ConvolutionalGenerator
from tests.models.papers import CONDITIONAL, DCGAN


def test_the_logit_sees_the_last_feature() -> None:
    _, discriminator = build({**DCGAN, "init_std": 0.5}, Prior(), 5, (1, 8, 8))
    assert isinstance(discriminator, ConvolutionalDiscriminator)
    images = torch.randn(6, 1, 8, 8)
    features = discriminator.features(images)
    expected = features[-1].reshape(6, 48) @ discriminator.output.weight[0]
    torch.testing.assert_close(discriminator(images).logits, expected)


def test_weights_and_gains_start_at_their_own_deviations() -> None:
    torch.manual_seed(0)
    wide = {**DCGAN, "generator": [[64, 0], [32, 2], [1, 1]], "gain_std": 0.1}
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
    generated = generator(noise, torch.zeros(5, dtype=torch.int64), torch.tensor(labels))
    torch.testing.assert_close(generated, images)
    w = list(discriminator.parameters())
    first = leaky_relu(conv2d(beside(images, labels, 3), w[0], None, 2, 1), 0.2)
    second = leaky_relu(plain(conv2d(beside(first, labels, 3), w[1], None, 2, 1)), 0.2)
    third = leaky_relu(plain(beside(second.flatten(1), labels, 3) @ w[2].T), 0.2)
    judged = discriminator(images, torch.tensor(labels))
    torch.testing.assert_close(judged.logits, (beside(third, labels, 3) @ w[3].T)[:, 0])
    for maps, expected in zip(judged.features, (first, second, third), strict=True):
        torch.testing.assert_close(maps, expected)


def layers(module: nn.Module) -> list[str]:
    """The layers in order, such as "Conv2d 3→2 s2 bias" or "BatchNorm2d 2"; what passes its input on is left out."""
    listed = []
    for layer in module.modules():
        name = type(layer).__name__
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            bias = " bias" if layer.bias is not None else ""
            listed.append(f"{name} {layer.in_channels}→{layer.out_channels} s{layer.stride[0]}{bias}")
        elif isinstance(layer, nn.Linear):
            listed.append(f"{name} {layer.in_features}→{layer.out_features}{' bias' if layer.bias is not None else ''}")
        elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            assert layer.eps == 1e-8
            listed.append(f"{name} {layer.num_features}{'' if layer.affine else ' plain'}")
        elif isinstance(layer, nn.LeakyReLU):
            listed.append(f"{name} {layer.negative_slope}")
        elif not list(layer.children()) and not isinstance(layer, nn.Identity | nn.Sequential | nn.Unflatten):
            listed.append(name)
    return listed


GENERATOR = ["Linear 5→64", "BatchNorm1d 64", "ReLU", "ConvTranspose2d 4→3 s2", "BatchNorm2d 3", "ReLU",
             "ConvTranspose2d 3→1 s1", "Tanh"]  # fmt: skip
DISCRIMINATOR = ["Conv2d 1→2 s1", "LeakyReLU 0.2", "Conv2d 2→3 s2", "BatchNorm2d 3", "LeakyReLU 0.2", "Linear 48→1"]


def replaced(layers: list[str], **by: str) -> list[str]:
    """Layers at places (keys "at3") replaced by others, several of them or none, between commas."""
    return [
        new
        for place, old in enumerate(layers)
        for new in (by[f"at{place}"].split(", ") if f"at{place}" in by else [old])
        if new
    ]


ARMS: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "published": ({}, GENERATOR, DISCRIMINATOR),
    "pooling": (
        {"resampling": "pooling"},
        replaced(GENERATOR, at3="Upsample, ConvTranspose2d 4→3 s1"),
        replaced(DISCRIMINATOR, at2="Conv2d 2→3 s1", at4="LeakyReLU 0.2, MaxPool2d"),
    ),
    "no batch norm": (
        {"batch_norm": "none"},
        replaced(GENERATOR, at0="Linear 5→64 bias", at1="", at3="ConvTranspose2d 4→3 s2 bias", at4=""),
        replaced(DISCRIMINATOR, at2="Conv2d 2→3 s2 bias", at3=""),
    ),
    "batch norm everywhere": (
        {"batch_norm": "everywhere"},
        replaced(GENERATOR, at6="ConvTranspose2d 3→1 s1, BatchNorm2d 1"),
        replaced(DISCRIMINATOR, at0="Conv2d 1→2 s1, BatchNorm2d 2"),
    ),
    "dense hidden": (
        {"dense_hidden": 7},
        replaced(GENERATOR, at0="Linear 5→7, BatchNorm1d 7, ReLU, Linear 7→64"),
        replaced(DISCRIMINATOR, at5="Linear 48→7, BatchNorm1d 7, LeakyReLU 0.2, Linear 7→1"),
    ),
    "global pooling": ({"top": "average"}, GENERATOR, replaced(DISCRIMINATOR, at5="AdaptiveAvgPool2d, Linear 3→1")),
    "relu": ({"leak": 0.0}, GENERATOR, replaced(DISCRIMINATOR, at1="LeakyReLU 0.0", at4="LeakyReLU 0.0")),
    "unbounded": ({"output": "linear"}, GENERATOR[:-1], DISCRIMINATOR),
    "tanh generator": ({"activation": "tanh"}, replaced(GENERATOR, at2="Tanh", at5="Tanh"), DISCRIMINATOR),
}


@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_changes_what_it_says_and_nothing_else(arm: str) -> None:
    guidelines, generator, discriminator = ARMS[arm]
    networks = build({**DCGAN, "guidelines": guidelines}, Prior(), 5, (1, 8, 8))
    assert (layers(networks.generator), layers(networks.discriminator)) == (generator, discriminator)
    assert isinstance(networks.discriminator, ConvolutionalDiscriminator)
    maps = networks.discriminator.features(torch.randn(2, 1, 8, 8))
    assert [tuple(part.shape) for part in maps] == [(2, 2, 8, 8), (2, 3, 4, 4)]  # what the linear probe reads
    samples = networks.generator(torch.randn(3, 5), torch.zeros(3, dtype=torch.int64))
    assert samples.shape == (3, 1, 8, 8)


def test_unpooling_repeats_and_pooling_takes_the_largest() -> None:
    networks = build({**DCGAN, "guidelines": {"resampling": "pooling"}}, Prior(), 5, (1, 8, 8))
    assert isinstance(networks.generator.body, ConvolutionalGenerator)
    maps = torch.randn(2, 4, 4, 4)
    grown = networks.generator.body.stack[0](maps)
    assert torch.equal(grown, maps.repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert isinstance(networks.discriminator, ConvolutionalDiscriminator)
    block = networks.discriminator.blocks[1]
    assert isinstance(block, nn.Sequential)
    inputs = torch.randn(2, 2, 8, 8)
    largest = block[:-1](inputs).reshape(2, 3, 4, 2, 4, 2).amax((3, 5))
    torch.testing.assert_close(block(inputs), largest)
