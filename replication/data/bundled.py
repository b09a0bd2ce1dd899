"""Real classification sets inside scikit-learn, which an experiment reads without preparation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from replication.config.experiments import Bundled


@dataclass(frozen=True)
class LabelledData:
    """Features float64 [n, F], labels int64 [n]."""

    name: str
    features: np.ndarray
    labels: np.ndarray

    @property
    def sha256(self) -> str:
        """Of the values, whatever the machine's byte order."""
        arrays = (self.features.astype("<f8"), self.labels.astype("<i8"))
        return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def load_bundled(name: Bundled) -> LabelledData:
    """One data set, whose classes are below and above the median for `diabetes`."""
    from sklearn import datasets  # seconds, for one experiment of many

    features, target = getattr(datasets, f"load_{name}")(return_X_y=True)
    labels = target > np.median(target) if name == "diabetes" else target  # deviation background-1
    return LabelledData(name, np.asarray(features, dtype=np.float64), np.asarray(labels, dtype=np.int64))
