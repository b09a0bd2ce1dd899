"""Exact tests of shares against SciPy, statsmodels and plain enumeration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from replication.verdicts.statistics.shares import (
    boschloo_p,
    difference_interval,
    difference_p_above,
    difference_p_below,
    share_half_width,
    share_interval,
    share_p_values,
)


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (3, 5), (5, 5), (13, 20)])
def test_share_interval_is_clopper_and_pearsons(successes, n):
    low, high = proportion_confint(successes, n, alpha=0.10, method="beta")
    np.testing.assert_allclose(share_interval(successes, n), np.array([low, high], dtype=float), atol=1e-12)


@pytest.mark.parametrize("successes", [0, 3, 12, 20])
def test_share_p_values_are_sums_of_the_chances_of_outcomes_as_extreme(successes):
    chances = [math.comb(20, k) * 0.6**k * 0.4 ** (20 - k) for k in range(21)]
    above, below = share_p_values(successes, 20, 0.6)
    assert above == pytest.approx(sum(chances[successes:]))
    assert below == pytest.approx(sum(chances[: successes + 1]))


@pytest.mark.parametrize("counts", [(5, 5, 1, 5), (15, 20, 8, 20), (4, 5, 5, 20)])
def test_boschloo_p_matches_scipy(counts):
    successes, n, other, other_n = counts
    table = [[successes, other], [n - successes, other_n - other]]
    assert boschloo_p(*counts) == pytest.approx(stats.boschloo_exact(table, alternative="greater").pvalue, rel=1e-4)
    assert boschloo_p(3, 5, 12, 20) == boschloo_p(1, 5, 4, 5) == 1.0


def test_negligible_difference_is_never_found_too_often():
    """Exact chance of p ≤ .05 over every table, at truths on the edge of the null."""
    n, m, margin = 6, 8, 0.4
    p = np.array([[difference_p_below((a, n, b, m), margin) for b in range(m + 1)] for a in range(n + 1)])
    for other in np.linspace(0, 1 - margin, 25):
        first = stats.binom.pmf(np.arange(n + 1), n, other + margin)
        second = stats.binom.pmf(np.arange(m + 1), m, other)
        assert first @ (p <= 0.05) @ second <= 0.05 + 1e-3
    assert (p <= 0.05).any()


def test_both_sides_of_a_difference_mirror_each_other():
    assert difference_p_above((9, 10, 3, 10), 0.2) == pytest.approx(difference_p_below((3, 10, 9, 10), -0.2))
    low, high = difference_interval((9, 10, 3, 10))
    assert difference_interval((3, 10, 9, 10)) == pytest.approx((-high, -low))


def test_interval_of_a_difference_covers_at_least_nine_in_ten():
    n = 4
    ends = {(a, b): difference_interval((a, n, b, n)) for a in range(n + 1) for b in range(n + 1)}
    for first, second in ((0.5, 0.5), (0.9, 0.4), (0.95, 0.85), (0.2, 0.7)):
        covered = sum(
            stats.binom.pmf(a, n, first) * stats.binom.pmf(b, n, second)
            for (a, b), (low, high) in ends.items()
            if low <= first - second <= high
        )
        assert covered >= 0.9 - 1e-3


@pytest.mark.parametrize("counts", [(15, 20, 8, 20), (12, 20, 8, 20), (5, 5, 0, 5), (5, 5, 5, 5), (20, 20, 19, 20)])
def test_interval_of_a_difference_agrees_with_boschloo_about_zero(counts):
    low, high = difference_interval(counts)
    assert low <= counts[0] / counts[1] - counts[2] / counts[3] <= high
    assert (low >= 0) == (boschloo_p(*counts) <= 0.05)


def test_half_width_of_shares_is_the_normal_one():
    share = 4 / 6  # 3 of 4 successes, pulled off the edge
    expected = stats.norm.ppf(0.95) * np.sqrt(share * (1 - share) / 50)
    assert share_half_width(50, [(3, 4)]) == pytest.approx(expected)
    assert share_half_width(50, [(3, 4), (3, 4)]) == pytest.approx(expected * np.sqrt(2))
