"""Holm's adjustment within a family, and the bytes of verdicts.json."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from statsmodels.stats.multitest import multipletests

from replication.verdicts.records import from_json, to_json
from replication.verdicts.statistics.rules import decide, holm
from replication.verdicts.verdict import judge, judge_all
from tests.hand_made import against, around, claim, evidence, runs


def test_holm_matches_statsmodels():
    p_values = [0.01, 0.04, 0.03, 0.005, 0.8]
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])
    assert holm([]).size == 0


def test_the_first_word_whose_test_succeeds_is_given():
    assert decide({"replicated": 0.05, "reversed": 0.01}) == "replicated"
    assert decide({"replicated": 0.0501, "no difference": 0.02}) == "no difference"
    assert decide({"replicated": math.nan}) == "inconclusive"


def test_family_of_claims_keeps_only_what_lasts_adjustment():
    shift = 0.7 + 2.6 * 0.0158113883 / math.sqrt(5)  # t = 2.6 with 4 degrees: p = .030
    lone = judge_all([claim("bound")], around(shift))[0]
    assert (lone.word, lone.adjusted_word) == ("replicated", "replicated")
    pair = judge_all([claim("bound", id="one"), claim("bound", id="two")], around(shift))
    assert [(one.word, one.adjusted_word) for one in pair] == [("replicated", "inconclusive")] * 2
    apart = judge_all([claim("bound", id="one"), claim("bound", id="two", family="another")], around(shift))
    assert [one.adjusted_word for one in apart] == ["replicated"] * 2


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
