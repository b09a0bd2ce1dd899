"""What is not assessed, answered, indicative or diverged, and why; replicates that are devices' seeds or classes."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import pandas as pd
import pytest
from scipy.stats import binomtest

from replication.foundation.errors import InputError
from replication.table.measurements import to_table
from replication.verdicts.claims import Claim
from replication.verdicts.verdict import judge, judge_all
from tests import hand_made
from tests.hand_made import against, around, claim, evidence, outcomes, runs


@pytest.mark.parametrize(
    ("judged", "table", "reason"),
    [
        (claim("bound"), runs([0.9, 0.8]), "2 of at least 3"),
        (claim("bound", evidence=None, not_assessed="Not yet."), around(0.9), "Not yet."),
        (claim("bound", evidence=None, not_assessed="-", obstacle="data closed"), around(0.9), "-"),
        (claim("bound", not_assessed="No CIFAR-10."), around(0.9).assign(dataset="a"), "No CIFAR-10."),
        (claim("bound"), around(0.9).assign(dataset="a"), "dataset toy"),
        (claim("bound", evidence=evidence(budget=320_000)), around(0.9), "after 320000"),  # though it is clear
        (claim("question", evidence=evidence(against=True)), around(0.9), "No measurements match"),
    ],
)
def test_what_is_not_assessed_says_why(judged: Claim, table: pd.DataFrame, reason: str) -> None:
    verdict = judge(judged, table)
    assert (verdict.word, verdict.comparison) == ("not assessed", None)
    assert reason in verdict.reason and verdict.obstacle == judged.obstacle


@pytest.mark.parametrize(
    ("mean", "direction"), [(0.8, "points the claim's way"), (0.5, "points the other way"), (0.71, "undecided")]
)
def test_indicative_evidence_stands_beside_the_claim_and_never_judges_it(mean, direction):
    substitute = evidence(substitutes="digits for CIFAR-10")
    verdict = judge(claim("bound", evidence=None, not_assessed="No CIFAR-10.", indicative=(substitute,)), around(mean))
    assert (verdict.word, verdict.adjusted_word) == ("not assessed", "not assessed")
    (indicative,) = verdict.indicative
    assert (indicative.substitutes, indicative.direction) == ("digits for CIFAR-10", direction)
    assert indicative.comparison is not None


def test_a_substitute_that_tells_no_direction_says_why():
    why = "Half of the network is missing."
    substitute = evidence(substitutes="half of it", incomparable=why)
    (indicative,) = judge(
        claim("bound", evidence=None, not_assessed="-", indicative=(substitute,)), around(0.9)
    ).indicative
    assert (indicative.direction, indicative.reason) == ("not comparable", why) and indicative.comparison is not None
    (lacking,) = judge(claim("bound", indicative=(substitute,)), around(0.9, metric="auc")).indicative
    assert lacking.direction == "no measurements"


def test_a_question_is_answered_by_a_substitute_in_numbers():
    substitute = evidence(against=True, substitutes="digits for CIFAR-10")
    asked = claim("question", evidence=None, not_assessed="No CIFAR-10.", indicative=(substitute,))
    verdict = judge(asked, against(around(0.9), around(0.8)))
    assert (verdict.word, verdict.indicative[0].direction) == ("not assessed", "answered")
    assert "0.9 ± 0.016 (n = 5) against 0.8 ± 0.016 (n = 5)" in verdict.indicative[0].reason


def test_indicative_without_rows_says_so():
    substitute = replace(evidence("auc"), substitutes="a classifier for Inception")
    verdict = judge(claim("bound", indicative=(substitute,)), around(0.9))
    assert (verdict.word, verdict.indicative[0].direction) == ("replicated", "no measurements")


def test_diverged_runs_stay_at_the_worst_value():
    verdict = judge(claim("bound"), runs([0.90, 0.91, 0.92, math.nan, 0.93]))
    assert verdict.word == "inconclusive" and "1 diverged and taken as 0" in verdict.reason
    assert verdict.comparison is not None and verdict.comparison.measured.n == 5 and verdict.obstacle is None
    verdict = judge(claim("bound"), runs([math.nan] * 4))
    assert (verdict.word, verdict.reason) == ("not replicated", "Every one of the 4 trainings diverged.")


def test_a_diverged_run_of_an_unbounded_metric_forbids_replicated_and_upholds_a_word_against_the_claim():
    lower, order = (claim(kind, metric="energy_distance", better="lower") for kind in ("bound", "order"))
    good = runs([0.10, 0.11, 0.12, 0.11, math.nan], metric="energy_distance")
    assert judge(lower, good.dropna()).word == "replicated"
    verdict = judge(lower, good)
    assert (verdict.word, verdict.n_needed) == ("inconclusive", None)
    assert "1 of 5 trainings diverged" in verdict.reason and "cannot be replicated" in verdict.reason
    bad = runs([0.90, 0.91, 0.92, 0.91, math.nan], metric="energy_distance")
    assert judge(lower, bad).word == "not replicated"
    assert judge(order, against(around(0.9, metric="energy_distance"), bad)).word == "inconclusive"
    assert judge(order, against(bad, around(0.5, metric="energy_distance"))).word == "reversed"


RATES, SIDES = against(outcomes(3, 5), outcomes(2, 5)), against(around(0.9), around(0.5))


@pytest.mark.parametrize(
    ("judged", "table", "sentence"),
    [
        (claim("rate", evidence=evidence("success", against=True, paired=True)), RATES, "two unpaired sides"),
        (claim("rate", overlap=0.25), RATES, "share data"),
        (claim("rate"), against(runs([0.5, 1.0, 0.0], metric="success"), outcomes(2, 3)), "outcomes are 0 or 1"),
        (claim("superiority", evidence=evidence(against=True, paired=True)), SIDES, "two unpaired sides"),
    ],
)
def test_what_cannot_be_judged_is_refused(judged: Claim, table: pd.DataFrame, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        judge(judged, table)


def test_a_question_of_two_sides_is_answered_with_both_and_their_difference():
    question = claim("question", evidence=evidence(against=True))
    verdict = judge(question, against(around(0.9), around(0.5)))
    assert (verdict.word, verdict.n_needed, verdict.power) == ("answered", None, None)
    assert verdict.comparison is not None and verdict.comparison.p_values == {}
    half = 1.859548 * 0.0158113883 * math.sqrt(2 / 5)  # Student's t with 8 degrees
    sides = "0.9 ± 0.016 (n = 5) against 0.5 ± 0.016 (n = 5)"
    ends = f"[{0.4 - half:.3g}, {0.4 + half:.3g}]"
    assert verdict.reason == f"accuracy is {sides}: a difference of 0.4, 90 % interval {ends}."
    assert judge(claim("question"), runs([0.25, 0.75])).reason == "accuracy is 0.5 ± 0.35 (n = 2)."
    assert judge(claim("question"), runs([0.25])).reason == "accuracy is 0.25 (n = 1)."


@pytest.mark.parametrize(
    ("column", "means", "reason"),
    [
        ("metric_variant", {"mean": 0.7, "max": 0.9, "last": 0.8}, "accuracy is 0.9 ± 0.016 (n = 5; variant max), "
         "0.8 ± 0.016 (n = 5; variant last), 0.7 ± 0.016 (n = 5; variant mean)."),
        ("class", {"all": 0.9, "cat": 0.7, "dog": 0.8}, "accuracy runs from 0.7 ± 0.016 (n = 5; class cat) to "
         "0.9 ± 0.016 (n = 5; class all) over 3 cases."),
    ],
)  # fmt: skip
def test_a_question_over_a_column_names_its_cases(column, means, reason):
    table = pd.concat([around(mean).assign(**{column: name}) for name, mean in means.items()], ignore_index=True)
    free = {key: value for key, value in evidence().measured.items() if key != column}
    verdict = judge(claim("question", evidence=evidence(measured=free)), table)
    assert (verdict.reason, verdict.comparison) == (reason, None)


def on(table: pd.DataFrame, device: str, precision: str = "float32") -> pd.DataFrame:
    return table.assign(device=device, precision=precision)


def test_the_profiles_own_device_is_what_a_claim_reads() -> None:
    cpu, cuda = around(0.2), on(around(0.9), "cuda", "tf32")
    both = pd.concat([cpu, cuda], ignore_index=True)
    for device, alone in (("cpu", cpu), ("cuda", cuda)):
        (verdict,) = judge_all([claim("bound")], both, device=device)
        (expected,) = judge_all([claim("bound")], alone, device=device)
        assert verdict == expected and verdict.comparison is not None and verdict.comparison.measured.n == 5
    with pytest.raises(InputError, match=r"counts a seed on each device \(cpu, cuda\): add device to"):
        judge(claim("bound"), both)


def test_seeds_of_the_other_device_fill_up() -> None:
    cpu, cuda = around(0.8), on(around(0.9), "cuda")
    cuda = cuda.loc[cuda["seed"] < 2]
    (verdict,) = judge_all([claim("bound")], pd.concat([cpu, cuda], ignore_index=True), device="cuda")
    assert verdict.comparison is not None and verdict.comparison.measured.ids == (0, 1, 2, 3, 4)
    values = verdict.comparison.measured.values
    assert values[:2] == tuple(cuda["value"]) and values[2:] == tuple(cpu.loc[cpu["seed"] >= 2, "value"])


REVERSED = ("2", "5")


def table_of(gains: list[float]) -> pd.DataFrame:
    """Three seeds of two recipes; `gains` are by how much the first lies above the second in each class, on average."""
    classes = [*enumerate(gains), ("all", -9.0)]
    rows = [
        replace(hand_made.ROW, recipe=recipe, seed=seed, class_=str(label), value=(seed - 1) * 0.01 + share * gain)
        for (recipe, share), seed, (label, gain) in product((("one", 1.0), ("other", 0.0)), range(3), classes)
    ]
    return to_table(rows)


@pytest.mark.parametrize(
    ("disagree", "word"),
    [((), "replicated"), ((3,), "replicated"), ((3, 2), "inconclusive"), (range(10), "not replicated")],
)
def test_signs_that_agree_are_counted(disagree: tuple[int, ...], word: str) -> None:
    gains = [0.2 * (-1) ** ((str(label) in REVERSED) + (label in disagree)) for label in range(10)]
    measured = {key: value for key, value in evidence().measured.items() if key != "class"}
    other = {**measured, "recipe": "other"}
    sides = replace(evidence(), measured=measured, against=other, reversed_classes=REVERSED)
    verdict = judge(claim("bound", evidence=sides, bound=0.5, replicate_unit="class"), table_of(gains))
    assert verdict.word == word and verdict.comparison is not None
    agree = 10 - len(disagree)
    assert sum(verdict.comparison.measured.values) == agree and verdict.comparison.measured.n == 10
    assert verdict.comparison.p_values["replicated"] == pytest.approx(binomtest(agree, 10, 0.5, "greater").pvalue)
