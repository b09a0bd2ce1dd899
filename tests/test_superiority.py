"""P(superiority): its estimate, variance and tests against SciPy and plain counting; degenerate samples exactly."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from replication.verdicts.statistics.rules import decide, order_p_values
from replication.verdicts.statistics.superiority import EXACT, superiority

RANDOM = np.random.default_rng(0)
PAIRS = [
    (RANDOM.standard_cauchy(7) + 1, RANDOM.standard_cauchy(9)),
    (RANDOM.normal(0.8, size=20), RANDOM.normal(size=20)),
    (RANDOM.integers(0, 4, 8).astype(float), RANDOM.integers(0, 4, 11).astype(float)),
]


@pytest.mark.parametrize(("one", "two"), PAIRS)
def test_estimate_counts_pairs_and_ties_by_half(one, two):
    wins = [(a > b) + 0.5 * (a == b) for a in one for b in two]
    assert superiority(one, two).estimate.difference == pytest.approx(np.mean(wins) - 0.5)


@pytest.mark.parametrize(("one", "two"), PAIRS)
def test_t_is_brunner_and_munzels_test(one, two):
    estimate = superiority(one, two).estimate
    above = stats.brunnermunzel(one, two, alternative="greater").pvalue
    below = stats.brunnermunzel(one, two, alternative="less").pvalue
    assert (estimate.p_above(0.0), estimate.p_below(0.0)) == (pytest.approx(above), pytest.approx(below))


@pytest.mark.parametrize(("one", "two"), PAIRS[:2])
def test_exact_p_is_mann_and_whitneys(one, two):
    expected = stats.mannwhitneyu(one, two, alternative="greater", method="exact").pvalue
    assert superiority(one, two).exact_above == pytest.approx(expected)


def test_exact_p_with_ties_counts_every_way_to_deal_the_values():
    one, two = np.array([2.0, 1.0, 2.0, 3.0]), np.array([1.0, 0.0, 2.0, 0.0, 1.0])
    joint = np.concatenate([one, two])

    def share(places):
        first, second = joint[list(places)], np.delete(joint, list(places))
        return np.mean((first[:, None] > second) + 0.5 * (first[:, None] == second))

    dealt = np.array([share(places) for places in combinations(range(9), 4)])
    assert superiority(one, two).exact_above == pytest.approx(np.mean(dealt >= share(range(4)) - 1e-9))
    assert superiority(one, two).exact_below == pytest.approx(np.mean(dealt <= share(range(4)) + 1e-9))


def test_many_studies_are_judged_as_each_alone():
    one, two = RANDOM.integers(0, 3, (50, 6)).astype(float), RANDOM.integers(0, 3, (50, 5)).astype(float)
    together = order_p_values(superiority(one, two), 0.2)
    for k in range(50):
        for word, p in order_p_values(superiority(one[k], two[k]), 0.2).items():
            assert p == pytest.approx(together[word][k], nan_ok=True)
    ends = np.array(superiority(one, two).interval())
    np.testing.assert_allclose(ends, np.array([superiority(*pair).interval() for pair in zip(one, two, strict=True)]).T)


def test_complete_separation_is_as_likely_as_runs_that_all_win():
    """Two modes around a constant have P = ½ and separate with chance ½ to the n, which no rank test allows for."""
    for n, word in ((4, "inconclusive"), (5, "replicated")):
        one, two = np.arange(n) + 10.0, np.arange(n) * 1.0
        judged = superiority(one, two)
        assert judged.p_above(0.0) == pytest.approx(0.5**n)
        assert judged.p_above(0.2) == pytest.approx(0.7**n)
        assert decide({key: float(p) for key, p in order_p_values(judged, 0.1).items()}) == word
        low, high = judged.interval()
        assert (high, low <= 0.0) == (0.5, word == "inconclusive")


def test_runs_against_a_constant_are_counted_like_a_share():
    one, two = np.array([1.0] * 9 + [-1.0] * 3), np.zeros(6)
    judged = superiority(one, two)
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
    one, two = PAIRS[0]
    there, back = superiority(one, two), superiority(two, one).oriented(-1)
    np.testing.assert_allclose(there.interval(), back.interval())
    for threshold in (-0.2, 0.0, 0.2):
        assert there.p_above(threshold) == pytest.approx(float(back.p_above(threshold)))
        assert there.p_below(threshold) == pytest.approx(float(back.p_below(threshold)))


def test_the_exact_test_is_left_to_small_samples():
    n = int(EXACT**0.5)
    assert superiority(RANDOM.normal(size=n), RANDOM.normal(size=n)).exact_above > 0
    assert superiority(RANDOM.normal(size=n + 1), RANDOM.normal(size=n)).exact_above == 0


def test_the_worst_value_is_below_every_other_and_a_tie_with_itself():
    one, two = np.array([-np.inf, 1.0, 2.0]), np.array([-np.inf, 0.0])
    assert superiority(one, two).estimate.difference == pytest.approx((0.5 + 2 + 2) / 6 - 0.5)
