"""What a data set's samples look like, known from its options alone, before anything is read."""

from __future__ import annotations

from collections.abc import Mapping

from replication.config.datasets import Dataset
from replication.foundation.errors import InputError

IMAGES: Mapping[str, tuple[int, int, int]] = {
    "digits": (1, 8, 8),
    "mnist": (1, 28, 28),
    "cifar10": (3, 32, 32),
    "svhn": (3, 32, 32),
}


def sample_shape(options: Dataset) -> tuple[int, ...]:
    """(2,) for points, (C, H, W) for images.

    Raises:
        InputError: a folder has no image_size, so that its files alone tell the shape.
    """
    if options.source == "toy":
        return (2,)
    if options.source in IMAGES:
        return IMAGES[options.source]
    if not options.image_size:
        raise InputError(
            f"Data set {options.name} has no image_size, so its image files alone tell its shape: write an image_size, "
            "or name another data set."
        )
    return (options.channels or 3, options.image_size, options.image_size)


def class_count(options: Dataset) -> int:
    """Classes that labels tell apart: 0 for points, whose labels are not learnt, and for folders, which name their own.

    Photographs that are all of one kind (CelebA's faces, LSUN's bedrooms) are one class.
    """
    if options.source in IMAGES:
        return 10
    return 1 if options.source in ("celeba", "lsun") else 0
