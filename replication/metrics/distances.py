"""Squared Euclidean distances between all rows of two tables."""

from __future__ import annotations

from torch import Tensor


def squared_distances(first: Tensor, second: Tensor) -> Tensor:
    """[n, m] between rows of float64 [n, d] and [m, d], by way of dot products: exact for whole numbers."""
    squares = first.square().sum(dim=1)[:, None] + second.square().sum(dim=1)
    return squares.addmm_(first, second.T, alpha=-2).clamp_min_(0.0)
