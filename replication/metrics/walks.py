"""Straight walks between points, and how evenly images change along them (DCGAN §6.1)."""

from __future__ import annotations

import numpy as np


def straight_legs(points: np.ndarray, steps: int) -> np.ndarray:
    """float [w, p − 1, steps + 1, …]: from each of p points [w, p, …] straight to the next one, both ends included."""
    share = np.linspace(0.0, 1.0, steps + 1, dtype=points.dtype).reshape(-1, *[1] * (points.ndim - 2))
    return (1 - share) * points[:, :-1, None] + share * points[:, 1:, None]


def smoothness(legs: np.ndarray) -> float:
    """Mean over largest change in a step, averaged over legs; `legs` holds images [n, steps + 1, C, H, W].

    A change is a Euclidean distance of pixels. 1: every step changes as much, as in a cross-fade; 1/steps: all of the
    change is in one step, the sharp transition that DCGAN §6.1 takes for memory. Unlike the length of the path, it does
    not count detours, which an honest walk has too. A leg along which nothing changes has 0: that walk shows collapse.
    """
    flat = legs.reshape(*legs.shape[:2], -1).astype(np.float32)
    changes = np.stack([np.linalg.norm(leg[1:] - leg[:-1], axis=1) for leg in flat])  # [n, steps]
    largest = changes.max(axis=1)
    return float(np.divide(changes.mean(axis=1), largest, out=np.zeros_like(largest), where=largest > 0).mean())
