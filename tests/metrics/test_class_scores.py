"""Scores of a classifier's logits against torch-fidelity's inception score, plain loops and extremes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_fidelity.metric_isc import isc_features_to_metric

from replication.metrics.class_scores import class_scores, modified_score, score


def some_logits(count: int, classes: int, scale: float = 2.0) -> np.ndarray:
    return (scale * np.random.default_rng(0).normal(size=(count, classes))).astype(np.float32)


def plain_modified_score(logits: np.ndarray) -> float:
    exponentials = np.exp(logits.astype(np.float64))
    p = exponentials / exponentials.sum(axis=1, keepdims=True)
    pairs = [sum(a * np.log(a / b) for a, b in zip(one, other, strict=True)) for one in p for other in p]
    return float(np.exp(np.mean(pairs)))


def test_the_score_is_torch_fidelitys_inception_score() -> None:
    logits = some_logits(1000, 10)
    oracle = isc_features_to_metric(torch.from_numpy(logits), splits=10, shuffle=False)
    mean, deviation = score(logits, 10)
    assert mean == pytest.approx(oracle["inception_score_mean"], rel=1e-12)
    assert deviation == pytest.approx(oracle["inception_score_std"], rel=1e-9)


def test_splits_are_contiguous() -> None:
    logits = 50.0 * np.repeat(np.eye(4), 5, axis=0)  # each split sees one class alone
    assert score(logits, 4) == pytest.approx((1.0, 0.0))
    assert score(logits, 1) == pytest.approx((4.0, 0.0))


def test_scores_lie_between_one_and_the_number_of_classes() -> None:
    assert score(np.zeros((8, 5)), 1)[0] == pytest.approx(1.0)
    assert modified_score(np.tile([3.0, -1.0, 0.5], (6, 1))) == pytest.approx(1.0)


def test_the_modified_score_is_the_mean_over_all_pairs() -> None:
    logits = some_logits(13, 4)
    assert modified_score(logits) == pytest.approx(plain_modified_score(logits), rel=1e-9)


def test_the_modified_score_of_two_distributions_in_closed_form() -> None:
    p, q = np.array([0.7, 0.3]), np.array([0.2, 0.8])
    both = (p * np.log(p / q)).sum() + (q * np.log(q / p)).sum()
    assert modified_score(np.log([p, q])) == pytest.approx(np.exp(both / 4))  # two of the four pairs are 0


def test_a_constant_added_to_a_rows_logits_changes_nothing() -> None:
    logits = some_logits(30, 6).astype(np.float64)
    shifted = logits + np.linspace(-500, 500, 30)[:, None]
    assert score(shifted, 3) == pytest.approx(score(logits, 3))
    assert modified_score(shifted) == pytest.approx(modified_score(logits))


def test_classes_are_those_of_the_argmax() -> None:
    logits = some_logits(60, 3)
    scores = class_scores(logits)
    for k, one in enumerate(scores):
        own = np.array([row for row in logits if list(row).index(max(row)) == k])
        assert (one.count, one.share) == (len(own), len(own) / 60)
        assert one.modified_score == pytest.approx(plain_modified_score(own))
        assert one.score == pytest.approx(isc_features_to_metric(torch.from_numpy(own), 1, False)[
            "inception_score_mean"])  # fmt: skip
    assert sum(one.count for one in scores) == 60


def test_an_empty_class_has_no_score() -> None:
    first, empty = class_scores(np.array([[2.0, 0.0], [3.0, 1.0]]))
    assert (first.count, first.share, empty.count, empty.share) == (2, 1.0, 0, 0.0)
    assert np.isnan([empty.score, empty.modified_score]).all()
    assert (first.score, first.modified_score) == pytest.approx((1.0, 1.0))
