"""Data that need no download: scikit-learn's digits, and points whose density is known exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from replication.data.contents import ImageSet, PointSet
from replication.foundation.errors import InputError

N_TRAIN = 1297
SHAPE = (1797, 8, 8)


def read_digits() -> ImageSet:
    """8×8 digits, the first 1297 for training and the last 500 for testing, in the order given; 0..16 → 0..255."""
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    pixels, labels = np.asarray(bunch.images), np.asarray(bunch.target, dtype=np.int64)
    if pixels.shape != SHAPE:
        raise InputError(f"scikit-learn's digits have shape {pixels.shape}, not {SHAPE}: run `uv sync` to restore it.")
    images = np.rint(pixels * 255 / 16).astype(np.uint8)[:, None]
    return ImageSet.cut(
        images,
        labels,
        N_TRAIN,
        class_names=tuple("0123456789"),
        licence="CC BY 4.0 (UCI, Optical Recognition of Handwritten Digits, its test part, as scikit-learn ships it)",
        libraries=("numpy", "scikit-learn"),
        raw_inputs={"sklearn.datasets.load_digits: images": hashlib.sha256(pixels.astype("<f8").tobytes()).hexdigest()},
    )


def draw_points(
    modes: Sequence[Sequence[float]], standard_deviation: float, points_per_mode: int, seed: int
) -> PointSet:
    """`points_per_mode` points of a Gaussian around each mode (DeLiGAN's toy data), mode after mode: equal weights."""
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
