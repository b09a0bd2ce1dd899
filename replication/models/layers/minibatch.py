"""Minibatch discrimination (Improved GAN §3.2): how close each example of a batch is to the others."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from replication.models.layers.networks import SeesBatch, as_given, widened
from replication.models.layers.weight_norm import Deriving

MinibatchForm = Literal["paper", "code", "normalised"]
SELF = 1e6  # added to an example's distance to itself, so that it does not count


class MinibatchDiscrimination(Deriving, SeesBatch):
    """Features [B, …] → [B, F + kernels]: o_b = Σ_j exp(−‖M_ib − M_jb‖₁) beside them, M = f·T, one T for each kernel.

    `paper`: T is free and j runs over the whole batch. `code` (Improved GAN's release; deviation improved-3): T is
    weight-normalised with a log scale, j ≠ i, and each kernel has a bias from −1; while `starting` a forward pass sets
    the scale so that half the mean distance to the nearest other example is 1, and the bias so that o has mean 0.
    `normalised` (DeLiGAN's release): T as in `code`, j runs over the whole batch, and o is divided by the sum of
    exp(−d) over all i, j and b.

    `direction_std` is that of T's first values.
    """

    def __init__(
        self, features: int, kernels: int, dimensions: int, form: MinibatchForm, direction_std: float = 0.05
    ) -> None:
        super().__init__()
        self.form = form
        self.direction = nn.Parameter(torch.randn(features, kernels, dimensions) * direction_std)
        if form != "paper":
            self.log_scale = nn.Parameter(torch.zeros(kernels, dimensions))
        if form == "code":
            self.bias = nn.Parameter(torch.full((kernels,), -1.0))
        self.starting = False

    def derived(self) -> Tensor:
        """T, [F, kernels, dimensions]."""
        if self.form == "paper":
            return self.direction
        return self.direction * (self.log_scale.exp() / self.direction.square().sum(0).sqrt())

    def forward(self, features: Tensor) -> Tensor:
        features = widened(features.flatten(1))
        with as_given(features):  # small distances need all digits of float32
            closeness = self._closeness(features)
        return torch.cat([features, closeness.T], dim=1)

    def _closeness(self, features: Tensor) -> Tensor:
        """o, [kernels, B]."""
        distances = spread_distances if self.few_kernels or features.is_cuda else pair_distances
        distance = distances(features, self.current())
        if self.form != "code":
            exponential = torch.exp(-distance)
            closeness = exponential.sum(2)
            return closeness if self.form == "paper" else closeness / exponential.sum()
        distance = distance + SELF * torch.eye(distance.shape[1], device=distance.device)
        if not self.starting:
            return torch.exp(-distance).sum(2) + self.bias.unsqueeze(1)
        nearest = 0.5 * distance.amin(2).mean(1)  # [kernels]
        self.log_scale.sub_(nearest.log().unsqueeze(1))
        closeness = torch.exp(-distance / nearest.view(-1, 1, 1)).sum(2)
        mean = closeness.mean(1)
        self.bias.copy_(-mean)
        return closeness - mean.unsqueeze(1)


def pair_distances(features: Tensor, weight: Tensor) -> Tensor:
    """‖M_ib − M_jb‖₁ [kernels, B, B], M = f·T, pair by pair: no difference is kept, which is fast on a CPU."""
    rows = torch.einsum("bf,fkd->kbd", features, weight)
    return torch.cdist(rows, rows, p=1.0)


def spread_distances(features: Tensor, weight: Tensor) -> Tensor:
    """As `pair_distances`, all differences at once: `cdist` starts a block of a GPU's threads for every pair."""
    kernels, dimensions = weight.shape[1:]
    rows = (features @ weight.flatten(1)).T.view(kernels, dimensions, -1)  # [kernels, dimensions, B]
    return torch.linalg.vector_norm(rows.unsqueeze(3) - rows.unsqueeze(2), 1, 1)
