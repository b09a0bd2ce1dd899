"""Distances between sets of features: closed forms, plain loops, and torch-fidelity beside them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

from replication.foundation.errors import InputError
from replication.metrics import distribution, neighbours
from replication.metrics.distribution import Distances, distances, kernel_distance, reference_of, references_of


def some_features(count: int, seed: int, width: int = 6, shift: float = 0.0) -> np.ndarray:
    stream = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(width, width))
    return (stream.normal(size=(count, width)) @ mixing + shift).astype(np.float32)


def plain_radius(features: np.ndarray, place: int) -> float:
    distances = sorted(np.linalg.norm(features[place] - other) for i, other in enumerate(features) if i != place)
    return float(distances[2])


def plain_share_inside(points: np.ndarray, centres: np.ndarray) -> float:
    radii = [plain_radius(centres, place) for place in range(len(centres))]
    inside = [
        any(np.linalg.norm(point - centre) <= radius for centre, radius in zip(centres, radii, strict=True))
        for point in points
    ]
    return float(np.mean(inside))


def plain_mmd(first: np.ndarray, second: np.ndarray) -> float:
    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return (sum(x * y for x, y in zip(a, b, strict=True)) / len(a) + 1) ** 3

    n, m = len(first), len(second)
    within = sum(kernel(first[i], first[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    other = sum(kernel(second[i], second[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return float(within + other - 2 * np.mean([kernel(a, b) for a in first for b in second]))


def all_four(samples: np.ndarray, real: np.ndarray) -> Distances:
    return distances(samples, reference_of(real, 1000), 1, 1000, 0, 1000)


def with_moments(mean: list[float], variances: list[float], turn: np.ndarray) -> np.ndarray:
    """Twelve points of exactly this mean and these variances, along the axes of a rotation."""
    drawn = np.random.default_rng(len(mean)).normal(size=(12, len(mean)))
    white = np.linalg.qr(drawn - drawn.mean(axis=0))[0] * np.sqrt(11)  # mean 0, covariance 1
    return (white * np.sqrt(variances) + mean) @ turn.T


def test_the_frechet_distance_of_two_gaussians_in_closed_form() -> None:
    # Commuting covariances: ‖μ₁ − μ₂‖² + Σ (√a − √b)², here 9 + 16 + (1 − 2)² + (3 − 1)² + (0 − 5)².
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    for turn in (np.eye(3), turned):
        first = with_moments([3.0, 0.0, 0.0], [1.0, 9.0, 0.0], turn)
        second = with_moments([0.0, 4.0, 0.0], [4.0, 1.0, 25.0], turn)
        assert all_four(first, second).frechet == pytest.approx(55.0)


@pytest.mark.parametrize("count", [40, 4])  # five samples of six features have a singular covariance
def test_the_frechet_distance_is_torch_fidelitys(count: int) -> None:
    first, second = some_features(count + 5, 0), some_features(count + 1, 1, shift=0.5)
    statistics = [fid_features_to_statistics(torch.from_numpy(each.astype(np.float64))) for each in (first, second)]
    oracle = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert all_four(first, second).frechet == pytest.approx(oracle, rel=1e-5)


def test_the_kernel_distance_is_the_unbiased_estimator_by_double_loop() -> None:
    first, second = some_features(12, 4, 3), some_features(12, 5, 3, shift=0.3)
    oracle = kid_features_to_metric(
        torch.from_numpy(first), torch.from_numpy(second), kid_subsets=1, kid_subset_size=12, verbose=False
    )
    measured = kernel_distance(first, second, 3, 1000, 0)  # all of both, so one subset
    assert measured == pytest.approx(plain_mmd(first, second), rel=1e-6)
    assert measured == pytest.approx(oracle["kernel_inception_distance_mean"], rel=1e-4)


def test_subsets_are_as_large_as_the_smaller_side_and_their_mean_that_of_all() -> None:
    first, second = np.tanh(some_features(300, 6, 3)), np.tanh(some_features(40, 7, 3, shift=1.0))
    assert kernel_distance(first[:60], second, 300, 1000, 0) == pytest.approx(plain_mmd(first[:60], second), rel=0.05)
    assert kernel_distance(first, second, 2, 1000, 0) != kernel_distance(first, second, 2, 1000, 1)
    assert kernel_distance(first, second, 2, 1000, 0) == kernel_distance(first, second, 2, 1000, 0)


def test_precision_and_recall_by_plain_neighbours_and_by_torch_fidelity(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, real = some_features(25, 8, 3), some_features(33, 9, 3, shift=0.4)
    for module in (distribution, neighbours):
        monkeypatch.setattr(module, "BLOCK", 7)
    result = all_four(samples, real)
    precision, recall = result.precision, result.recall
    assert (precision, recall) == (plain_share_inside(samples, real), plain_share_inside(real, samples))
    oracle = prc_features_to_metric(torch.from_numpy(samples), torch.from_numpy(real), verbose=False)
    assert (precision, recall) == pytest.approx((oracle["precision"], oracle["recall"]))
    assert 0 < precision < 1 and 0 < recall < 1


def test_what_only_repeats_covers_what_it_repeats_alone() -> None:
    real = 1000.0 * some_features(40, 10)
    repeated = real[np.arange(80) % 10]  # eight of each: no ball has a width
    result = all_four(repeated, real)
    assert (result.precision, result.recall) == (1.0, 0.25)


def test_the_subsets_of_the_kernel_distance_are_those_asked_for() -> None:
    samples, real = some_features(30, 11), some_features(50, 12, shift=0.2)
    result = distances(samples, reference_of(real, 1000), 4, 20, 3, 1000)
    assert result.kernel == kernel_distance(samples, real, 4, 20, 3)
    assert result.frechet == all_four(samples, real).frechet


def test_a_limit_leaves_the_gaussian_of_all() -> None:
    real = some_features(50, 13)
    reference = reference_of(real, 20)
    np.testing.assert_array_equal(reference.features, real[np.arange(20) * 50 // 20])
    np.testing.assert_allclose(reference.gaussian.covariance, np.cov(real, rowvar=False), rtol=1e-5)
    np.testing.assert_array_equal(neighbours.every(real, 50), real)


@pytest.mark.parametrize(("features", "named"), [(np.zeros((4, 6)), "there are 4"), (np.full((9, 6), np.nan), "NaN")])
def test_bad_features_are_refused(features: np.ndarray, named: str) -> None:
    with pytest.raises(InputError, match=named):
        distances(features, reference_of(some_features(9, 0), 10), 1, 5, 0, 10)
    assert references_of({"few": np.zeros((4, 3)), "enough": some_features(5, 0)}, 10).keys() == {"enough"}
