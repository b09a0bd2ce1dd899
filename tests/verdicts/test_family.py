"""Holm's adjustment within a family, fewer replicates than planned, and the bytes of verdicts.json."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from statsmodels.stats.multitest import multipletests

from replication.verdicts.records import from_json, to_json
from replication.verdicts.statistics.rules import decide, holm
from replication.verdicts.studies.power import POWER, true_powers
from replication.verdicts.verdict import judge, judge_all
from tests.hand_made import against, around, claim, evidence, plan, runs

SHIFT = 0.7 + 2.6 * 0.0158113883 / math.sqrt(5)  # t = 2.6 with 4 degrees: p = .030, which lasts alone only


def test_holm_matches_statsmodels():
    p_values = [0.01, 0.04, 0.03, 0.005, 0.8]
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])
    assert holm([]).size == 0


def test_the_first_word_whose_test_succeeds_is_given():
    assert decide({"replicated": 0.05, "reversed": 0.01}) == "replicated"
    assert decide({"replicated": 0.0501, "no difference": 0.02}) == "no difference"
    assert decide({"replicated": math.nan}) == "inconclusive"


def test_family_of_claims_keeps_only_what_lasts_adjustment():
    for other, adjusted in (([], "replicated"), ([claim("bound", id="b")], "inconclusive"),
                            ([claim("bound", id="b", family="another")], "replicated"),
                            ([bound(id="b")], "replicated")):  # which is left without a word  # fmt: skip
        first, *_ = judge_all([claim("bound"), *other], around(SHIFT))
        assert (first.word, first.adjusted_word) == ("replicated", adjusted)


def test_json_comes_back_and_has_no_order_of_its_own():
    claims = [
        claim("value", id="b"),
        claim("order", id="a"),
        claim("bound", id="c", indicative=(replace(evidence(), substitutes="digits"),)),
        claim("bound", id="d", evidence=None, not_assessed="-"),
    ]
    table = against(around(0.81), around(0.7))
    verdicts = judge_all(claims, table)
    text = to_json(verdicts)
    assert to_json(judge_all(claims[::-1], table.sample(frac=1, random_state=0))) == text
    assert to_json(from_json(text)) == text
    assert [record["claim"] for record in json.loads(text)] == ["a", "b", "c", "d"]
    assert [verdict.word for verdict in from_json(text)] == ["replicated", "replicated", "replicated", "not assessed"]


def test_json_keeps_six_digits_and_no_word_for_nothing():
    record = json.loads(to_json([judge(claim("bound"), runs([0.123456789, 0.2, math.nan]))]))[0]
    assert record["comparison"]["measured"]["values"] == [0.123457, 0.2, 0.0]
    lost = runs([math.nan, 0.2, 0.3], metric="energy_distance")
    record = json.loads(to_json([judge(claim("bound", metric="energy_distance", better="lower"), lost)]))[0]
    assert record["comparison"]["measured"]["values"] == [None, 0.2, 0.3]


def test_last_bits_of_a_measurement_do_not_change_the_bytes():
    moved = around(0.81)
    moved["value"] = [math.nextafter(value, 1) for value in moved["value"]]
    assert to_json([judge(claim("value"), moved)]) == to_json([judge(claim("value"), around(0.81))])


# Fewer replicates than planned: the word comes from computed power, never from the outcome.


def bound(**changes):
    return claim("bound", plan=plan(sd=0.02, effect=0.02), **changes)


@pytest.mark.parametrize("mean", [0.2, 0.7, 0.72, 0.99])
def test_the_word_does_not_depend_on_what_was_measured(mean):
    power = true_powers([bound()], {bound().id: (5, None)})[bound().id]
    verdict = judge(bound(), around(mean))  # five of ten
    assert (verdict.word, verdict.adjusted_word, verdict.n_needed) == ("underpowered", "underpowered", None)
    assert verdict.power == power < POWER
    assert verdict.comparison is not None and verdict.comparison.measured.mean == pytest.approx(mean)
    assert f"{100 * power:.0f} % of studies" in verdict.reason and "10 being planned" in verdict.reason


def test_fewer_replicates_with_power_enough_are_judged():
    verdict = judge(claim("bound", plan=plan(sd=0.02, effect=0.1)), around(0.9))
    assert verdict.word == "replicated"
    assert verdict.power is not None and verdict.power >= POWER


def test_as_many_as_planned_are_judged_whatever_their_power_and_the_other_side_counts_too():
    verdict = judge(claim("bound", plan=plan(n=5, sd=0.02, effect=0.02)), around(0.9))
    assert (verdict.word, verdict.power) == ("replicated", None)
    assert judge(claim("bound", plan=plan(n=3, sd=0.02, effect=0.02)), around(0.9)).word == "replicated"
    many = [0.80, 0.81, 0.79, 0.8, 0.82, 0.78, 0.8, 0.81, 0.79, 0.8]
    planned = claim("order", plan=plan(against_n=10, sd=0.1, effect=0.13))
    assert judge(planned, against(runs(many), runs([0.5, 0.6, 0.55]))).word == "underpowered"


def test_power_is_that_of_the_family():
    close = plan(n=8, sd=0.02, effect=0.021)
    alone = claim("bound", plan=close)
    family = [claim("bound", id=f"claim-{k}", plan=close) for k in range(6)]
    size = {each.id: (5, None) for each in [alone, *family]}
    assert true_powers(family, size)["claim-0"] < true_powers([alone], size)["a-claim"]
