"""Logistic regression against scikit-learn's, whose stopping point it shares."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from replication.metrics.logistic_regression import fit_logistic


def examples(classes: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    stream = np.random.default_rng(classes)
    labels = np.arange(count) % classes
    return stream.standard_normal((count, 4)) + labels[:, None] * [0.9, -0.4, 0.0, 0.3], 3 * labels - 2


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("cost", [1.0, 1e4])
def test_it_is_scikit_learns(classes: int, cost: float) -> None:
    features, labels = examples(classes)
    found, iterations = fit_logistic(features, labels, cost, 5000)
    expected = LogisticRegression(C=cost, max_iter=5000).fit(features, labels)
    assert iterations == expected.n_iter_[0]
    np.testing.assert_array_equal(found.classes, expected.classes_)
    weights, bias = found.weights - found.weights[:, :1], found.bias - found.bias[0]  # scores matter to a constant
    if classes == 2:
        assert weights[:, 1] == pytest.approx(expected.coef_[0], rel=1e-5)
        assert bias[1] == pytest.approx(expected.intercept_[0], rel=1e-5)
    else:
        assert weights == pytest.approx((expected.coef_ - expected.coef_[0]).T, rel=1e-5, abs=1e-9)
        assert bias == pytest.approx(expected.intercept_ - expected.intercept_[0], rel=1e-5, abs=1e-9)
    fresh = np.random.default_rng(9).standard_normal((200, 4))
    np.testing.assert_array_equal(found.predict(fresh), expected.predict(fresh))


def test_it_counts_the_iterations_that_it_was_allowed() -> None:
    assert fit_logistic(*examples(3), 1e4, 4)[1] == 4
