"""Student's t intervals against statsmodels and SciPy; the verdict rule errs no more often than it may."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW, ttost_ind, ttost_paired

from replication.verdicts.statistics.intervals import (
    FEW,
    LEVEL,
    MOST_REPLICATES,
    Estimate,
    mean_estimate,
    paired_estimate,
    replicates_to_settle,
    welch_estimate,
)
from replication.verdicts.statistics.rules import decide_each, holm, order_p_values, value_p_values
from replication.verdicts.studies.simulated import Case, all_cases
from replication.verdicts.studies.simulation import PATH, SEED, STUDIES, error_table, largest_rate, simulate

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
    assert estimate.standard_error == 0 and np.isnan(estimate.p_above(0.0))


def test_n_that_settles_is_the_smallest_that_does_unless_the_published_mean_leaves_it_open():
    estimate = mean_estimate(FIRST)
    needed = replicates_to_settle(estimate.half_width, 0.1, 6)
    assert needed is not None and needed > 6
    assert estimate.half_width(needed) <= 0.1 < estimate.half_width(needed - 1)
    estimate = mean_estimate(FIRST, 3.0, 1)
    assert replicates_to_settle(estimate.half_width, 0.9 * FIRST.std(ddof=1), 6) is None
    assert estimate.half_width(MOST_REPLICATES) > FIRST.std(ddof=1)


KINDS = {"value", "order", "order, paired", "superiority", "bound", "bound, share", "rate", "family of 5 orders"}


def test_every_wrong_word_of_every_kind_is_simulated():
    cases = all_cases()
    wrong = {(case.kind, word) for case in cases for word in case.wrong}
    assert {kind for kind, _ in wrong} == KINDS
    words = dict.fromkeys(("order", "superiority", "rate"), {"replicated", "reversed", "no difference"})
    words |= {"value": {"replicated", "differs, better", "not replicated"}, "bound": {"replicated", "not replicated"}}
    for kind, expected in words.items():
        assert {word for other, word in wrong if other == kind} == expected
    assert len({(case.kind, case.truth, case.n, case.against_n) for case in cases}) == len(cases)


@pytest.mark.integration
def test_rule_errs_no_more_often_than_it_may_in_a_quick_run():
    cases = [case for case in all_cases() if case.kind != "rate" and case.n == 5]
    assert len(cases) > 20
    for rate in simulate(cases, 1000):
        assert rate.rate <= largest_rate(1000), rate


def test_simulation_notices_a_rule_that_errs_too_often():
    def naive(generator, studies):
        shared = np.sqrt(0.2) * generator.normal(size=(studies, 1))
        draws = shared + np.sqrt(0.8) * generator.normal(size=(studies, 10))
        return order_p_values(mean_estimate(draws), 0.0)

    (rate,) = simulate([Case("order", "naive t on draws that share data", 10, None, naive, ("replicated",))], 1000)
    assert rate.rate > 2 * largest_rate(1000)


def test_one_word_for_two_sides_would_err_twice_as_often_without_the_added_tail():
    estimate = mean_estimate(np.random.default_rng(0).normal(size=(4000, 5)))
    smaller_tail = np.minimum(estimate.p_above(0.0), estimate.p_below(0.0))
    assert np.mean(smaller_tail <= LEVEL) > 0.08
    assert np.mean(decide_each(value_p_values(estimate, 0.0, sided=False)) == "not replicated") < 0.065


def test_wrong_words_of_a_family_need_holms_adjustment():
    p_values = np.random.default_rng(0).uniform(size=(3000, 5))  # what five true nulls give
    assert np.mean(p_values.min(axis=1) <= LEVEL) > 0.2
    assert np.mean([min(holm(list(family))) <= LEVEL for family in p_values]) < 0.065


def test_a_row_depends_on_its_own_seed_alone():
    first, second = all_cases()[:2]
    assert simulate([first, second], 100) == simulate([first], 100) + simulate([second], 100)


@pytest.mark.slow
def test_committed_table_is_what_the_rule_gives_and_holds_its_rates():
    committed = json.loads(PATH.read_text(encoding="utf-8"))
    again = json.loads(json.dumps(error_table(simulate(all_cases(), STUDIES))))
    assert (committed["studies"], committed["seed"], committed["nominal"]) == (STUDIES, SEED, LEVEL)
    assert len(committed["rows"]) == len(again["rows"])
    for old, new in zip(committed["rows"], again["rows"], strict=True):
        assert {**old, "rate": None} == {**new, "rate": None}
        # another version of NumPy or SciPy may move single studies, never a rate
        assert abs(old["rate"] - new["rate"]) <= 0.001, (old, new)
        assert max(old["rate"], new["rate"]) <= largest_rate(STUDIES), new


def test_committed_table_stays_within_the_nominal_rate():
    committed = json.loads(PATH.read_text(encoding="utf-8"))
    names = {(row["kind"], row["truth"], row["n"], row["against_n"], row["word"]) for row in committed["rows"]}
    expected = {(c.kind, c.truth, c.n, c.against_n, word) for c in all_cases() for word in c.wrong}
    assert names == expected
    assert all(row["rate"] <= largest_rate(STUDIES) for row in committed["rows"])
    assert np.mean([row["rate"] for row in committed["rows"]]) <= LEVEL
