"""Several batches through a network at once, each normalised by its own statistics: what fills a GPU."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from replication.models.layers.networks import Generator


def batch_by_batch(generator: Generator, batch: int) -> Generator:
    """A copy that takes n · `batch` rows, and gives what `generator` makes of each `batch` of them, but for rounding.

    Not for a generator with a reference batch, whose rows see each other.
    """
    assert not generator.has_reference
    copied = deepcopy(generator)
    for module in list(copied.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, _BatchNorm):
                setattr(module, name, BatchwiseNorm(child, batch))
    return copied


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
