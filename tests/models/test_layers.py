"""Shared layers: sizes and initial weights by hand, the range of images, and sides."""

from __future__ import annotations

from math import sqrt

import pytest
import torch
from torch import nn

from replication.models.layers import convolutional
from replication.models.layers.convolutional import ConvolutionalGenerator, initialise_normal
from replication.models.layers.dense import DenseDiscriminator, dense
from replication.models.layers.samples import as_images, as_samples


def test_a_dense_network_is_its_equation() -> None:
    network = DenseDiscriminator(2, (4,), "tanh")
    first, second = (module for module in network.modules() if isinstance(module, nn.Linear))
    x = torch.randn(5, 2)
    expected = torch.tanh(x @ first.weight.T + first.bias) @ second.weight[0] + second.bias
    torch.testing.assert_close(network(x).logits, expected)
    kinds = [type(module) for module in dense([2, 3, 1], "leaky-relu", nn.Tanh())]
    assert kinds == [nn.Linear, nn.LeakyReLU, nn.Linear, nn.Tanh]


def test_dense_weights_start_uniform_and_biases_zero() -> None:
    torch.manual_seed(0)
    for layer in (module for module in dense([12, 300, 300], "relu", None) if isinstance(module, nn.Linear)):
        limit = sqrt(3 / layer.in_features)
        assert 0.98 * limit < layer.weight.abs().max() <= limit
        assert layer.weight.std().item() == pytest.approx(limit / sqrt(3), rel=0.03)
        assert not layer.bias.any()


def test_normal_weights_have_their_deviation_and_gains_are_around_one() -> None:
    torch.manual_seed(0)
    layers = nn.Linear(100, 100), nn.ConvTranspose2d(30, 30, 3), nn.BatchNorm2d(2000), nn.Conv2d(9, 99, 3)
    network = nn.Sequential(*layers)
    initialise_normal(network, 0.02)
    for layer, mean in zip(network, (0.0, 0.0, 1.0, 0.0), strict=True):
        weight = layer.get_parameter("weight")
        assert weight.std().item() == pytest.approx(0.02, rel=0.06)
        assert weight.mean().item() == pytest.approx(mean, abs=0.002)
        assert not layer.get_parameter("bias").any()


def test_images_and_samples_are_inverse() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    samples = as_samples(levels)
    assert (samples.dtype, samples.min(), samples.max()) == (torch.float32, -1.0, 1.0)
    assert torch.equal(as_images(samples), levels)
    assert as_images(torch.tensor([-1.5, 1.5, 0.002])).tolist() == [0, 255, 128]


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_strides_multiply_the_side(kernel: int, stride: int) -> None:
    generator = ConvolutionalGenerator(2, [(3, 0), (2, stride), (1, 2)], kernel, (1, 24, 24))
    assert generator(torch.randn(2, 2)).shape == (2, 1, 24, 24)
    discriminator = convolutional.ConvolutionalDiscriminator([(2, stride), (3, 2)], kernel, (1, 25, 25))
    assert discriminator(torch.randn(2, 1, 25, 25)).logits.shape == (2,)
