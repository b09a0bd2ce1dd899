"""The 8×8 handwritten digits inside scikit-learn: real images that need no download."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from replication.data.contents import ImageSet
from replication.foundation.errors import InputError

N_TRAIN = 1297
SHAPE = (1797, 8, 8)


def read_digits() -> ImageSet:
    """The first 1297 images for training and the last 500 for testing, in the order given, pixels 0..16 → 0..255."""
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
