"""Guided gradients against one worked by hand and plain autograd; selectivity against counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from replication.metrics import guided_backpropagation
from replication.metrics.guided_backpropagation import filter_selectivity, guided, guided_gradients, most_exciting


def two_layers(first: list[list[float]], second: list[list[float]], leak: float = 0.2) -> nn.Sequential:
    """Dense layers as 1×1 convolutions of one pixel, a LeakyReLU after each."""
    layers = []
    for matrix in (first, second):
        convolution = nn.Conv2d(len(matrix[0]), len(matrix), 1, bias=False)
        convolution.weight.data = torch.tensor(matrix)[:, :, None, None]
        layers += [convolution, nn.LeakyReLU(leak)]
    return nn.Sequential(*layers)


def pixel(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)[None, :, None, None]


def test_a_gradient_worked_by_hand() -> None:
    """Hidden units are 1 + 2 = 3 and 1 − 2 = −1, which is −0.2 after the rectifier.

    Filter 0 sums them to 2.8: both have gradient 1, and only the first is active: its weights (1, 1) come out, where
    plain autograd adds 0.2 of (1, −1). Filter 1 is −3 + 20 · 0.2 = 1: both gradients are negative and none passes.
    """
    network = two_layers([[1.0, 1.0], [1.0, -1.0]], [[1.0, 1.0], [-1.0, -20.0]])
    assert guided_gradients(network, network, pixel(1, 2), [0]).flatten().tolist() == [1.0, 1.0]
    assert guided_gradients(network, network, pixel(1, 2), [1]).flatten().tolist() == [0.0, 0.0]
    leaves = pixel(1, 2).requires_grad_()
    (plain,) = torch.autograd.grad(network(leaves)[0, 0].sum(), leaves)  # the hooks are gone
    assert plain.flatten().tolist() == pytest.approx([1.2, 0.8])


def test_an_inactive_filter_passes_nothing() -> None:
    network = two_layers([[1.0, 1.0]], [[-1.0]])
    assert guided_gradients(network, network, pixel(1, 2), [0]).flatten().tolist() == [0.0, 0.0]


def test_where_all_signs_are_positive_it_is_autograd() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(4, 3, 3, 2, 1), nn.ReLU())
    for parameter in network.parameters():
        parameter.data.abs_()
    samples, filters = torch.rand(5, 2, 6, 6), [0, 1, 2, 0, 1]
    leaves = samples.clone().requires_grad_()
    peaks = torch.stack([image[chosen].max() for image, chosen in zip(network(leaves), filters, strict=True)])
    (plain,) = torch.autograd.grad(peaks.sum(), leaves)
    assert torch.allclose(guided_gradients(network, network, samples, filters), plain, atol=1e-6)


def test_the_output_is_that_of_the_network() -> None:
    torch.manual_seed(1)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.LeakyReLU(0.2), nn.Conv2d(4, 2, 3), nn.ReLU())
    samples = torch.randn(3, 1, 6, 6)
    expected = network(samples)
    with guided(network):
        assert torch.equal(network(samples), expected)


def test_responses_are_the_largest_of_each_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guided_backpropagation, "BATCH", 2)
    maps = torch.randn(5, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = [[max(maps[n, f].flatten().tolist()) for f in range(3)] for n in range(5)]
    assert guided_backpropagation.filter_responses(lambda batch: batch, maps) == pytest.approx(np.array(expected))


def test_a_filter_of_one_class_and_a_blind_one() -> None:
    """20 images of two classes: filter 0 orders class 1 first, filter 1 alternates, so that 4 are 4 or 2 alike."""
    labels = np.arange(20) % 2
    responses = np.stack([labels + 0.01 * np.arange(20), -np.arange(20.0)], axis=1)
    values, count = filter_selectivity(responses, labels, share=0.2)
    assert (values.tolist(), count) == ([1.0, 0.5], 4)
    assert most_exciting(responses, 3).tolist() == [[19, 17, 15], [0, 1, 2]]


def test_pictures_are_grey_at_zero() -> None:
    gradients = np.array([[[[0.0, -2.0], [2.0, 1.0]]], [[[0.0, 0.0], [0.0, 0.0]]]])
    assert guided_backpropagation.as_picture(gradients).tolist() == [
        [[[128, 0], [255, 191]]],
        [[[128, 128], [128, 128]]],
    ]
