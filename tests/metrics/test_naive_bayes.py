"""Gaussian naive Bayes with shared variances, against densities written out and against the Bayes rule."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from replication.metrics.learning_curves import fit_shared_variance


def three_classes(count: int) -> tuple[np.ndarray, np.ndarray]:
    stream = np.random.default_rng(0)
    labels = stream.choice([2, 5, 9], count, p=[0.5, 0.3, 0.2])
    return stream.normal(size=(count, 4)) * [1.0, 2.0, 0.5, 3.0] + 0.7 * labels[:, None] * [1, 0, -1, 0.3], labels


def test_it_chooses_by_the_densities() -> None:
    features, labels = three_classes(60)
    classes = np.unique(labels)
    means = {k: features[labels == k].mean(axis=0) for k in classes}
    deviation = np.sqrt(np.mean([(x - means[k]) ** 2 for x, k in zip(features, labels, strict=True)], axis=0))
    new = three_classes(200)[0]
    scores = [[np.log(np.mean(labels == k)) + norm.logpdf(x, means[k], deviation).sum() for k in classes] for x in new]
    expected = classes[np.argmax(scores, axis=1)]
    found = fit_shared_variance(features, labels, 0.0).predict(new)
    assert (found == expected).all() and len(set(found.tolist())) == 3


def test_two_gaussian_classes_give_the_bayes_rule() -> None:
    stream = np.random.default_rng(1)
    labels = np.repeat([0, 1], 20_000)
    features = stream.normal(size=(40_000, 2)) * [1.0, 2.0] + labels[:, None] * [1.0, 2.0] + 5.0
    rule = fit_shared_variance(features, labels, 1.0)
    difference = rule.weights[:, 1] - rule.weights[:, 0]
    assert difference == pytest.approx([1.0, 0.5], abs=0.05)  # δ/σ² of each feature
    assert (rule.predict(features) == labels).mean() == pytest.approx(norm.cdf(np.sqrt(2) / 2), abs=0.01)


def test_a_pseudo_example_tempers_a_feature_that_happens_not_to_vary_within_classes() -> None:
    """Hand-derived: the first feature is 0, 0, 1, 1, the second 0, 2, 2, 4; labels 0, 0, 1, 1."""
    features, labels = np.array([[0.0, 0.0], [0.0, 2.0], [1.0, 2.0], [1.0, 4.0]]), np.array([0, 0, 1, 1])
    rule = fit_shared_variance(features, labels, 1.0)
    variances = [(0 + 0.25) / 5, (4 + 2.0) / 5]
    assert rule.weights[:, 1] - rule.weights[:, 0] == pytest.approx([1 / variances[0], 2 / variances[1]])


def test_a_constant_feature_decides_nothing_even_where_it_varies_later() -> None:
    features, labels = three_classes(30)
    constant = np.column_stack([features, np.full(30, 3.0)])
    new = three_classes(100)[0]
    rule = fit_shared_variance(constant, labels, 1.0)
    assert rule.weights[-1].tolist() == [0.0, 0.0, 0.0]
    far = np.column_stack([new, np.full(100, 1e6)])
    assert (rule.predict(far) == fit_shared_variance(features, labels, 1.0).predict(new)).all()
