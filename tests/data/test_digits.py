"""The embedded digits against scikit-learn's own arrays."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from replication.data.digits import read_digits
from replication.foundation.errors import InputError


def test_first_1297_train_and_last_500_test_in_the_order_given() -> None:
    data, (flat, target) = read_digits(), load_digits(return_X_y=True)
    assert (len(data.train_images), len(data.test_images)) == (1297, 500)
    images = np.concatenate([data.train_images, data.test_images])
    assert images.shape == (1797, 1, 8, 8)
    assert np.concatenate([data.train_labels, data.test_labels]).tolist() == target.tolist()
    # 17 grey levels, 15.94 apart: rounding to bytes loses none of them
    np.testing.assert_array_equal(np.rint(images.reshape(1797, 64) / 255 * 16), flat)
    assert (images.dtype, images.min(), images.max()) == (np.uint8, 0, 255)
    assert data.class_names == tuple("0123456789") and not data.not_canonical


def test_other_digits_than_expected_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(images=np.zeros((3, 8, 8)), target=np.zeros(3))
    monkeypatch.setattr("sklearn.datasets.load_digits", lambda: fake)
    with pytest.raises(InputError, match=r"shape \(3, 8, 8\), not \(1797, 8, 8\)"):
        read_digits()
