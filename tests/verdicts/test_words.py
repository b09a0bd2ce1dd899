"""Each word that measurements earn, on hand-made studies of every kind of claim."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest

from replication.foundation.errors import InputError
from replication.verdicts.verdict import judge
from tests.hand_made import against, around, claim, evidence, outcomes, runs


@pytest.mark.parametrize(
    ("mean", "better", "word"),
    [
        (0.81, "higher", "replicated"),
        (0.79, "higher", "replicated"),
        (0.90, "higher", "differs, better"),
        (0.70, "higher", "not replicated"),
        (0.85, "higher", "inconclusive"),
    ],
)
def test_value_against_an_exact_number(mean, better, word):
    verdict = judge(claim("value", better=better), around(mean))
    assert verdict.word == word
    comparison = verdict.comparison
    assert comparison is not None and comparison.reference == verdict.published == 0.8
    assert comparison.difference == pytest.approx(mean - 0.8)
    assert comparison.high - comparison.low == pytest.approx(2 * 2.131847 * 0.0158113883 / math.sqrt(5))
    assert (verdict.n_needed is not None) == (word == "inconclusive" and mean != 0.85)


def test_value_where_lower_is_better_turns_the_sides():
    table = around(0.70, metric="test_error")
    lower = claim("value", metric="test_error", better="lower")
    assert judge(lower, table).word == "differs, better"
    assert judge(lower, around(0.90, metric="test_error")).word == "not replicated"


def test_value_of_a_metric_with_no_better_side_never_differs_for_the_better():
    assert judge(claim("value", metric="hit_rate"), around(0.90, metric="hit_rate")).word == "not replicated"
    assert judge(claim("value", metric="hit_rate"), around(0.70, metric="hit_rate")).word == "not replicated"
    assert judge(claim("value", metric="hit_rate"), around(0.80, metric="hit_rate")).word == "replicated"


def test_one_published_training_leaves_the_value_open_and_no_number_of_runs_closes_it():
    verdict = judge(claim("value", trainings=1, margin=0.02), around(0.80))
    assert (verdict.word, verdict.n_needed) == ("inconclusive", None)
    assert "not even 10000 trainings" in verdict.reason
    assert judge(claim("value", trainings=1), around(0.80)).word == "replicated"


def test_inconclusive_says_how_many_runs_would_settle_it():
    verdict = judge(claim("value"), around(0.84))
    assert verdict.word == "inconclusive"
    assert verdict.n_needed is not None and 5 < verdict.n_needed < 20
    assert f"about {verdict.n_needed} trainings would settle it" in verdict.reason


@pytest.mark.parametrize(
    ("one", "other", "word"),
    [(0.8, 0.7, "replicated"), (0.7, 0.8, "reversed"), (0.8, 0.801, "no difference"), (0.8, 0.79, "inconclusive")],
)
def test_order_of_two_sides(one, other, word):
    verdict = judge(claim("order", margin=0.025), against(around(one), around(other)))
    assert verdict.word == word
    turned = judge(claim("order", margin=0.025, better="lower"), against(around(other), around(one)))
    assert turned.word == word


def test_a_certain_but_negligible_order_is_no_difference():
    table = against(runs([0.801, 0.802, 0.8015, 0.8018, 0.8012]), runs([0.8, 0.7999, 0.8001, 0.80005, 0.79995]))
    assert judge(claim("order", margin=0.05), table).word == "no difference"
    assert judge(claim("order", margin=0.001), table).word == "replicated"


def test_pairs_of_the_same_run_cancel_what_they_share():
    one = [0.50, 0.60, 0.70, 0.80, 0.90]
    table = against(
        runs([value + shift for value, shift in zip(one, (-0.02, -0.01, 0.0, 0.01, 0.02), strict=True)]),
        runs([v - 0.05 for v in one]),
    )
    assert judge(claim("order"), table).word == "inconclusive"
    paired = replace(evidence(against=True), paired=True)
    assert judge(claim("order", evidence=paired), table).word == "replicated"


@pytest.mark.parametrize(
    ("one", "other", "margin", "word"),
    [
        (19, 8, 0.1, "replicated"),
        (8, 19, 0.1, "reversed"),
        (20, 20, 0.3, "no difference"),
        (12, 9, 0.3, "inconclusive"),
    ],
)
def test_rate_of_successful_runs(one, other, margin, word):
    verdict = judge(claim("rate", margin=margin), against(outcomes(one, 20), outcomes(other, 20)))
    assert verdict.word == word
    assert verdict.comparison is not None
    assert verdict.comparison.difference == pytest.approx((one - other) / 20)
    assert f"{one} of 20 trainings against {other} of 20" in verdict.reason
    assert (verdict.n_needed is not None) == (word == "inconclusive")


def test_rate_that_should_be_lower_turns_the_sides():
    table = against(outcomes(8, 20), outcomes(19, 20))
    assert judge(claim("rate", better="lower"), table).word == "replicated"


def test_rate_of_something_other_than_successes_is_refused():
    table = against(runs([0.5, 1.0, 0.0], metric="success"), outcomes(2, 3))
    with pytest.raises(InputError, match="outcomes are 0 or 1"):
        judge(claim("rate"), table)


@pytest.mark.parametrize(("mean", "word"), [(0.73, "replicated"), (0.67, "not replicated"), (0.71, "inconclusive")])
def test_bound_is_one_sided(mean, word):
    verdict = judge(claim("bound"), around(mean))
    assert verdict.word == word
    assert (verdict.n_needed is not None) == (word == "inconclusive")


@pytest.mark.parametrize(
    ("count", "word"), [(20, "replicated"), (19, "replicated"), (15, "inconclusive"), (9, "not replicated")]
)
def test_bound_on_a_share_counts_successes(count, word):
    assert judge(claim("bound", metric="success"), outcomes(count, 20)).word == word


def test_draws_that_share_data_are_judged_with_the_corrected_error():
    table = pd.concat(
        [around(0.715, replicate_kind="label draw").assign(seed=0, replicate=range(5))], ignore_index=True
    )
    naive = claim("bound", replicate_unit="label draw", overlap=0.0)
    assert judge(naive, table).word == "inconclusive"
    assert judge(naive, table.assign(value=table["value"] + 0.005)).word == "replicated"
    corrected = replace(naive, overlap=0.25)
    verdict = judge(corrected, table.assign(value=table["value"] + 0.005))
    assert (verdict.word, verdict.replicate_unit) == ("inconclusive", "label draw")


def test_interval_outside_a_narrow_margin_may_not_be_enough_where_both_tails_count():
    """t = 2.2 with 4 degrees: p is .046 on one side, .09 on both."""
    off = 0.8 + 2.2 * 0.0158113883 / math.sqrt(5)
    narrow = {"metric": "hit_rate", "margin": 1e-6}
    verdict = judge(claim("value", **narrow), around(off, metric="hit_rate"))
    assert verdict.word == "inconclusive"
    assert "both tails count" in verdict.reason
    assert judge(claim("value", margin=1e-6), around(off)).word == "differs, better"
