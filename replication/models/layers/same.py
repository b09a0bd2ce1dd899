"""Convolutions with TensorFlow's SAME padding, which adds more zeros behind than before where their sum is odd."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

from replication.models.layers.prepared import Deriving


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after, in one dimension, that TensorFlow's SAME convolution of inputs of `side` adds."""
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


class Edges(nn.ZeroPad2d):
    """Zeros around maps, or (below 0) a cut; with `few_kernels` left to the convolution beside it."""

    few_kernels: bool = False

    def forward(self, input: Tensor) -> Tensor:
        return input if self.few_kernels else super().forward(input)


class SameConvolution(Deriving, nn.Conv2d):
    """A convolution of what `Edges` has padded.

    With `few_kernels` it pads by itself, on both sides as much as behind: its kernel then begins with as many zeros as
    that is too much before.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, edges: tuple[int, int]) -> None:
        nn.Conv2d.__init__(self, inputs, outputs, kernel, stride)
        self.edges = edges

    def derived(self) -> Tensor:
        return _shifted(self.weight, self.edges) if self.few_kernels else self.weight

    def forward(self, input: Tensor) -> Tensor:
        padding = self.edges[1] if self.few_kernels else 0
        return conv2d(input, self.current(), self.bias, self.stride, padding)


class SameTransposed(Deriving, nn.ConvTranspose2d):
    """A transposed convolution that `Edges` cuts; with `few_kernels` it cuts by itself, as `SameConvolution` pads."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, edges: tuple[int, int]) -> None:
        nn.ConvTranspose2d.__init__(self, inputs, outputs, kernel, stride)
        self.edges = edges

    def derived(self) -> Tensor:
        return _shifted(self.weight, self.edges) if self.few_kernels else self.weight

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        padding = self.edges[1] if self.few_kernels else 0
        return conv_transpose2d(input, self.current(), self.bias, self.stride, padding)


def _shifted(weight: Tensor, edges: tuple[int, int]) -> Tensor:
    """A kernel behind as many rows and columns of zeros as there are more edges after than before."""
    more = edges[1] - edges[0]
    return pad(weight, (more, 0, more, 0)) if more else weight
