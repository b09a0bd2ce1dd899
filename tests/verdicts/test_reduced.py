"""Runs of a reduced budget: whatever they measure, the claim is not assessed, and what they show is indicative."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from replication.reduced import as_reduced, reduced_budgets
from replication.verdicts import judge, judge_all

RUN = ("gan", "one", "paper", "toy", "full")  # of the rows of `conftest.ROW`
OTHER = ("gan", "other", "paper", "toy", "full")


@pytest.mark.parametrize(
    ("mean", "plain", "direction"),
    [
        (0.80, "replicated", "points the claim's way"),
        (0.90, "differs, better", "points beyond the published value"),
        (0.70, "not replicated", "points the other way"),
        (0.85, "inconclusive", "undecided"),
    ],
)
def test_a_claim_on_a_reduced_run_is_never_judged(claim, around, mean, plain, direction):
    table = around(mean)
    assert judge(claim("value"), table).word == plain
    verdict = judge(claim("value"), table, {RUN: 0.1})
    assert (verdict.word, verdict.adjusted_word, verdict.comparison) == ("not assessed", "not assessed", None)
    assert verdict.reason == "The budget is reduced: updates cut to 10 %, so that what is measured is indicative."
    (shown,) = verdict.indicative
    assert (shown.substitutes, shown.direction) == ("updates cut to 10 %", direction)
    assert shown.comparison is not None and shown.comparison.measured.mean == pytest.approx(mean)


def test_runs_that_end_early_are_shown_though_the_protocol_asks_for_its_length(claim, evidence, around):
    bound = claim("bound", evidence=evidence(budget=1000), not_assessed="No run is recorded.")
    assert judge(bound, around(0.9)).indicative == ()
    verdict = judge(bound, around(0.9), {RUN: 0.1})
    assert verdict.word == "not assessed" and verdict.indicative[0].direction == "points the claim's way"


@pytest.mark.parametrize(
    ("budgets", "said"),
    [
        ({RUN: 0.1}, "updates cut to 10 %"),
        ({OTHER: 0.05}, "updates cut to 5 %"),
        ({RUN: 0.1, OTHER: 0.05}, "updates cut to 5 % and 10 %"),
    ],
)
def test_one_reduced_side_is_enough(claim, around, against, budgets, said):
    table = against(around(0.8), around(0.7))
    assert judge(claim("order", margin=0.02), table).word == "replicated"
    verdict = judge(claim("order", margin=0.02), table, budgets)
    assert (verdict.word, verdict.indicative[0].substitutes) == ("not assessed", said)
    assert verdict.indicative[0].direction == "points the claim's way"


def test_other_runs_keep_their_verdicts(claim, around):
    whole = [replace_one for replace_one in (OTHER, ("gan", "one", "code", "toy", "full"), (*RUN[:4], "half"))]
    assert judge(claim("value"), around(0.8), dict.fromkeys(whole, 0.1)).word == "replicated"
    assert judge(claim("value"), around(0.8), {}) == judge(claim("value"), around(0.8))


def test_a_claim_without_measurements_keeps_its_reason(claim, around):
    verdict = judge(claim("bound", not_assessed="No run is recorded."), around(0.9).iloc[:0], {RUN: 0.1})
    assert (verdict.reason, verdict.indicative) == ("No run is recorded.", ())


def test_substitutes_say_both(claim, evidence, around):
    substitute = evidence(substitutes="A small network for the paper's.", budget=1000)
    open_claim = claim("bound", evidence=None, not_assessed="-", indicative=(substitute,))
    (shown,) = judge(open_claim, around(0.9), {RUN: 0.25}).indicative
    assert shown.substitutes == "A small network for the paper's; updates cut to 25 %"
    assert shown.direction == "points the claim's way"
    (other,) = judge(open_claim, around(0.9), {OTHER: 0.25}).indicative
    assert other.substitutes == "A small network for the paper's." and other.direction == "undecided"


def test_a_question_on_reduced_runs_is_not_answered(claim, evidence, around, against):
    question = claim("question", evidence=evidence(against=True))
    table = against(around(0.9), around(0.5))
    assert judge(question, table).word == "answered"
    verdict = judge(question, table, {OTHER: 0.1})
    assert verdict.word == "not assessed" and verdict.indicative[0].comparison is not None


def test_an_earlier_step_of_a_reduced_run_is_reduced_too(evidence, around):
    table = pd.concat([around(0.5, step=0), around(0.9)], ignore_index=True)
    early = evidence(measured={**evidence().measured, "step": 0})
    assert as_reduced(early, table, {RUN: 0.1}) == replace(early, substitutes="updates cut to 10 %")
    assert as_reduced(early, table, {}) is None


def test_a_reduced_claim_leaves_its_family_alone(claim, evidence, around, against):
    one = claim("value", id="one")
    other = claim("value", id="two", evidence=evidence(measured={**evidence().measured, "recipe": "other"}))
    table = against(around(0.8), around(0.8))
    verdicts = judge_all([one, other], table, {OTHER: 0.1})
    assert [verdict.word for verdict in verdicts] == ["replicated", "not assessed"]
    assert verdicts[0] == judge(one, table)


def test_budgets_come_from_the_provenance_of_cells():
    names = dict(zip(("model", "recipe", "variant", "dataset", "split"), RUN, strict=True))
    cells = [{**names, "budget": 0.1}, {**names, "recipe": "other"}]
    assert reduced_budgets(cells) == {RUN: 0.1}
