"""The throughput benchmark of the L2-SVM at next to no size: what it prints, and whether its numbers are true."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC

from benchmarks.speed.__main__ import main
from benchmarks.speed.svm import measure, objectives, synthetic_features
from replication.foundation.errors import InputError


def test_features_are_mostly_positive_correlated_and_the_same_each_time() -> None:
    features, labels = synthetic_features(1500, 80)
    again = synthetic_features(1500, 80)[0]
    assert torch.equal(features, again) and features.shape == (1500, 80)
    assert np.bincount(labels.numpy()).tolist() == [150] * 10
    assert (features > 0).float().mean() > 0.6
    values = torch.linalg.eigvalsh(torch.corrcoef(features.T))
    assert values[-1] > 4 * values.mean()
    of_class = features[labels == 3].mean(0) - features.mean(0)
    assert of_class.abs().mean() > 3 * features.std() / 150**0.5 / 3  # classes differ


def test_objectives_are_those_of_the_definition() -> None:
    features, labels = synthetic_features(60, 8)
    machine = LinearSVC(C=0.3, dual=False).fit(features.numpy(), labels.numpy())  # pyright: ignore[reportArgumentType]
    weights = torch.from_numpy(np.c_[machine.coef_, machine.intercept_])
    decisions, expected = machine.decision_function(features.numpy()), []
    for kind in range(10):
        margins = np.where(labels.numpy() == kind, 1, -1) * decisions[:, kind]
        loss = sum(max(0.0, 1 - margin) ** 2 for margin in margins)
        expected.append(0.5 * (weights[kind] ** 2).sum().item() + 0.3 * loss)
    assert objectives(weights, features, labels, 0.3).tolist() == pytest.approx(expected, rel=1e-5)


def test_both_solvers_are_measured_on_the_same_draws() -> None:
    ours, theirs = measure(40, 60, 3, (1e-3, 1e-2), "cpu", 1, 2)
    assert (ours.solver, ours.fits, theirs.solver, theirs.fits) == ("ours", 6, "LinearSVC", 4)
    assert ours.seconds > 0 and theirs.seconds > 0
    assert 0 <= ours.worst_excess <= 1e-4 and 0 <= theirs.worst_excess < 0.1
    assert ours.mean_accuracy == pytest.approx(theirs.mean_accuracy, abs=0.05)
    assert [one.fits for one in measure(40, 60, 0, (1e-3,), "cpu", 1, 1)] == [1, 1]


def test_json_holds_every_number_and_sizes_that_cannot_be_measured_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["svm", "--n", "40", "--features", "60", "--costs", "1e-3", "1e-2", "--threads", "1", "--json"])
    written = json.loads(capsys.readouterr().out)
    assert (written["n"], written["features"], written["draws"], written["costs"]) == (40, 60, 0, [1e-3, 1e-2])
    assert [timing["solver"] for timing in written["timings"]] == ["ours", "LinearSVC"]
    assert {"torch", "scikit-learn", "device", "threads"} <= set(written)
    with pytest.raises(InputError, match="Cannot measure 0 draws of 45 examples with 28672 features"):
        main(["svm", "--n", "45"])
