"""The L2-SVM against scikit-learn's LinearSVC, converged far below the excess that a fit guarantees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC

from replication.foundation.errors import InputError
from replication.metrics.svm import dual, primal
from replication.metrics.svm import fit as fitting
from replication.metrics.svm.fit import EXCESS, Machines, accuracies, fit

COSTS = (1e-3, 1e-2, 1e-1)
ACCURACY = 0.002  # two tenths of a point: how far accuracies may be from LinearSVC's


def examples(count: int, size: int, kinds: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Overlapping classes with features mostly above 0 and of falling variance, as pooled activations have them."""
    stream = np.random.default_rng(seed)
    labels = np.arange(count) % kinds
    spread = stream.normal(size=(count, size)) / np.sqrt(1 + np.arange(size))
    shared = np.random.default_rng(99).normal(size=(kinds, size)) * 0.1
    features = np.abs(spread + shared[labels] + 0.5)
    return torch.from_numpy(features.astype(np.float32)), torch.from_numpy(labels)


def oracle(features: torch.Tensor, labels: torch.Tensor, cost: float) -> tuple[LinearSVC, np.ndarray]:
    """LinearSVC and the objective [K] of each of its machines."""
    machine = LinearSVC(C=cost, dual=False, tol=1e-8, max_iter=1_000_000)  # pyright: ignore[reportArgumentType]
    machine.fit(features.double().numpy(), labels.numpy())
    return machine, objective(np.c_[machine.coef_, machine.intercept_], features, labels, cost)


def objective(weights: np.ndarray, features: torch.Tensor, labels: torch.Tensor, cost: float) -> np.ndarray:
    """½ (|w|² + b²) + C Σ max(0, 1 − y f)² of machines [K, F + 1], term by term."""
    values = []
    for kind, machine in enumerate(weights.astype(np.float64)):
        total = 0.5 * (machine**2).sum()
        for x, label in zip(features.double().numpy(), labels.numpy(), strict=True):
            margin = (1 if label == kind else -1) * (x @ machine[:-1] + machine[-1])
            total += cost * max(0.0, 1.0 - margin) ** 2
        values.append(total)
    return np.array(values)


def assert_agrees(machines: Machines, features: torch.Tensor, labels: torch.Tensor) -> None:
    """At every C no more than EXCESS above LinearSVC's objective, and as accurate on further examples."""
    test = examples(1000, features.shape[1], seed=1)
    result = accuracies(machines, *test)
    for index, cost in enumerate(COSTS):
        expected, best = oracle(features, labels, cost)
        attained = objective(machines.weights[0, index].numpy(), features, labels, cost)
        assert (attained <= best * (1 + EXCESS)).all()
        np.testing.assert_allclose(machines.objectives[0, index].numpy(), attained, rtol=1e-5)
        assert (attained - best <= machines.gaps[0, index].numpy() + 1e-5 * best).all()  # the certificate holds
        accuracy = np.mean(expected.predict(test[0].double().numpy()) == test[1].numpy())
        assert result[0, index].item() == pytest.approx(accuracy, abs=ACCURACY)


@pytest.mark.parametrize("double", [True, False])
def test_fewer_examples_than_features_are_solved_in_the_dual(double: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "DOUBLE", 1 << 20 if double else 0)
    monkeypatch.setattr(fitting, "_fit_primal", None)
    features, labels = examples(150, 300)
    assert_agrees(fit(features, labels, COSTS), features, labels)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("double", [True, False])
def test_more_examples_than_features_are_solved_in_the_primal(
    dtype: torch.dtype, double: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "DOUBLE", 1 << 20 if double else 0)
    monkeypatch.setattr(fitting, "FEW_ROWS", 0)
    monkeypatch.setattr(fitting, "_fit_dual", None)
    monkeypatch.setattr(primal, "BLOCK", 64)
    features, labels = examples(300, 40)
    features = features.to(dtype)  # the oracle sees the rounded features too
    assert_agrees(fit(features, labels, COSTS), features, labels)


@pytest.mark.parametrize("module", [dual, primal])
def test_a_coarse_preconditioner_costs_time_and_not_accuracy(module, monkeypatch: pytest.MonkeyPatch) -> None:
    count, size = (120, 200) if module is dual else (260, 60)
    monkeypatch.setattr(fitting, "FEW_ROWS", 0)
    features, labels = examples(count, size)
    whole = module.spectrum if module is dual else module.leading_directions
    name = whole.__name__
    monkeypatch.setattr(fitting, name, lambda matrix: whole(matrix, 5))
    assert_agrees(fit(features, labels, COSTS), features, labels)


@pytest.mark.parametrize(("count", "size"), [(30, 80), (90, 10)])
def test_draws_at_once_are_fits_of_their_own(count: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "FEW_ROWS", 0)  # the second size in the primal
    features, labels = examples(200, size)
    rows = torch.stack([torch.randperm(200, generator=torch.Generator().manual_seed(k))[:count] for k in range(3)])
    together = fit(features, labels, COSTS, rows)
    assert together.weights.shape == (3, len(COSTS), 3, size + 1)
    for draw, chosen in enumerate(rows):
        alone = fit(features[chosen], labels[chosen], COSTS)
        torch.testing.assert_close(together.objectives[draw], alone.objectives[0], rtol=2 * EXCESS, atol=0)
        for index, cost in enumerate(COSTS):
            best = oracle(features[chosen], labels[chosen], cost)[1]
            assert (together.objectives[draw, index].numpy() <= best * (1 + EXCESS)).all()


def test_examples_held_out_in_place_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "FEW_ROWS", 0)
    features, labels = examples(200, 20)
    rows = torch.randperm(200, generator=torch.Generator().manual_seed(0))[:150]
    spoilt = features.clone()
    spoilt[torch.ones(200, dtype=torch.bool).index_fill(0, rows, False)] = 50.0
    machines = fit(spoilt, labels, COSTS, rows[None])
    for index, cost in enumerate(COSTS):
        assert (
            machines.objectives[0, index].numpy() <= oracle(features[rows], labels[rows], cost)[1] * (1 + EXCESS)
        ).all()


def test_memory_decides_how_many_draws_at_once_and_not_what_they_give(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = examples(60, 80)
    rows = torch.stack([torch.randperm(60, generator=torch.Generator().manual_seed(k))[:30] for k in range(5)])
    together = fit(features, labels, COSTS, rows)
    monkeypatch.setattr(fitting, "CHUNK", 2 * 30 * 90)  # two draws
    apart = fit(features, labels, COSTS, rows)
    torch.testing.assert_close(apart.objectives, together.objectives, rtol=2 * EXCESS, atol=0)


def test_the_same_fit_gives_the_same_bits_on_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = examples(60, 80)
    rows = torch.stack([torch.randperm(60, generator=torch.Generator().manual_seed(k))[:30] for k in range(4)])
    monkeypatch.setattr(fitting, "CHUNK", 1)  # a draw at a time
    alone, again, beside = (fit(features, labels, COSTS, rows, threads) for threads in (1, 1, 2))
    assert torch.equal(alone.weights, again.weights) and torch.equal(alone.weights, beside.weights)
    monkeypatch.setattr(fitting, "FEW_ROWS", 0)
    monkeypatch.setattr(primal, "BLOCK", 16)
    features, labels = examples(60, 20)
    assert torch.equal(fit(features, labels, COSTS).weights, fit(features, labels, COSTS, threads=3).weights)


def test_classes_keep_their_labels() -> None:
    features, labels = examples(60, 90)
    named = torch.tensor([7, 2, 5])[labels]
    machines = fit(features, named, (1.0,))
    assert machines.classes.tolist() == [2, 5, 7]
    assert accuracies(machines, features, named).item() == 1.0  # separable, with more features than examples
    assert accuracies(machines, features, labels).item() == pytest.approx(0.0, abs=0.35)


def test_features_without_any_information_are_fitted() -> None:
    machines = fit(torch.zeros(30, 4), torch.arange(30) % 3, COSTS)
    assert accuracies(machines, torch.zeros(3, 4), torch.arange(3)).unique().tolist() == [pytest.approx(1 / 3)]


def spoilt(value: float) -> torch.Tensor:
    features = examples(30, 5)[0]
    features[17, 3] = value
    return features


LABELS = torch.arange(30) % 3


@pytest.mark.parametrize(
    ("features", "labels", "costs", "rows", "named"),
    [
        (spoilt(float("nan")), LABELS, COSTS, None, "NaN or infinity between rows 0 and"),
        (spoilt(float("inf")), LABELS, COSTS, None, "NaN or infinity between rows 0 and"),
        (spoilt(0), LABELS * 0, COSTS, None, "one class"),
        (spoilt(0), LABELS, COSTS, torch.tensor([[0, 1, 2], [0, 3, 6]]), "one class"),
    ],
)
def test_what_cannot_be_fitted_is_named(features, labels, costs, rows, named: str) -> None:
    with pytest.raises(InputError, match=named):
        fit(features, labels, costs, rows)


def test_a_fit_that_does_not_arrive_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dual, "STEPS", 1)
    with pytest.raises(InputError, match="of its objective above the optimum, more than 1e-04"):
        fit(*examples(60, 80), COSTS)


@pytest.mark.gpu
@pytest.mark.parametrize(("count", "size"), [(150, 300), (2000, 60)])
def test_a_gpu_finds_the_same_machines(count: int, size: int) -> None:
    features, labels = examples(count, size)
    there = fit(features.cuda(), labels.cuda(), COSTS)
    torch.testing.assert_close(there.objectives.cpu(), fit(features, labels, COSTS).objectives, rtol=EXCESS, atol=0)
    assert_agrees(Machines(*(each.cpu() for each in vars(there).values())), features, labels)


def test_large_features_whose_sums_cancel_are_solved_in_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """All features far above 0, as pooled activations are: in float32 the search for the solution stood still."""
    stream = torch.Generator().manual_seed(0)
    labels = torch.arange(1100) % 4
    means = 0.05 * torch.randn(4, 4000, generator=stream)
    features = 10.0 + means[labels] + torch.randn(1100, 4000, generator=stream)  # too many values for float64 features
    applied = 0
    conjugate_gradients = dual.conjugate_gradients

    def counted(apply: Any, *others: Any) -> Any:
        def system(direction: Any) -> Any:
            nonlocal applied
            applied += 1
            return apply(direction)

        return conjugate_gradients(system, *others)

    monkeypatch.setattr(dual, "conjugate_gradients", counted)
    machines = fit(features, labels, [1e-2])
    assert (machines.gaps <= EXCESS * machines.objectives).all()
    assert applied < 300, applied
