"""What is not assessed, answered, indicative or diverged, and why."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from replication.foundation.errors import InputError
from replication.verdicts.verdict import judge
from tests.hand_made import against, around, claim, evidence, outcomes, runs


def test_two_runs_are_not_assessed():
    verdict = judge(claim("bound"), runs([0.9, 0.8]))
    assert (verdict.word, verdict.comparison) == ("not assessed", None)
    assert "2 of at least 3" in verdict.reason


def test_claim_without_evidence_gives_its_reason():
    verdict = judge(claim("bound", evidence=None, not_assessed="Nothing runs it yet."), around(0.9))
    assert (verdict.word, verdict.reason) == ("not assessed", "Nothing runs it yet.")
    assert verdict.obstacle == "not run"
    closed = claim("bound", evidence=None, not_assessed="Nobody has it.", obstacle="data closed")
    assert judge(closed, around(0.9)).obstacle == "data closed"
    assert judge(claim("bound"), around(0.9)).obstacle is None


def test_claim_without_measurements_gives_its_reason_or_what_is_missing():
    elsewhere = around(0.9).assign(dataset="elsewhere")
    assert judge(claim("bound", not_assessed="CIFAR-10 is not run."), elsewhere).reason == "CIFAR-10 is not run."
    verdict = judge(claim("bound"), elsewhere)
    assert verdict.word == "not assessed" and "dataset toy" in verdict.reason


def test_another_budget_is_not_assessed_even_with_a_clear_result():
    verdict = judge(claim("bound", evidence=evidence(budget=320_000)), around(0.9))
    assert verdict.word == "not assessed" and "after 320000" in verdict.reason


def test_indicative_evidence_stands_beside_the_claim_and_never_judges_it():
    substitute = replace(evidence(), substitutes="digits for CIFAR-10")
    verdict = judge(claim("bound", evidence=None, not_assessed="No CIFAR-10.", indicative=(substitute,)), around(0.9))
    assert (verdict.word, verdict.adjusted_word) == ("not assessed", "not assessed")
    (shown,) = verdict.indicative
    assert (shown.substitutes, shown.direction) == ("digits for CIFAR-10", "points the claim's way")
    assert shown.comparison is not None


@pytest.mark.parametrize(
    ("mean", "direction"), [(0.8, "points the claim's way"), (0.5, "points the other way"), (0.71, "undecided")]
)
def test_indicative_directions(mean, direction):
    substitute = replace(evidence(), substitutes="a classifier for Inception")
    verdict = judge(claim("bound", evidence=None, not_assessed="-", indicative=(substitute,)), around(mean))
    assert verdict.indicative[0].direction == direction


def test_indicative_without_rows_says_so():
    substitute = replace(evidence(metric="auc"), substitutes="a classifier for Inception")
    verdict = judge(claim("bound", indicative=(substitute,)), around(0.9))
    assert verdict.word == "replicated"
    assert verdict.indicative[0].direction == "no measurements"


def test_diverged_runs_stay_at_the_worst_value():
    verdict = judge(claim("bound"), runs([0.90, 0.91, 0.92, math.nan, 0.93]))
    assert verdict.word == "inconclusive"
    assert verdict.comparison is not None and verdict.comparison.measured.n == 5
    assert "1 diverged and taken as 0" in verdict.reason


def test_runs_that_all_diverged_do_not_replicate():
    verdict = judge(claim("bound"), runs([math.nan] * 4))
    assert (verdict.word, verdict.reason) == ("not replicated", "Every one of the 4 trainings diverged.")


def test_diverged_run_of_an_unbounded_metric_forbids_replicated():
    good = runs([0.10, 0.11, 0.12, 0.11, math.nan], metric="energy_distance")
    lower = claim("bound", metric="energy_distance", better="lower")
    assert judge(lower, good.dropna()).word == "replicated"
    verdict = judge(lower, good)
    assert (verdict.word, verdict.n_needed) == ("inconclusive", None)
    assert "1 of 5 trainings diverged" in verdict.reason and "cannot be replicated" in verdict.reason


def test_diverged_run_of_an_unbounded_metric_upholds_a_word_against_the_claim():
    bad = runs([0.90, 0.91, 0.92, 0.91, math.nan], metric="energy_distance")
    verdict = judge(claim("bound", metric="energy_distance", better="lower"), bad)
    assert verdict.word == "not replicated"
    order = claim("order", metric="energy_distance", better="lower")
    assert judge(order, against(around(0.9, metric="energy_distance"), bad)).word == "inconclusive"
    assert judge(order, against(bad, around(0.5, metric="energy_distance"))).word == "reversed"


def test_rate_needs_independent_unpaired_runs():
    table = against(outcomes(3, 5), outcomes(2, 5))
    paired = evidence("success", against=True, paired=True)
    with pytest.raises(InputError, match="two unpaired sides"):
        judge(claim("rate", evidence=paired), table)
    with pytest.raises(InputError, match="share data"):
        judge(claim("rate", overlap=0.25), table)
