"""Data that need no files: digits and bundled sets against scikit-learn, toy mixtures against closed forms."""

from __future__ import annotations

from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits

from replication.config.experiments import Bundled
from replication.data.bundled import load_bundled
from replication.data.embedded import draw_points, read_digits
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


# Examples, features and classes, as scikit-learn's own descriptions give them.
SHAPES = {"iris": (150, 4, 3), "wine": (178, 13, 3), "breast_cancer": (569, 30, 2), "diabetes": (442, 10, 2),
          "digits": (1797, 64, 10)}  # fmt: skip


@pytest.mark.parametrize("name", get_args(Bundled))
def test_features_and_labels(name: Bundled) -> None:
    data = load_bundled(name)
    assert (*data.features.shape, len(np.unique(data.labels))) == SHAPES[name]
    assert data.features.dtype == np.float64 and data.labels.dtype == np.int64 and np.isfinite(data.features).all()
    assert len(data.sha256) == 64 and data.sha256 == load_bundled(name).sha256


def test_diabetes_is_above_or_below_its_median() -> None:
    target = load_diabetes(return_X_y=True)[1]
    labels = load_bundled("diabetes").labels
    assert target[labels == 1].min() > np.median(target) >= target[labels == 0].max()
    assert abs(labels.mean() - 0.5) < 0.01


BIMODAL = [[0.6, 0.6], [-0.6, -0.6]]


@pytest.mark.parametrize(("modes", "spread", "per_mode"), [([[0.0, 0.0]], 0.3, 400), (BIMODAL, 0.15, 200)])
def test_each_mode_has_the_stated_mean_and_spread(modes: list[list[float]], spread: float, per_mode: int) -> None:
    """Tolerances: 5 standard errors, σ/√n of a mean and σ/√(2n) of a standard deviation."""
    data = draw_points(modes, spread, per_mode, seed=0)
    assert data.points.shape == (400, 2) and data.points.dtype == np.float32
    for label, mode in enumerate(modes):
        points = data.points[data.labels == label].astype(np.float64)
        assert len(points) == per_mode
        np.testing.assert_allclose(points.mean(0), mode, atol=5 * spread / np.sqrt(per_mode))
        np.testing.assert_allclose(points.std(0), spread, atol=5 * spread / np.sqrt(2 * per_mode))


def test_coordinates_are_independent_and_the_squared_distance_to_the_mode_is_chi_squared() -> None:
    """Two degrees of freedom: P(d² ≤ x) = 1 − exp(−x/2); Kolmogorov's 1e-4 quantile is 2.23/√n."""
    points = draw_points([[0.0, 0.0]], 1.0, 20000, seed=1).points
    assert abs(np.corrcoef(points.T)[0, 1]) < 5 / np.sqrt(20000)
    data = draw_points(BIMODAL, 0.15, 2000, seed=2)
    squared = np.sort((((data.points - data.means[data.labels]) / 0.15) ** 2).sum(1))
    empirical = np.arange(1, 4001) / 4000
    assert np.abs(1 - np.exp(-squared / 2) - empirical).max() < 2.23 / np.sqrt(4000)


def test_a_seed_repeats_bit_for_bit_and_another_does_not() -> None:
    first, again, other = (draw_points(BIMODAL, 0.15, 200, seed).points for seed in (7, 7, 8))
    assert first.tobytes() == again.tobytes() != other.tobytes()
