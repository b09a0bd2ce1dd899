"""Weight-normalised layers against their weights written out output by output, and how data sets them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d, linear

from replication.models.layers import weight_norm
from replication.models.layers.weight_norm import WeightNorm, normalised_dense, normalised_transposed_convolution

LAYERS: dict[str, tuple[Callable[[], WeightNorm], tuple[int, ...], int]] = {
    "dense": (lambda: normalised_dense(5, 4), (30, 5), 0),
    "convolution": (lambda: weight_norm.normalised_convolution(3, 4, 3, 2, 1), (30, 3, 6, 6), 0),
    "transposed": (lambda: normalised_transposed_convolution(3, 4, 5, 2, initial_std=1.0), (30, 3, 4, 4), 1),
}


def layer_of(name: str) -> tuple[WeightNorm, Tensor]:
    torch.manual_seed(0)
    make, shape, _ = LAYERS[name]
    layer = make()
    layer.scale.data.uniform_(0.5, 2.0)
    layer.bias.data.normal_()
    return layer, torch.randn(shape)


def written_out(layer: WeightNorm, axis: int, epsilon: float) -> Tensor:
    """w_o = g_o·v_o/√(ε + Σ v_o²), one output after the other."""
    rows = []
    for output, direction in enumerate(layer.direction.detach().unbind(axis)):
        squares = sum(value * value for value in direction.flatten().tolist())
        rows.append(layer.scale[output].item() * direction / (epsilon + squares) ** 0.5)
    return torch.stack(rows, axis)


@pytest.mark.parametrize("name", LAYERS)
def test_the_weight_is_scale_times_direction_over_its_norm(name: str) -> None:
    layer, inputs = layer_of(name)
    weight, bias = written_out(layer, LAYERS[name][2], 1e-6), layer.bias
    torch.testing.assert_close(layer.derived(), weight)
    plain = {
        "dense": lambda: linear(inputs, weight, bias),
        "convolution": lambda: conv2d(inputs, weight, bias, stride=2, padding=1),
        "transposed": lambda: conv_transpose2d(inputs, weight, bias, stride=2, padding=2, output_padding=1),
    }[name]()
    torch.testing.assert_close(layer(inputs), plain)


def test_epsilon_lies_under_the_root_with_the_sum_of_squares() -> None:
    layer = WeightNorm(linear, torch.full((1, 4), 1e-3))
    expected = 1e-3 / (1e-6 + 4e-6) ** 0.5
    torch.testing.assert_close(layer.derived(), torch.full((1, 4), expected))


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("std", [1.0, 0.1])
@torch.no_grad()
def test_data_set_each_output_to_mean_0_and_the_initial_standard_deviation(name: str, std: float) -> None:
    layer, inputs = layer_of(name)
    layer.initial_std, layer.starting = std, True
    before = layer.direction.clone()
    set_by = layer(inputs)
    layer.starting = False
    outputs = layer(inputs)
    torch.testing.assert_close(outputs, set_by, rtol=1e-4, atol=1e-5)
    units = outputs.transpose(0, 1).flatten(1)
    torch.testing.assert_close(units.mean(1), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(units.std(1, correction=0), torch.full((4,), std), rtol=1e-4, atol=0)
    assert torch.equal(layer.direction, before)


@torch.no_grad()
def test_a_layer_without_an_initial_standard_deviation_stays_as_it_is() -> None:
    layer = normalised_dense(5, 4, initial_std=None)
    inputs = 3 + torch.randn(20, 5)
    before = layer(inputs)
    layer.starting = True
    assert torch.equal(layer(inputs), before)
    assert torch.equal(layer.scale, torch.ones(4)) and not layer.bias.any()


def test_the_directions_gradient_is_at_right_angles_to_it() -> None:
    torch.manual_seed(0)
    layer = normalised_dense(6, 3, epsilon=0.0)
    layer(torch.randn(8, 6)).square().sum().backward()
    gradient = layer.direction.grad
    assert gradient is not None and gradient.abs().max() > 0.1
    torch.testing.assert_close((gradient * layer.direction).sum(1), torch.zeros(3), atol=1e-4, rtol=0)


@pytest.mark.parametrize("std", [0.05, 0.1])
def test_directions_start_normal(std: float) -> None:
    torch.manual_seed(0)
    direction = normalised_dense(200, 100, direction_std=std).direction
    assert direction.std().item() == pytest.approx(std, rel=0.02)
    assert abs(direction.mean().item()) < std / 20


@pytest.mark.parametrize("name", LAYERS)
def test_a_shared_start_gives_all_outputs_together_the_standard_deviation(name: str) -> None:
    layer, inputs = layer_of(name)
    torch.nn.init.zeros_(layer.bias)
    layer.initial_std, layer.shared_std = 0.7, True
    with torch.no_grad():
        plain = layer(inputs)  # without a bias
        layer.starting = True
        started = layer(inputs)
        layer.starting = False
        again = layer(inputs)
    axes = [axis for axis in range(plain.dim()) if axis != 1]
    centred = plain - plain.mean(axes, keepdim=True)
    torch.testing.assert_close(started, centred * (0.7 / centred.std(correction=0)))  # one factor for all outputs
    torch.testing.assert_close(again, started, atol=1e-5, rtol=1e-4)
