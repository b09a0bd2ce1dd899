"""Student's t intervals against statsmodels and SciPy, and the replicates that would settle a claim."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW, ttost_ind, ttost_paired

from replication.verdicts.statistics.intervals import (
    FEW,
    MOST_REPLICATES,
    Estimate,
    mean_estimate,
    paired_estimate,
    replicates_to_settle,
    welch_estimate,
)

FIRST = np.array([3.1, 2.7, 3.6, 3.3, 2.9, 3.4])
SECOND = np.array([2.2, 2.9, 2.4, 3.5, 1.8, 2.6, 2.1])
PAIR = SECOND[:6]
MEANS = CompareMeans(DescrStatsW(FIRST), DescrStatsW(SECOND))
CASES = {  # an estimate, the interval of statsmodels, an equivalence margin and the two tests of its TOST
    "mean": (mean_estimate(FIRST, 3.0), DescrStatsW(FIRST - 3.0).tconfint_mean(alpha=0.10), 0.4,
             DescrStatsW(FIRST).ttost_mean(2.6, 3.4)),
    "Welch": (welch_estimate(FIRST, SECOND), MEANS.tconfint_diff(alpha=0.10, usevar="unequal"), 1.0,
              ttost_ind(FIRST, SECOND, -1.0, 1.0, usevar="unequal")),
    "paired": (paired_estimate(FIRST, PAIR), DescrStatsW(FIRST - PAIR).tconfint_mean(alpha=0.10), 1.5,
               ttost_paired(FIRST, PAIR, -1.5, 1.5)),
}  # fmt: skip


@pytest.mark.parametrize(("estimate", "interval", "margin", "tost"), CASES.values(), ids=CASES)
def test_interval_and_equivalence_are_those_of_statsmodels(estimate: Estimate, interval, margin, tost):
    np.testing.assert_allclose(estimate.interval(), interval)
    assert estimate.p_above(-margin) == pytest.approx(tost[1][1])
    assert estimate.p_below(margin) == pytest.approx(tost[2][1])


def test_one_sided_welch_p_is_that_of_scipy():
    _, p_value = stats.ttest_ind(FIRST, SECOND, equal_var=False, alternative="greater")
    assert welch_estimate(FIRST, SECOND).p_above(0.0) == pytest.approx(p_value)


def test_few_replicates_take_the_degrees_of_the_smaller_side():
    few = welch_estimate(FIRST[: FEW - 1], SECOND)
    assert few.degrees == FEW - 2
    statistic, _ = stats.ttest_ind(FIRST[: FEW - 1], SECOND, equal_var=False)
    assert few.difference / few.standard_error == pytest.approx(statistic)
    assert few.degrees < CompareMeans(DescrStatsW(FIRST[: FEW - 1]), DescrStatsW(SECOND)).dof_satt()


def test_a_published_mean_of_m_trainings_and_nadeau_and_bengios_overlap_widen_the_error():
    s, n, m = FIRST.std(ddof=1), len(FIRST), 4
    assert mean_estimate(FIRST, 3.0, m).standard_error == pytest.approx(s * np.sqrt(1 / n + 1 / m))
    assert mean_estimate(FIRST, 3.0, None).standard_error == pytest.approx(s / np.sqrt(n))
    assert mean_estimate(FIRST, 3.0, overlap=0.25).standard_error == pytest.approx(s * np.sqrt(1 / n + 0.25))


def test_naive_t_errs_too_often_on_draws_that_share_data_and_the_corrected_one_does_not():
    generator = np.random.default_rng(7)
    correlation = 0.25 / 1.25
    shared, apart = generator.normal(size=(4000, 1)), generator.normal(size=(4000, 10))
    draws = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * apart
    assert np.mean(mean_estimate(draws).p_above(0.0) <= 0.05) > 0.15
    assert np.mean(mean_estimate(draws, overlap=0.25).p_above(0.0) <= 0.05) < 0.065


def test_studies_on_leading_axes_are_judged_one_by_one():
    draws = np.random.default_rng(0).normal(size=(2, 3, 6))
    low, high = mean_estimate(draws).interval()
    assert low.shape == (2, 3)
    assert (low[1, 2], high[1, 2]) == mean_estimate(draws[1, 2]).interval()


def test_replicates_that_agree_but_for_rounding_have_no_test():
    estimate = mean_estimate([0.1 + 0.2, 0.3, 0.3])
    assert estimate.standard_error == 0
    assert np.isnan(estimate.p_above(0.0))


def test_n_that_settles_is_the_smallest_that_does_unless_the_published_mean_leaves_it_open():
    estimate = mean_estimate(FIRST)
    needed = replicates_to_settle(estimate.half_width, 0.1, 6)
    assert needed is not None and needed > 6
    assert estimate.half_width(needed) <= 0.1 < estimate.half_width(needed - 1)
    estimate = mean_estimate(FIRST, 3.0, 1)
    assert replicates_to_settle(estimate.half_width, 0.9 * FIRST.std(ddof=1), 6) is None
    assert estimate.half_width(MOST_REPLICATES) > FIRST.std(ddof=1)
