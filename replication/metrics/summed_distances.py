"""Sums of Euclidean distances in compiled loops: a table of them takes longer to write down than they to compute."""

from __future__ import annotations

import numpy as np

from replication.foundation.compiled import njit

FAST = {"fastmath": {"contract", "nsz", "reassoc"}, "error_model": "numpy", "cache": True, "nogil": True}


# Inlined by numba: left to LLVM, code just compiled and code from numba's cache may order the sum otherwise.
@njit(inline="always", **FAST)
def _from_point(point: np.ndarray, others: np.ndarray, squared: np.ndarray) -> float:
    """Sum of the distances from a point [d] to others [d, m]; `squared` [m] is written over."""
    squared[:] = 0.0
    for k in range(others.shape[0]):
        own = point[k]
        for j in range(others.shape[1]):
            squared[j] += (own - others[k, j]) ** 2
    total = 0.0
    for j in range(others.shape[1]):
        total += np.sqrt(squared[j])
    return total


@njit(**FAST)
def within(points: np.ndarray) -> float:
    """Over the pairs of different points [d, n], each once."""
    squared, total = np.empty(points.shape[1]), 0.0
    for i in range(points.shape[1] - 1):
        total += _from_point(points[:, i], points[:, i + 1 :], squared[i + 1 :])
    return total
