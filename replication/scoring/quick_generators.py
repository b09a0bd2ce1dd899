"""Forms of a generator that are quick at drawing millions of samples: the same network, but for rounding."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.functional import fold
from torch.nn.modules.batchnorm import _BatchNorm

from replication.models.layers.networks import Generator

FEW = 4  # channels


def batch_by_batch(generator: Generator, batch: int) -> Generator:
    """A copy for a GPU, of no reference batch, that makes of each `batch` of n · `batch` rows what `generator` does."""
    assert not generator.has_reference
    return _with(generator, lambda layer: BatchwiseNorm(layer, batch) if isinstance(layer, _BatchNorm) else None)


def folded(generator: Generator) -> Generator:
    """A copy for a processor, whose convolutions compute sixteen channels where an image has one."""

    def replacement(layer: nn.Module) -> nn.Module | None:
        if not isinstance(layer, nn.ConvTranspose2d) or layer.out_channels > FEW or layer.groups > 1:
            return None
        return FoldedTransposition(layer) if layer.dilation == (1, 1) else None

    return _with(generator, replacement).to(memory_format=torch.channels_last)


class BatchwiseNorm(nn.Module):
    """Values [n · batch, C, …] → the same shape: `norm` applied to each `batch` of rows in turn."""

    def __init__(self, norm: _BatchNorm, batch: int) -> None:
        super().__init__()
        self.norm, self.batch = norm, batch

    def forward(self, values: Tensor) -> Tensor:
        if not self.training:
            return self.norm(values)  # running statistics are those of no batch
        batches = values.unflatten(0, (-1, self.batch))  # [n, batch, C, …]
        axes = (1, *range(3, batches.dim()))
        variance, mean = torch.var_mean(batches, axes, correction=0, keepdim=True)
        normalised = ((batches - mean) * torch.rsqrt(variance + self.norm.eps)).flatten(0, 1)
        places = (-1, *[1] * (values.dim() - 2))
        if self.norm.weight is not None:
            normalised = normalised * self.norm.weight.view(places)
        return normalised if self.norm.bias is None else normalised + self.norm.bias.view(places)


class FoldedTransposition(nn.Module):
    """A transposed convolution as a product, which gives a patch for each place, and a sum where patches overlap."""

    def __init__(self, layer: nn.ConvTranspose2d) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, values: Tensor) -> Tensor:
        layer = self.layer
        padding = tuple(map(int, layer.padding))
        axes = zip(values.shape[2:], layer.stride, layer.kernel_size, padding, layer.output_padding, strict=True)
        size = tuple((side - 1) * stride + kernel - 2 * pad + extra for side, stride, kernel, pad, extra in axes)
        patches = values.flatten(2).transpose(1, 2) @ layer.weight.flatten(1)  # [B, H · W, channels · kernel²]
        images = fold(patches.transpose(1, 2), size, layer.kernel_size, 1, padding, layer.stride)
        return images if layer.bias is None else images + layer.bias.view(-1, 1, 1)


def _with(generator: Generator, replacement: Callable[[nn.Module], nn.Module | None]) -> Generator:
    """A copy in which layers are replaced, those for which there is something else."""
    copied = deepcopy(generator)
    for module in list(copied.modules()):
        for name, layer in list(module.named_children()):
            other = replacement(layer)
            if other is not None:
                setattr(module, name, other)
    return copied
