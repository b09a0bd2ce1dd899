"""Points from a mixture of isotropic Gaussians whose density is known exactly (DeLiGAN's toy data)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from replication.data.contents import PointSet


def draw_points(
    modes: Sequence[Sequence[float]], standard_deviation: float, points_per_mode: int, seed: int
) -> PointSet:
    """`points_per_mode` points around each mode, mode after mode; the weights are therefore equal."""
    means = np.asarray(modes, dtype=np.float64)  # [m, 2]
    stream = np.random.Generator(np.random.PCG64(seed))
    noise = stream.standard_normal((len(means), points_per_mode, means.shape[1]))
    points = means[:, None] + standard_deviation * noise  # [m, points, 2]
    return PointSet(
        points=points.reshape(-1, means.shape[1]).astype(np.float32),
        labels=np.repeat(np.arange(len(means), dtype=np.int64), points_per_mode),
        means=means,
        standard_deviation=standard_deviation,
        weights=np.full(len(means), 1 / len(means)),
        class_names=tuple(f"mode {index}" for index in range(len(means))),
    )
