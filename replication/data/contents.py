"""What a source hands over: arrays in memory, and what has to be said about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ImageSet:
    """Images uint8 [n, C, H, W], labels int64 [n] that index `class_names`; n = 0 where there is no test part."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]
    licence: str
    libraries: tuple[str, ...]  # distributions whose version may change the arrays
    not_canonical: str = ""  # why these are not the data set the papers used; "" where they are
    raw_inputs: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of what was read
    # Where a planted object is, int64 [n, 2]: its top left corner (row, column), -1 where there is none.
    planted_places: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def cut(cls, images: np.ndarray, labels: np.ndarray, n_train: int, **rest: Any) -> ImageSet:
        """Images and labels of which the first `n_train` are for training; `rest` are the further fields."""
        train, test = slice(n_train), slice(n_train, None)
        return cls(images[train], labels[train], images[test], labels[test], **rest)

    def arrays(self) -> dict[str, np.ndarray]:
        """Every array by the name of its file."""
        return {
            "train_images": self.train_images,
            "train_labels": self.train_labels,
            "test_images": self.test_images,
            "test_labels": self.test_labels,
            **self.planted_places,
        }

    def described(self) -> dict[str, Any]:
        """What the manifest says of images alone."""
        return {"image_shape": list(self.train_images.shape[1:])}


@dataclass(frozen=True)
class PointSet:
    """Points float32 [n, 2] from a known mixture of isotropic Gaussians; labels int64 [n] name the component."""

    points: np.ndarray
    labels: np.ndarray
    means: np.ndarray  # float64 [m, 2]
    standard_deviation: float
    weights: np.ndarray  # float64 [m], sum 1
    class_names: tuple[str, ...]
    licence: str = "none needed: drawn by this suite"
    libraries: tuple[str, ...] = ("numpy",)
    not_canonical: str = ""  # the papers publish the density, not the points
    raw_inputs: Mapping[str, str] = field(default_factory=dict)

    def arrays(self) -> dict[str, np.ndarray]:
        """Every array by the name of its file."""
        return {"train_points": self.points, "train_labels": self.labels}

    def described(self) -> dict[str, Any]:
        """What the manifest says of points alone."""
        density = {"means": self.means.tolist(), "standard_deviation": self.standard_deviation}
        return {"density": {**density, "weights": self.weights.tolist()}}
