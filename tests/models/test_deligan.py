"""DeLiGAN's networks: maps and paddings as in the released code, and initial weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from replication.models.deligan import ConvolutionalDiscriminator, ConvolutionalGenerator, same_padding
from tests.models.papers import networks_of


def test_the_maps_of_the_mnist_generator_are_as_large_as_in_the_code() -> None:
    networks = networks_of("deligan", "mnist")
    body: Any = networks.generator.body
    samples, sides = body.project(torch.empty(5, 30, device="meta")).unflatten(1, (64, 4, 4)), []
    for layer in body.stack:
        samples = layer(samples)
        sides += [samples.shape[2]] if isinstance(layer, nn.ZeroPad2d) else []
    assert sides == [7, 14, 28]


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


def test_the_generators_convolutions_are_the_transposes_of_the_discriminators() -> None:
    generator: Any = ConvolutionalGenerator(3, 4, ((2, 3, 2), (3, 5, 2), (1, 5, 2)), (1, 28, 28))
    discriminator: Any = ConvolutionalDiscriminator((3, 14, 14), ((2, 5, 2),), 1, (1, 1))
    up, down = generator.stack[4:6], discriminator.blocks[0][:2]  # biases start at zero
    up[0].weight.data = down[1].weight.data
    small, large = torch.randn(1, 2, 7, 7), torch.randn(1, 3, 14, 14)
    torch.testing.assert_close((up(small) * large).sum(), (down(large) * small).sum(), rtol=1e-3, atol=1e-4)


def test_mnist_networks_start_as_the_code_has_them() -> None:
    generator, discriminator = networks_of("deligan", "mnist", device="cpu")
    body: Any = generator.body
    judge: Any = discriminator
    for layer in (*body.stack, *(block[1] for block in judge.blocks)):
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            assert layer.weight.abs().max() <= 0.04 and not layer.get_parameter("bias").any()
            # a normal cut at two standard deviations has 0.8796 of its spread
            assert layer.weight.std().item() == pytest.approx(0.8796 * 0.02, rel=0.1)
    dense_layer, norm = body.project[0], body.project[1]
    assert 0.3 < dense_layer.weight.abs().max() <= (3 / 30) ** 0.5 and not dense_layer.bias.any()
    assert norm.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert norm.weight.mean().item() == pytest.approx(1, abs=1e-2)
    assert norm.eps == body.stack[2].eps == 1e-5
    assert judge.blocks[1][2].eps == 1e-3 and (judge.blocks[1][2].weight == 1).all()
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in judge.blocks[0])
    assert judge.output.weight.std().item() == pytest.approx(0.02, rel=0.2)
    assert judge.minibatch.direction.std().item() == pytest.approx(0.05, rel=0.05)
    assert generator.get_parameter("prior.sigma").unique().item() == pytest.approx(0.2)


def test_the_dense_layer_of_gan_plus_plus_comes_first() -> None:
    body: Any = networks_of("deligan", "cifar10-gan-plus-plus", device="cpu").generator.body
    assert body[0].weight.std().item() == pytest.approx(0.05, rel=0.05)
    hidden: Tensor = body[1](body[0](torch.randn(6, 100)))
    assert hidden.shape == (6, 100) and (hidden == 0).any() and (hidden > 0).any()
