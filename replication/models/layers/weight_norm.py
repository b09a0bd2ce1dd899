"""Layers whose weight is derived from their parameters: weight normalisation as in Improved GAN's released code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, linear


class Deriving(nn.Module):
    """A layer whose weight is derived anew at each call, unless `prepared_weights` has done it for several."""

    prepared: Tensor | None = None
    few_kernels: bool = False  # whether it computes as a GPU likes it, in few operations, also on a CPU

    def derived(self) -> Tensor:
        """The weight."""
        raise NotImplementedError

    def current(self) -> Tensor:
        """The weight that a call uses."""
        return self.derived() if self.prepared is None else self.prepared


@contextmanager
def prepared_weights(*networks: nn.Module) -> Iterator[None]:
    """Weights are derived once for every call inside; gradients flow on to the parameters."""
    layers = [layer for network in networks for layer in network.modules() if isinstance(layer, Deriving)]
    for layer in layers:
        object.__setattr__(layer, "prepared", layer.derived())  # where it is a parameter, not as one more
    try:
        yield
    finally:
        for layer in layers:
            object.__setattr__(layer, "prepared", None)


class WeightNorm(Deriving):
    """A layer whose weight is `scale`·`direction`/√(epsilon + ‖`direction`‖²) for each output, with a bias.

    The scale starts at 1 and is trained only with `trained_scale`. While `starting` a forward pass sets scale and bias
    so that each output has mean 0 and standard deviation `initial_std` over the batch; None leaves them as they are.
    With `shared_std` all outputs together have it, each centred on its own: one factor for the whole layer.
    """

    scale: Tensor

    def __init__(
        self,
        operation: Callable[[Tensor, Tensor], Tensor],  # of input and weight, without bias
        direction: Tensor,
        output_axis: int = 0,
        trained_scale: bool = False,
        initial_std: float | None = 1.0,
        epsilon: float = 1e-6,
        shared_std: bool = False,
    ) -> None:
        super().__init__()
        self.operation = operation
        self.direction = nn.Parameter(direction)
        self.axes = [axis for axis in range(direction.dim()) if axis != output_axis]
        outputs = direction.shape[output_axis]
        if trained_scale:
            self.scale = nn.Parameter(torch.ones(outputs))
        else:
            self.register_buffer("scale", torch.ones(outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.initial_std, self.epsilon, self.shared_std, self.starting = initial_std, epsilon, shared_std, False

    def derived(self) -> Tensor:
        """The normalised weight, of the direction's shape."""
        squares = self.direction.square().sum(self.axes, keepdim=True)
        scale = self.scale.view_as(squares)
        return self.direction * (scale / (self.epsilon + squares).sqrt())

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = self.operation(inputs, self.current())  # [B, outputs, …]
        if self.starting and self.initial_std is not None:
            return self._start(outputs, self.initial_std)
        return outputs + _per_output(self.bias, outputs)

    def _start(self, outputs: Tensor, std: float) -> Tensor:
        axes = [axis for axis in range(outputs.dim()) if axis != 1]
        mean = outputs.mean(axes)
        centred = outputs - _per_output(mean, outputs)
        variance = centred.square().mean(axes)
        factor = std / (variance.mean().expand_as(variance) if self.shared_std else variance).sqrt()
        self.scale.mul_(factor)
        self.bias.copy_(-mean * factor)
        return centred * _per_output(factor, outputs)


def normalised_dense(inputs: int, outputs: int, direction_std: float = 0.05, **options: Any) -> WeightNorm:
    """A dense layer [B, inputs] → [B, outputs], its direction N(0, direction_std²); `options` are WeightNorm's."""
    return WeightNorm(linear, torch.randn(outputs, inputs) * direction_std, **options)


def normalised_convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0, std: float = 0.05, **options: Any
) -> WeightNorm:
    """A convolution [B, inputs, H, W] → [B, outputs, H', W'], its direction N(0, std²); `options` are WeightNorm's."""
    direction = torch.randn(outputs, inputs, kernel, kernel) * std
    return WeightNorm(partial(conv2d, stride=stride, padding=padding), direction, **options)


def normalised_transposed_convolution(
    inputs: int, outputs: int, kernel: int, stride: int, std: float = 0.05, **options: Any
) -> WeightNorm:
    """A transposed convolution of odd kernel that multiplies the side by `stride`; its scale is trained."""
    operation = partial(conv_transpose2d, stride=stride, padding=kernel // 2, output_padding=stride - 1)
    direction = torch.randn(inputs, outputs, kernel, kernel) * std
    return WeightNorm(operation, direction, 1, trained_scale=True, **options)


def _per_output(values: Tensor, outputs: Tensor) -> Tensor:
    """Values [C] shaped so that they meet outputs [B, C, …]."""
    return values.view(-1, *[1] * (outputs.dim() - 2))
