"""Scores of a classifier's logits against torch-fidelity, loops and extremes, and the transfer head by steps."""

from __future__ import annotations

import tracemalloc
from zlib import crc32

import numpy as np
import pytest
import torch
from torch import nn
from torch_fidelity.metric_isc import isc_features_to_metric

from replication.foundation.errors import InputError
from replication.metrics import inception
from replication.metrics.inception import inception_score, modified_inception_score, split_scores, train_transfer_head


def some_logits(count: int, classes: int, scale: float = 2.0) -> np.ndarray:
    return (scale * np.random.default_rng(0).normal(size=(count, classes))).astype(np.float32)


def plain_pair_score(logits: np.ndarray) -> float:
    exponentials = np.exp(logits.astype(np.float64))
    p = exponentials / exponentials.sum(axis=1, keepdims=True)
    pairs = [sum(a * np.log(a / b) for a, b in zip(each, other, strict=True)) for each in p for other in p]
    return float(np.exp(np.mean(pairs)))


def of_one_class(logits: np.ndarray) -> np.ndarray:
    """The same distributions' distances in more than one class: a first class of so little weight that it wins."""
    return np.hstack([np.full((len(logits), 1), logits.max() + 1e-3), logits])


@pytest.mark.parametrize(("count", "splits"), [(1000, 10), (103, 10), (7, 7), (50, 1)])
def test_the_score_is_torch_fidelitys_inception_score(count: int, splits: int) -> None:
    logits = some_logits(count, 10)
    oracle = isc_features_to_metric(torch.from_numpy(logits), splits=splits, shuffle=False)
    mean, deviation = inception_score(logits, splits)
    assert mean == pytest.approx(oracle["inception_score_mean"], rel=1e-12)
    assert deviation == pytest.approx(oracle["inception_score_std"], rel=1e-9, abs=1e-12)


def test_splits_are_contiguous() -> None:
    logits = 50.0 * np.repeat(np.eye(4), 5, axis=0)
    parts = [torch.from_numpy(part) for part in (logits[:6], logits[6:13], logits[13:])]
    expected = [isc_features_to_metric(part, 1, False)["inception_score_mean"] for part in parts]
    assert split_scores(logits, 3) == pytest.approx(expected)


def test_a_constant_added_to_a_rows_logits_changes_nothing() -> None:
    logits = some_logits(30, 6).astype(np.float64)
    shifted = logits + np.linspace(-500, 500, 30)[:, None]
    assert inception_score(shifted, 3) == pytest.approx(inception_score(logits, 3))
    assert modified_inception_score(shifted).mean == pytest.approx(modified_inception_score(logits).mean)


def test_classes_are_those_of_the_argmax_and_the_headline_lies_between_them() -> None:
    logits = some_logits(60, 3)
    result = modified_inception_score(logits)
    for label, scored in enumerate(result.classes):
        rows = np.array([row for row in logits if list(row).index(max(row)) == label])
        assert (scored.count, scored.share) == (len(rows), len(rows) / 60)
        assert scored.modified_score == pytest.approx(plain_pair_score(rows), rel=1e-9)
        oracle = isc_features_to_metric(torch.from_numpy(rows), 1, False)
        assert scored.score == pytest.approx(oracle["inception_score_mean"])
    assert sum(each.count for each in result.classes) == 60
    scores = [each.modified_score for each in result.classes]
    assert result.mean == pytest.approx(sum(scores) / 3)
    assert result.spread == pytest.approx(np.sqrt(sum((score - result.mean) ** 2 for score in scores) / 3))


def test_an_empty_class_has_no_score_and_no_part_in_the_mean() -> None:
    result = modified_inception_score(np.array([[2.0, 0.0], [3.0, 1.0]]))
    first, empty = result.classes
    assert (first.count, first.share, empty.count, empty.share) == (2, 1.0, 0, 0.0)
    assert np.isnan([empty.score, empty.modified_score]).all()
    assert (first.score, first.modified_score, result.mean, result.spread) == pytest.approx((1.0, 1.0, 1.0, 0.0))


def test_the_memory_of_the_modified_score_grows_with_the_samples_not_with_their_square() -> None:
    def most(count: int) -> int:
        logits = of_one_class(some_logits(count, 4))
        tracemalloc.start()
        modified_inception_score(logits)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert most(8000) < 3 * most(4000)  # the released code's product of all pairs would be four times as large


BROKEN = some_logits(20, 3)
BROKEN[[4, 7], 1] = np.nan
MISTAKES = [(np.where(np.isnan(BROKEN), value, BROKEN), 2, "2 of 20") for value in (np.nan, np.inf, -np.inf)]
MISTAKES += [(some_logits(10, 3), splits, f"{splits} splits") for splits in (11, 0, -1)]


@pytest.mark.parametrize(("logits", "splits", "named"), MISTAKES)
def test_what_has_no_score_is_refused(logits: np.ndarray, splits: int, named: str) -> None:
    with pytest.raises(InputError, match=named):
        inception_score(logits, splits)
    if "splits" not in named:
        with pytest.raises(InputError, match=named):
            modified_inception_score(logits)


def some_features(count: int, classes: int = 3, width: int = 8) -> tuple[np.ndarray, np.ndarray]:
    stream, labels = np.random.default_rng(0), np.arange(count) % classes
    features = stream.normal(size=(count, width)) + 8.0 * np.eye(width)[labels]
    return features.astype(np.float32), labels


def test_classes_that_lie_apart_are_told_on_examples_held_out() -> None:
    features, labels = some_features(400)
    head = train_transfer_head(features, labels, 3)
    assert (head.accuracy, head.held_out) == (1.0, 80)
    fresh, truth = some_features(60)
    assert (head.logits(fresh).argmax(axis=1) == truth).mean() == 1.0
    assert head.logits(fresh).shape == (60, 3) and head.logits(fresh).dtype == np.float32


def test_shuffled_labels_are_guessed() -> None:
    features, labels = some_features(600)
    shuffled = np.random.default_rng(1).permutation(labels)
    assert 0.15 < train_transfer_head(features, shuffled, 3).accuracy < 0.55


def test_a_step_is_that_of_gradient_descent_on_the_cross_entropy(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = some_features(5)
    monkeypatch.setattr(inception, "HELD_OUT", 0.2)
    head = train_transfer_head(features, labels, 3, seed=4)
    stream = np.random.default_rng([4, crc32(b"transfer head")])
    order = stream.permutation(5)[1:]
    start = inception._truncated(stream, (8, 3))
    layer = nn.Linear(8, 3)
    layer.weight.data, layer.bias.data = torch.from_numpy(start.T.copy()), torch.zeros(3)
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.005)
    for row in order:
        optimiser.zero_grad()
        logits = layer(torch.from_numpy(features[row : row + 1]))
        nn.functional.cross_entropy(logits, torch.tensor(labels[[row]])).backward()
        optimiser.step()
    np.testing.assert_allclose(head.weights, layer.weight.detach().numpy().T, atol=1e-6)
    np.testing.assert_allclose(head.biases, layer.bias.detach().numpy(), atol=1e-6)
    assert not np.allclose(head.weights, start, atol=1e-4)


def test_first_weights_are_a_truncated_normal() -> None:
    values = inception._truncated(np.random.default_rng(0), (200, 100)) / inception.INITIAL_SD
    assert np.abs(values).max() <= 2.0
    assert values.std() == pytest.approx(0.8796, abs=0.01)  # of a normal cut at ±2
