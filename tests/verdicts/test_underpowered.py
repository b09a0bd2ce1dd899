"""Fewer replicates than planned: the word comes from computed power, never from the outcome."""

from __future__ import annotations

import pytest

from replication.verdicts.studies.power import POWER, true_powers
from replication.verdicts.verdict import judge, judge_all
from tests.hand_made import against, around, claim, plan, runs


def bound(**changes):
    return claim("bound", plan=plan(sd=0.02, effect=0.02), **changes)


@pytest.mark.parametrize("mean", [0.2, 0.7, 0.72, 0.99])
def test_the_word_does_not_depend_on_what_was_measured(mean):
    planned = bound()
    verdict = judge(planned, around(mean))  # five of ten
    assert (verdict.word, verdict.adjusted_word, verdict.n_needed) == ("underpowered", "underpowered", None)
    assert verdict.power == true_powers([planned], {planned.id: (5, None)})[planned.id] < POWER
    assert verdict.comparison is not None and verdict.comparison.measured.mean == pytest.approx(mean)
    assert verdict.power is not None and f"{100 * verdict.power:.0f} % of studies" in verdict.reason
    assert "10 being planned" in verdict.reason


def test_fewer_replicates_with_power_enough_are_judged():
    verdict = judge(claim("bound", plan=plan(sd=0.02, effect=0.1)), around(0.9))
    assert verdict.word == "replicated"
    assert verdict.power is not None and verdict.power >= POWER


def test_as_many_as_planned_are_judged_whatever_their_power():
    verdict = judge(claim("bound", plan=plan(n=5, sd=0.02, effect=0.02)), around(0.9))
    assert (verdict.word, verdict.power) == ("replicated", None)
    assert judge(claim("bound", plan=plan(n=3, sd=0.02, effect=0.02)), around(0.9)).word == "replicated"


def test_the_other_side_counts_too():
    few = [0.5, 0.6, 0.55]
    many = [0.80, 0.81, 0.79, 0.8, 0.82, 0.78, 0.8, 0.81, 0.79, 0.8]
    planned = claim("order", plan=plan(against_n=10, sd=0.1, effect=0.13))
    assert judge(planned, against(runs(many), runs(few))).word == "underpowered"


def test_a_claim_without_a_word_leaves_its_family():
    """t = 2.6 with 4 degrees: p = .030, which lasts alone but not beside another claim."""
    shift = 0.7 + 2.6 * 0.0158113883 / 5**0.5
    whole = claim("bound", id="whole", plan=plan(n=5, sd=0.02, effect=0.1))
    pair = judge_all([whole, bound(id="part")], around(shift))
    assert [verdict.adjusted_word for verdict in pair] == ["replicated", "underpowered"]


def test_power_is_that_of_the_family():
    close = plan(n=8, sd=0.02, effect=0.021)
    alone = claim("bound", plan=close)
    family = [claim("bound", id=f"claim-{k}", plan=close) for k in range(6)]
    size = {one.id: (5, None) for one in [alone, *family]}
    assert true_powers(family, size)["claim-0"] < true_powers([alone], size)["a-claim"]
