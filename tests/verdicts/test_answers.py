"""A question's answer holds its numbers and gets no score."""

from __future__ import annotations

import math

import pandas as pd

from replication.verdicts.verdict import judge
from tests.hand_made import against, around, claim, evidence, runs


def test_two_sides_are_answered_with_both_and_their_difference():
    question = claim("question", evidence=evidence(against=True))
    verdict = judge(question, against(around(0.9), around(0.5)))
    assert (verdict.word, verdict.n_needed, verdict.power) == ("answered", None, None)
    assert verdict.comparison is not None and verdict.comparison.p_values == {}
    half = 1.859548 * 0.0158113883 * math.sqrt(2 / 5)  # Student's t with 8 degrees
    sides = "0.9 ± 0.016 (n = 5) against 0.5 ± 0.016 (n = 5)"
    ends = f"[{0.4 - half:.3g}, {0.4 + half:.3g}]"
    assert verdict.reason == f"accuracy is {sides}: a difference of 0.4, 90 % interval {ends}."
    assert judge(question, around(0.9)).word == "not assessed"


def test_one_side_is_answered_with_its_mean():
    assert judge(claim("question"), runs([0.25, 0.75])).reason == "accuracy is 0.5 ± 0.35 (n = 2)."
    assert judge(claim("question"), runs([0.25])).reason == "accuracy is 0.25 (n = 1)."


def test_a_question_over_variants_of_a_protocol_names_each_from_the_highest():
    kinds = {"mean": 0.7, "max": 0.9, "last": 0.8}
    table = pd.concat([around(value).assign(metric_variant=kind) for kind, value in kinds.items()], ignore_index=True)
    open_variant = {key: value for key, value in evidence().measured.items() if key != "metric_variant"}
    verdict = judge(claim("question", evidence=evidence(measured=open_variant)), table)
    named = [f"{kinds[kind]} ± 0.016 (n = 5; variant {kind})" for kind in ("max", "last", "mean")]
    assert (verdict.reason, verdict.comparison) == (f"accuracy is {', '.join(named)}.", None)


def test_a_question_over_classes_runs_from_the_lowest_to_the_highest():
    table = pd.concat(
        [around(0.9), around(0.7).assign(**{"class": "cat"}), around(0.8).assign(**{"class": "dog"})], ignore_index=True
    )
    classes = {key: value for key, value in evidence().measured.items() if key != "class"}
    verdict = judge(claim("question", evidence=evidence(measured=classes)), table)
    ends = "0.7 ± 0.016 (n = 5; class cat) to 0.9 ± 0.016 (n = 5; class all)"
    assert (verdict.reason, verdict.comparison) == (f"accuracy runs from {ends} over 3 cases.", None)
