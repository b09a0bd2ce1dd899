"""Each word that measurements earn, on hand-made studies of every kind of claim."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from replication.verdicts.claims import Claim
from replication.verdicts.verdict import judge
from tests.hand_made import against, around, claim, evidence, outcomes, runs

MODES = [0.1] * 4 + [0.9] * 16  # most runs work
WORSE = [0.1] * 14 + [0.9] * 6


def words(judged: Claim, *tables: pd.DataFrame) -> list[str]:
    return [judge(judged, table).word for table in tables]


@pytest.mark.parametrize(
    ("mean", "word"),
    [(0.81, "replicated"), (0.79, "replicated"), (0.90, "differs, better"), (0.70, "not replicated"),
     (0.85, "inconclusive")],
)  # fmt: skip
def test_value_against_an_exact_number(mean, word):
    verdict = judge(claim("value"), around(mean))
    comparison = verdict.comparison
    assert verdict.word == word
    assert comparison is not None and comparison.reference == verdict.published == 0.8
    assert comparison.difference == pytest.approx(mean - 0.8)
    assert comparison.high - comparison.low == pytest.approx(2 * 2.131847 * 0.0158113883 / math.sqrt(5))
    assert verdict.n_needed is None  # a mean at the margin stays there


def test_value_where_lower_is_better_turns_the_sides_and_one_with_no_better_side_never_differs_for_the_better():
    lower = claim("value", metric="test_error", better="lower")
    tables = [around(mean, metric="test_error") for mean in (0.70, 0.90)]
    assert words(lower, *tables) == ["differs, better", "not replicated"]
    tables = [around(mean, metric="hit_rate") for mean in (0.90, 0.70, 0.80)]
    assert words(claim("value", metric="hit_rate"), *tables) == ["not replicated", "not replicated", "replicated"]


def test_one_published_training_leaves_the_value_open_and_no_number_of_runs_closes_it():
    verdict = judge(claim("value", trainings=1, margin=0.02), around(0.80))
    assert (verdict.word, verdict.n_needed) == ("inconclusive", None)
    assert "not even 10000 trainings" in verdict.reason
    assert judge(claim("value", trainings=1), around(0.80)).word == "replicated"


def test_inconclusive_says_how_many_runs_would_settle_it():
    verdict = judge(claim("value"), around(0.84))
    assert verdict.word == "inconclusive" and verdict.n_needed is not None and 5 < verdict.n_needed < 20
    assert f"about {verdict.n_needed} trainings would settle it" in verdict.reason


def test_interval_outside_a_narrow_margin_may_not_be_enough_where_both_tails_count():
    """t = 2.2 with 4 degrees: p is .046 on one side, .09 on both."""
    off = 0.8 + 2.2 * 0.0158113883 / math.sqrt(5)
    verdict = judge(claim("value", metric="hit_rate", margin=1e-6), around(off, metric="hit_rate"))
    assert verdict.word == "inconclusive" and "both tails count" in verdict.reason
    assert judge(claim("value", margin=1e-6), around(off)).word == "differs, better"


@pytest.mark.parametrize(
    ("first", "second", "word"),
    [(0.8, 0.7, "replicated"), (0.7, 0.8, "reversed"), (0.8, 0.801, "no difference"), (0.8, 0.79, "inconclusive")],
)
def test_order_of_two_sides(first, second, word):
    assert judge(claim("order", margin=0.025), against(around(first), around(second))).word == word
    assert judge(claim("order", margin=0.025, better="lower"), against(around(second), around(first))).word == word


def test_a_certain_but_negligible_order_is_no_difference():
    table = against(runs([0.801, 0.802, 0.8015, 0.8018, 0.8012]), runs([0.8, 0.7999, 0.8001, 0.80005, 0.79995]))
    assert judge(claim("order", margin=0.05), table).word == "no difference"
    assert judge(claim("order", margin=0.001), table).word == "replicated"


def test_pairs_of_the_same_run_cancel_what_they_share():
    shared = (0.50, 0.60, 0.70, 0.80, 0.90)
    shifts = (-0.02, -0.01, 0.0, 0.01, 0.02)
    table = against(runs([v + s for v, s in zip(shared, shifts, strict=True)]), runs([v - 0.05 for v in shared]))
    paired = evidence(against=True, paired=True)
    assert judge(claim("order"), table).word == "inconclusive"
    assert judge(claim("order", evidence=paired), table).word == "replicated"


@pytest.mark.parametrize(
    ("first", "second", "margin", "word"),
    [
        (19, 8, 0.1, "replicated"),
        (8, 19, 0.1, "reversed"),
        (20, 20, 0.3, "no difference"),
        (12, 9, 0.3, "inconclusive"),
    ],
)
def test_rate_of_successful_runs(first, second, margin, word):
    verdict = judge(claim("rate", margin=margin), against(outcomes(first, 20), outcomes(second, 20)))
    assert verdict.word == word
    assert verdict.comparison is not None and verdict.comparison.difference == pytest.approx((first - second) / 20)
    assert f"{first} of 20 trainings against {second} of 20" in verdict.reason
    assert (verdict.n_needed is not None) == (word == "inconclusive")
    turned = judge(claim("rate", margin=margin, better="lower"), against(outcomes(second, 20), outcomes(first, 20)))
    assert turned.word == word


@pytest.mark.parametrize(("mean", "word"), [(0.73, "replicated"), (0.67, "not replicated"), (0.71, "inconclusive")])
def test_bound_is_one_sided(mean, word):
    verdict = judge(claim("bound"), around(mean))
    assert (verdict.word, verdict.n_needed is not None) == (word, word == "inconclusive")


def test_bound_on_a_share_counts_successes():
    tables = [outcomes(count, 20) for count in (20, 19, 15, 9)]
    earned = ["replicated", "replicated", "inconclusive", "not replicated"]
    assert words(claim("bound", metric="success"), *tables) == earned


def test_draws_that_share_data_are_judged_with_the_corrected_error():
    table = around(0.715, replicate_kind="label draw").assign(seed=0, replicate=range(5))
    higher = table.assign(value=table["value"] + 0.005)
    naive = claim("bound", replicate_unit="label draw", overlap=0.0)
    assert words(naive, table, higher) == ["inconclusive", "replicated"]
    verdict = judge(replace(naive, overlap=0.25), higher)
    assert (verdict.word, verdict.replicate_unit) == ("inconclusive", "label draw")


# Replicates that agree exactly have no interval: they are a rate, with ½ to their number as its p.


@pytest.mark.parametrize(
    ("n", "word"), [(3, "inconclusive"), (4, "inconclusive"), (5, "replicated"), (9, "replicated")]
)
def test_five_that_agree_are_evidence_and_three_are_not(n, word):
    verdict = judge(claim("bound"), runs([0.9] * n))
    assert (verdict.word, verdict.n_needed) == (word, 5 if word == "inconclusive" else None)
    assert verdict.comparison is not None
    assert verdict.comparison.p_values["replicated"] == binomtest(n, n, 0.5, alternative="greater").pvalue
    assert "agree exactly" in verdict.reason


def test_seeds_of_a_released_network_train_nothing_and_their_agreement_is_no_chance():
    released = {"paper": "dcgan2015", "model": "released"}
    table = runs([0.7] * 3).assign(**released)
    side = {**evidence().measured, **released}
    verdict = judge(claim("value", evidence=replace(evidence(), measured=side)), table)
    assert verdict.word == "not replicated" and "All 3 seeds agree exactly" in verdict.reason
    assert words(claim("value"), runs([0.7] * 3)) == ["inconclusive"]


def test_a_bound_has_a_side_on_either_hand_and_none_at_itself():
    tables = [runs([value] * 6) for value in (0.6, 0.7, 0.8)]
    assert words(claim("bound"), *tables) == ["not replicated", "inconclusive", "replicated"]


@pytest.mark.parametrize(
    ("value", "word"), [(0.82, "replicated"), (0.9, "differs, better"), (0.7, "not replicated"), (0.75, "replicated")]
)
def test_a_value_is_held_against_its_margin(value, word):
    assert words(claim("value", margin=0.0501), runs([value] * 5), runs([value] * 4)) == [word, "inconclusive"]


@pytest.mark.parametrize(("value", "word"), [(0.9, "replicated"), (0.5, "reversed"), (0.71, "no difference")])
def test_an_order_of_two_constants_counts_the_shorter_side(value, word):
    tables = [against(runs([value] * 9), runs([0.7] * count)) for count in (5, 4)]
    assert words(claim("order", margin=0.02), *tables) == [word, "inconclusive"]


def test_pairs_with_one_constant_difference_count_as_pairs():
    values = [0.5, 0.25, 0.75, 0.125, 0.375]
    tables = [against(runs([v + 0.25 for v in values[:n]]), runs(values[:n])) for n in (5, 4)]
    paired = claim("order", evidence=evidence(against=True, paired=True))
    assert words(paired, *tables) == ["replicated", "inconclusive"]


def test_a_deterministic_quantity_lies_where_it_is_seen():
    """Its replicates are one number: three of them are as good as a hundred, and the margin is a tolerance."""
    tables = [runs([value] * 3) for value in (0.84, 0.86, 0.74)]
    exact = claim("value", deterministic=True, trainings=1)
    assert words(exact, *tables) == ["replicated", "differs, better", "not replicated"]


# Superiority: diverged runs are the worst of all.


def spread(values: list[float], seed: int) -> list[float]:
    return list(np.array(values) + np.random.default_rng(seed).normal(scale=0.01, size=len(values)))


@pytest.mark.parametrize(
    ("first", "second", "word"),
    [(MODES, WORSE, "replicated"), (WORSE, MODES, "reversed"), (MODES, MODES, "inconclusive")],
)
def test_two_moded_runs(first, second, word):
    sides = runs(spread(first, 0)), runs(spread(second, 1))
    verdict = judge(claim("superiority"), against(*sides))
    assert (verdict.word, verdict.n_needed is not None) == (word, word == "inconclusive")
    assert judge(claim("superiority", better="lower"), against(*sides[::-1])).word == word


def test_no_difference_needs_many_runs():
    sides = (runs(spread(MODES * 15, seed)) for seed in (0, 1))
    assert judge(claim("superiority", margin=0.1), against(*sides)).word == "no difference"


def test_a_far_run_does_not_hide_the_others():
    """Nineteen of twenty are better by far more than noise; the last is off by a million."""
    table = against(runs([*spread([1.0] * 19, 0), -1e6]), runs(spread([0.0] * 20, 1)))
    assert judge(claim("order"), table).word == "inconclusive"
    verdict = judge(claim("superiority"), table)
    assert verdict.word == "replicated" and "0.95" in verdict.reason


def test_a_diverged_run_is_the_worst_whichever_side_it_is_on():
    lower = claim("superiority", metric="energy_distance", better="lower")
    good = runs(spread([0.1] * 10, 0), metric="energy_distance")
    lost = runs([*spread([0.3] * 8, 1), math.nan, math.nan], metric="energy_distance")
    verdict = judge(lower, against(good, lost))
    assert verdict.word == "replicated"
    assert verdict.comparison is not None and verdict.comparison.difference == -0.5  # every pair, lower
    assert judge(lower, against(lost, good)).word == "reversed"
