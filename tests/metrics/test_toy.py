"""Toy metrics against SciPy's densities, plain loops and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, rice

from replication.metrics.toy import Mixture, energy_distance, held_modes, mode_scores

UNEVEN = Mixture(np.array([[0.0, 0.0], [1.0, 2.0], [-3.0, 1.0]]), 0.7, np.array([0.2, 0.5, 0.3]))
APART = Mixture(np.array([[0.0, 0.0], [100.0, 0.0]]), 1.0, np.array([0.5, 0.5]))


def placed(first: int, second: int, outside: int = 0) -> np.ndarray:
    """So many points at each mean of APART, and between the two."""
    return np.array([[0.0, 0.0]] * first + [[100.0, 0.0]] * second + [[50.0, 0.0]] * outside)


def test_log_density_is_scipys() -> None:
    points = np.concatenate([np.random.default_rng(0).normal(size=(20, 2)), [[300.0, -300.0]]])
    modes = [multivariate_normal(mean, 0.7**2 * np.eye(2)) for mean in UNEVEN.means]  # type: ignore[arg-type]
    logs = np.stack([np.log(w) + mode.logpdf(points) for w, mode in zip(UNEVEN.weights, modes, strict=True)])
    np.testing.assert_allclose(UNEVEN.log_density(points), logsumexp(logs, axis=0), rtol=1e-12)


def test_draws_have_the_moments_of_the_mixture() -> None:
    points = UNEVEN.draw(20_000, np.random.default_rng(1))
    mean = UNEVEN.weights @ UNEVEN.means
    spread = (UNEVEN.means - mean).T @ np.diag(UNEVEN.weights) @ (UNEVEN.means - mean) + 0.49 * np.eye(2)
    np.testing.assert_allclose(points.mean(axis=0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(points.T), spread, atol=0.1)
    np.testing.assert_array_equal(points, UNEVEN.draw(20_000, np.random.default_rng(1)))


@pytest.mark.parametrize(
    ("first", "second", "outside", "covered", "success"),
    [(5, 5, 0, 2, 1), (3, 7, 0, 2, 1), (2, 8, 0, 0, 0), (10, 0, 0, 0, 0),
     (5, 4, 1, 2, 1), (4, 4, 2, 2, 0), (2, 5, 3, 1, 0)],
)  # fmt: skip
def test_a_mode_is_covered_within_a_fifth_of_its_weight_and_success_needs_nine_tenths_inside(
    first: int, second: int, outside: int, covered: int, success: int
) -> None:
    scores = mode_scores(placed(first, second, outside), APART)
    assert (scores["success"], scores["modes_covered"]) == (success, covered)
    assert scores["in_mode_share"] == pytest.approx(1 - outside / 10)
    if outside:
        assert scores["void_share"] == pytest.approx(outside / 10)  # it lies half-way between the modes
    else:
        assert scores["mode_imbalance"] == pytest.approx(abs(first / 10 - 0.5))


def test_the_void_lies_between_the_modes_and_not_beside_them() -> None:
    both = placed(45, 45)
    for point, counted in {(50.0, 0.0): 1, (50.0, 40.0): 1, (-4.0, 0.0): 0, (104.0, 3.0): 0, (0.0, 2.9): 0}.items():
        scores = mode_scores(np.concatenate([both, np.tile(point, (10, 1))]), APART)
        assert scores["void_share"] == pytest.approx(counted / 10), point


def test_what_has_no_modes_to_be_between_is_all_void() -> None:
    stream = np.random.default_rng(0)
    collapsed, lost, constant = placed(99, 1), stream.normal(50.0, 1.0, (40, 2)), np.full((40, 2), 200.0)
    for points in (collapsed, lost, constant):
        assert mode_scores(points, APART)["void_share"] == 1.0
    assert mode_scores(constant, APART)["mode_imbalance"] == 0.5
    np.testing.assert_array_equal(held_modes(placed(89, 11), APART), [True, True])
    np.testing.assert_array_equal(held_modes(placed(91, 9), APART), [True, False])
    alone = Mixture(np.zeros((1, 2)), 1.0, np.ones(1))
    assert mode_scores(np.zeros((4, 2)), alone).keys() == {"success", "modes_covered", "in_mode_share"}


@pytest.mark.parametrize(("distance", "share"), [(3.0, 1.0), (3.001, 0.0)])
def test_inside_is_within_three_standard_deviations(distance: float, share: float) -> None:
    points = APART.means + [[0.0, distance], [0.0, -distance]]
    assert mode_scores(points, APART)["in_mode_share"] == share


def test_true_draws_succeed() -> None:
    bimodal = Mixture(np.array([[0.6, 0.6], [-0.6, -0.6]]), 0.15, np.array([0.5, 0.5]))
    scores = mode_scores(bimodal.draw(2000, np.random.default_rng(2)), bimodal)
    assert (scores["success"], scores["modes_covered"]) == (1.0, 2.0)
    # the Rayleigh distribution: within three standard deviations in two dimensions
    assert scores["in_mode_share"] == pytest.approx(1 - np.exp(-4.5), abs=0.006)


def test_energy_distance_is_that_of_many_draws_of_the_mixture() -> None:
    stream = np.random.default_rng(3)
    points, draws = stream.normal(size=(40, 2)), UNEVEN.draw(4000, stream)
    pairs = [np.linalg.norm(points - y, axis=1).mean() for y in draws]
    within = [np.linalg.norm(a - b) for i, a in enumerate(points) for b in points[:i]]
    of_mixture = np.linalg.norm(draws[:2000] - draws[2000:], axis=1).mean()
    result = energy_distance(points, UNEVEN)
    assert result == pytest.approx(2 * np.mean(pairs) - np.mean(within) - of_mixture, abs=0.15)
    assert UNEVEN.mean_distance_to(points) == pytest.approx(np.mean(pairs), rel=0.02)
    assert UNEVEN.own_distance == pytest.approx(of_mixture, rel=0.03)


@pytest.mark.parametrize("apart", [0.0, 2.0])
def test_energy_distance_of_two_gaussians_in_closed_form(apart: float) -> None:
    # |X − Y| of Gaussians of unit variance is Rice (Rayleigh at distance 0) of scale √2
    expected = 2 * rice.mean(apart / np.sqrt(2), scale=np.sqrt(2)) - 2 * np.sqrt(np.pi)
    stream, alone = np.random.default_rng(4), Mixture(np.array([[apart, 0.0]]), 1.0, np.ones(1))
    result = [energy_distance(stream.normal(size=(150, 2)), alone) for _ in range(40)]
    assert abs(np.mean(result) - expected) < 3 * np.std(result) / np.sqrt(len(result))
    assert np.std(result) / np.sqrt(len(result)) < 0.04
    assert apart or min(result) < 0  # unbiased, hence on both sides of zero
