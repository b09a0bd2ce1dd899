"""Exact tests of shares, and P(superiority), against SciPy, statsmodels and plain enumeration."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from replication.verdicts.statistics.rules import decide, order_p_values
from replication.verdicts.statistics.shares import (
    boschloo_p,
    difference_interval,
    difference_p_above,
    difference_p_below,
    share_half_width,
    share_interval,
    share_p_values,
)
from replication.verdicts.statistics.superiority import EXACT, superiority


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


RANDOM = np.random.default_rng(0)
PAIRS = [
    (RANDOM.standard_cauchy(7) + 1, RANDOM.standard_cauchy(9)),
    (RANDOM.normal(0.8, size=20), RANDOM.normal(size=20)),
    (RANDOM.integers(0, 4, 8).astype(float), RANDOM.integers(0, 4, 11).astype(float)),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_estimate_counts_pairs_and_ties_by_half_and_t_is_brunner_and_munzels_test(first, second):
    estimate = superiority(first, second).estimate
    wins = [(a > b) + 0.5 * (a == b) for a in first for b in second]
    assert estimate.difference == pytest.approx(np.mean(wins) - 0.5)
    above, below = (stats.brunnermunzel(first, second, alternative=side).pvalue for side in ("greater", "less"))
    assert (estimate.p_above(0.0), estimate.p_below(0.0)) == (pytest.approx(above), pytest.approx(below))


@pytest.mark.parametrize(("first", "second"), PAIRS[:2])
def test_exact_p_is_mann_and_whitneys(first, second):
    expected = stats.mannwhitneyu(first, second, alternative="greater", method="exact").pvalue
    assert superiority(first, second).exact_above == pytest.approx(expected)


def test_exact_p_with_ties_counts_every_way_to_deal_the_values():
    first, second = np.array([2.0, 1.0, 2.0, 3.0]), np.array([1.0, 0.0, 2.0, 0.0, 1.0])
    joint = np.concatenate([first, second])

    def share(places):
        first, second = joint[list(places)], np.delete(joint, list(places))
        return np.mean((first[:, None] > second) + 0.5 * (first[:, None] == second))

    dealt = np.array([share(places) for places in combinations(range(9), 4)])
    assert superiority(first, second).exact_above == pytest.approx(np.mean(dealt >= share(range(4)) - 1e-9))
    assert superiority(first, second).exact_below == pytest.approx(np.mean(dealt <= share(range(4)) + 1e-9))


def test_many_studies_are_judged_as_each_alone():
    first, second = RANDOM.integers(0, 3, (50, 6)).astype(float), RANDOM.integers(0, 3, (50, 5)).astype(float)
    together = order_p_values(superiority(first, second), 0.2)
    for k in range(50):
        for word, p in order_p_values(superiority(first[k], second[k]), 0.2).items():
            assert p == pytest.approx(together[word][k], nan_ok=True)
    ends = np.array(superiority(first, second).interval())
    np.testing.assert_allclose(
        ends, np.array([superiority(*pair).interval() for pair in zip(first, second, strict=True)]).T
    )


def test_complete_separation_is_as_likely_as_runs_that_all_win():
    """Two modes around a constant have P = ½ and separate with chance ½ to the n, which no rank test allows for."""
    for n, word in ((4, "inconclusive"), (5, "replicated")):
        first, second = np.arange(n) + 10.0, np.arange(n) * 1.0
        judged = superiority(first, second)
        assert judged.p_above(0.0) == pytest.approx(0.5**n)
        assert judged.p_above(0.2) == pytest.approx(0.7**n)
        assert decide({key: float(p) for key, p in order_p_values(judged, 0.1).items()}) == word
        low, high = judged.interval()
        assert (high, low <= 0.0) == (0.5, word == "inconclusive")


def test_runs_against_a_constant_are_counted_like_a_share():
    first, second = np.array([1.0] * 9 + [-1.0] * 3), np.zeros(6)
    judged = superiority(first, second)
    expected = stats.binomtest(9, 12, 0.5, alternative="greater").pvalue
    assert judged.p_above(0.0) == pytest.approx(max(expected, float(judged.exact_above)))
    assert judged.p_above(0.1) == pytest.approx(stats.binomtest(9, 12, 0.6, alternative="greater").pvalue)
    assert judged.p_below(-0.2) == pytest.approx(stats.binomtest(3, 12, 0.7, alternative="greater").pvalue)


def test_runs_that_are_all_equal_have_no_difference_once_they_are_many():
    few, many = superiority(np.ones(9), np.ones(9)), superiority(np.ones(20), np.ones(14))
    p = float(order_p_values(many, 0.1)["no difference"])
    assert p == pytest.approx(0.8**14) and p <= 0.05
    assert float(order_p_values(few, 0.1)["no difference"]) == pytest.approx(0.8**9)
    assert float(many.p_above(0.0)) == float(many.p_below(0.0)) == 1.0
    assert many.interval() == (pytest.approx(-many.interval()[1]), pytest.approx(many.interval()[1]))


def test_sides_mirror_each_other():
    first, second = PAIRS[0]
    there, back = superiority(first, second), superiority(second, first).oriented(-1)
    np.testing.assert_allclose(there.interval(), back.interval())
    for threshold in (-0.2, 0.0, 0.2):
        np.testing.assert_allclose(there.p_above(threshold), back.p_above(threshold))
        np.testing.assert_allclose(there.p_below(threshold), back.p_below(threshold))


def test_the_exact_test_is_left_to_small_samples():
    n = int(EXACT**0.5)
    assert superiority(RANDOM.normal(size=n), RANDOM.normal(size=n)).exact_above > 0
    assert superiority(RANDOM.normal(size=n + 1), RANDOM.normal(size=n)).exact_above == 0


def test_the_worst_value_is_below_every_other_and_a_tie_with_itself():
    first, second = np.array([-np.inf, 1.0, 2.0]), np.array([-np.inf, 0.0])
    assert superiority(first, second).estimate.difference == pytest.approx((0.5 + 2 + 2) / 6 - 0.5)
