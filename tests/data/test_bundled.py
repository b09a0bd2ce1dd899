from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from replication.data.bundled import NAMES, load_bundled
from replication.foundation.errors import InputError

# Examples, features and classes, as scikit-learn's own descriptions give them.
SHAPES = {
    "iris": (150, 4, 3),
    "wine": (178, 13, 3),
    "breast_cancer": (569, 30, 2),
    "diabetes": (442, 10, 2),
    "digits": (1797, 64, 10),
}


@pytest.mark.parametrize("name", NAMES)
def test_features_and_labels(name: str) -> None:
    data = load_bundled(name)
    assert (*data.features.shape, len(np.unique(data.labels))) == SHAPES[name]
    assert data.features.dtype == np.float64 and data.labels.dtype == np.int64 and np.isfinite(data.features).all()
    assert len(data.sha256) == 64 and data.sha256 == load_bundled(name).sha256


def test_diabetes_is_above_or_below_its_median() -> None:
    target = load_diabetes(return_X_y=True)[1]
    labels = load_bundled("diabetes").labels
    assert target[labels == 1].min() > np.median(target) >= target[labels == 0].max()
    assert abs(labels.mean() - 0.5) < 0.01


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(InputError, match="no bundled data set 'boston'; accepted: iris, wine"):
        load_bundled("boston")
