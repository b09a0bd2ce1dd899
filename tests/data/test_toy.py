"""DeLiGAN's toy mixtures against their closed-form means and spreads."""

from __future__ import annotations

import numpy as np
import pytest

from replication.data.toy import draw_points

BIMODAL = [[0.6, 0.6], [-0.6, -0.6]]


@pytest.mark.parametrize(("modes", "spread", "per_mode"), [([[0.0, 0.0]], 0.3, 400), (BIMODAL, 0.15, 200)])
def test_each_mode_has_the_stated_mean_and_spread(modes: list[list[float]], spread: float, per_mode: int) -> None:
    """Tolerances: 5 standard errors, σ/√n of a mean and σ/√(2n) of a standard deviation."""
    data = draw_points(modes, spread, per_mode, seed=0)
    assert data.points.shape == (400, 2)
    assert data.points.dtype == np.float32
    for label, mode in enumerate(modes):
        points = data.points[data.labels == label].astype(np.float64)
        assert len(points) == per_mode
        np.testing.assert_allclose(points.mean(0), mode, atol=5 * spread / np.sqrt(per_mode))
        np.testing.assert_allclose(points.std(0), spread, atol=5 * spread / np.sqrt(2 * per_mode))


def test_coordinates_are_independent() -> None:
    points = draw_points([[0.0, 0.0]], 1.0, 20000, seed=1).points
    assert abs(np.corrcoef(points.T)[0, 1]) < 5 / np.sqrt(20000)


def test_squared_distance_to_the_mode_is_chi_squared() -> None:
    """Two degrees of freedom: P(d² ≤ x) = 1 − exp(−x/2); Kolmogorov's 1e-4 quantile is 2.23/√n."""
    data = draw_points(BIMODAL, 0.15, 2000, seed=2)
    squared = np.sort((((data.points - data.means[data.labels]) / 0.15) ** 2).sum(1))
    empirical = np.arange(1, 4001) / 4000
    assert np.abs(1 - np.exp(-squared / 2) - empirical).max() < 2.23 / np.sqrt(4000)


def test_a_seed_repeats_bit_for_bit_and_another_does_not() -> None:
    first, again, other = (draw_points(BIMODAL, 0.15, 200, seed).points for seed in (7, 7, 8))
    assert first.tobytes() == again.tobytes() != other.tobytes()
