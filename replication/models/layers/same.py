"""Convolutions with TensorFlow's SAME padding, which adds more zeros behind than before where their sum is odd."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

from replication.models.layers.weight_norm import Deriving


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after, in one dimension, that TensorFlow's SAME convolution of inputs of `side` adds."""
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


class Edges(nn.ZeroPad2d):
    """Zeros around maps, or (below 0) a cut; with `few_kernels` left to the convolution beside it."""

    few_kernels: bool = False

    def forward(self, input: Tensor) -> Tensor:
        return input if self.few_kernels else super().forward(input)


class Same(Deriving):
    """A convolution whose zeros are those of `Edges`; with `few_kernels` it pads or cuts by itself.

    It does so on both sides as much as behind: its kernel begins with as many zeros as that is too much before.
    """

    weight: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, edges: tuple[int, int]) -> None:
        super().__init__(inputs, outputs, kernel, stride)  # of the convolution
        self.edges = edges

    def derived(self) -> Tensor:
        more = self.edges[1] - self.edges[0] if self.few_kernels else 0
        return pad(self.weight, (more, 0, more, 0)) if more else self.weight

    @property
    def pads(self) -> int:
        """Zeros that it adds or cuts on either side."""
        return self.edges[1] if self.few_kernels else 0


class SameConvolution(Same, nn.Conv2d):
    """A convolution of what `Edges` has padded."""

    def forward(self, input: Tensor) -> Tensor:
        return conv2d(input, self.current(), self.bias, self.stride, self.pads)


class SameTransposed(Same, nn.ConvTranspose2d):
    """A transposed convolution that `Edges` cuts."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        return conv_transpose2d(input, self.current(), self.bias, self.stride, self.pads)
