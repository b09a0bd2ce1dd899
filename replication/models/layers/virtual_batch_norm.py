"""Batch normalisation with a bias alone, by each batch's own statistics or by a fixed reference batch's."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from replication.models.layers.networks import SeesBatch, widened


class BatchNorm(_BatchNorm):
    """Batch statistics always, no gain, a bias for each unit or channel (Improved GAN's released generators)."""

    def __init__(self, features: int, epsilon: float = 1e-6) -> None:
        super().__init__(features, epsilon, affine=False, track_running_stats=False)
        self.bias = nn.Parameter(torch.zeros(features))

    @property
    def weight(self) -> Tensor | None:  # type: ignore[override]
        """A gain of one on a GPU, where a bias without any gain gets no gradient; none elsewhere."""
        return torch.ones_like(self.bias) if self.bias.is_cuda else None

    def _check_input_dim(self, input: Tensor) -> None:
        """Any [B, C, …]."""


class VirtualBatchNorm(nn.Module, SeesBatch):
    """[R + B, C, …] → the same shape; each of the B examples is normalised by the R first ones joined by itself.

    The R rows of the reference batch are normalised by their own statistics (Improved GAN §3.5; imagenet/ops.py).
    """

    def __init__(self, features: int, reference: int, epsilon: float = 1e-6) -> None:
        super().__init__()
        self.reference = reference
        self.epsilon = epsilon
        self.bias = nn.Parameter(torch.zeros(features))  # deviation improved-11: no gain, as the CIFAR-10 code

    def forward(self, inputs: Tensor) -> Tensor:
        inputs = widened(inputs)  # as batch normalisation does within, whatever the networks compute in
        axes = tuple(range(2, inputs.dim()))
        reference, examples = inputs[: self.reference], inputs[self.reference :]
        mean = reference.mean((0, *axes), keepdim=True)  # [1, C, …]
        variance = (reference - mean).square().mean((0, *axes), keepdim=True)
        own_mean = examples.mean(axes, keepdim=True) if axes else examples  # [B, C, …]
        own_variance = (examples - own_mean).square().mean(axes, keepdim=True) if axes else torch.zeros_like(examples)
        share = 1.0 / (self.reference + 1)
        joined_mean = (1.0 - share) * mean + share * own_mean
        between = share * (1.0 - share) * (mean - own_mean).square()
        joined_variance = (1.0 - share) * variance + share * own_variance + between
        normalised = torch.cat(
            [
                (reference - mean) * torch.rsqrt(variance + self.epsilon),
                (examples - joined_mean) * torch.rsqrt(joined_variance + self.epsilon),
            ]
        )
        return normalised + self.bias.view(-1, *[1] * len(axes))
