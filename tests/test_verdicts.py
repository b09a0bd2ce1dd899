"""Every word a verdict can be, on hand-made studies; Holm's adjustment; the bytes of verdicts.json."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from replication.claims import Claim, Evidence, Published
from replication.errors import InputError
from replication.measurements import Measurement, to_table
from replication.rules import decide, holm
from replication.verdicts import from_json, judge, judge_all, to_json

ROW = Measurement("cpu", "gan2014", "gan", "one", "paper", "toy", "full", 400, 0, 100, "accuracy", 0.5, 1000)
SPREAD = (-0.02, -0.01, 0.0, 0.01, 0.02)  # five runs around a mean; their SD is .0158, their standard error .0071


def evidence(metric: str = "accuracy", against: bool = False, **changes) -> Evidence:
    one = {"paper": "gan2014", "model": "gan", "recipe": "one", "dataset": "toy", "class": "all", "step": "final"}
    measured = {**one, "metric": metric}
    other = {**measured, "recipe": "other"} if against else None
    return replace(Evidence(measured, other, paired=False, budget=None, substitutes=""), **changes)


def claim(kind: str, **changes) -> Claim:
    metric = changes.pop("metric", "success" if kind == "rate" else "accuracy")
    exact = Published(0.8, None, "none", changes.pop("trainings", None), True, "Table 1")
    made = Claim(
        id=changes.pop("id", "a-claim"),
        paper="gan2014",
        statement="",
        source="",
        verified=True,
        origin="ours",
        kind=kind,  # pyright: ignore[reportArgumentType]
        family="a-family",
        protocol="",
        replicate_unit="training",
        overlap=None,
        margin=0.05 if kind == "value" else None,
        margin_reason="five points",
        better="higher",
        bound=0.7 if kind == "bound" else None,
        published=exact if kind == "value" else None,
        evidence=evidence(metric, against=kind in ("order", "rate")),
        indicative=(),
        not_assessed="",
    )
    return replace(made, **changes)


def runs(values, metric: str = "accuracy", **changes) -> pd.DataFrame:
    return to_table(replace(ROW, seed=i, value=value, metric=metric, **changes) for i, value in enumerate(values))


def around(mean: float, **changes) -> pd.DataFrame:
    return runs([mean + step for step in SPREAD], **changes)


def against(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([one, other.assign(recipe="other")], ignore_index=True)


def outcomes(successes: int, n: int) -> pd.DataFrame:
    return runs([1.0] * successes + [0.0] * (n - successes), metric="success")


@pytest.mark.parametrize(
    ("mean", "better", "word"),
    [
        (0.81, "higher", "replicated"),
        (0.79, "higher", "replicated"),
        (0.90, "higher", "exceeded"),
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
    assert judge(lower, table).word == "exceeded"
    assert judge(lower, around(0.90, metric="test_error")).word == "not replicated"


def test_value_of_a_metric_with_no_better_side_is_never_exceeded():
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
    assert f"about {verdict.n_needed} trainings a side would settle it" in verdict.reason


@pytest.mark.parametrize(
    ("one", "other", "word"),
    [(0.8, 0.7, "replicated"), (0.7, 0.8, "reversed"), (0.8, 0.801, "no difference"), (0.8, 0.79, "inconclusive")],
)
def test_order_of_two_sides(one, other, word):
    verdict = judge(claim("order", margin=0.025), against(around(one), around(other)))
    assert verdict.word == word
    turned = judge(claim("order", margin=0.025, better="lower"), against(around(other), around(one)))
    assert turned.word == ("inconclusive" if word == "inconclusive" else word) or word == "no difference"


def test_order_that_is_negligible_is_replicated_and_says_so():
    table = against(runs([0.801, 0.802, 0.8015, 0.8018, 0.8012]), runs([0.8, 0.7999, 0.8001, 0.80005, 0.79995]))
    verdict = judge(claim("order", margin=0.05), table)
    assert verdict.word == "replicated"
    assert "negligible" in verdict.reason


def test_pairs_of_the_same_run_cancel_what_they_share():
    one = [0.50, 0.60, 0.70, 0.80, 0.90]
    table = against(
        runs([value + shift for value, shift in zip(one, SPREAD, strict=True)]), runs([v - 0.05 for v in one])
    )
    assert judge(claim("order"), table).word == "inconclusive"
    paired = replace(evidence(against=True), paired=True)
    assert judge(claim("order", evidence=paired), table).word == "replicated"


@pytest.mark.parametrize(
    ("one", "other", "margin", "word"),
    [
        (19, 8, None, "replicated"),
        (8, 19, None, "reversed"),
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


@pytest.mark.parametrize(("count", "word"), [(19, "replicated"), (9, "not replicated"), (15, "inconclusive")])
def test_bound_on_a_share_counts_successes(count, word):
    assert judge(claim("bound", metric="success"), outcomes(count, 20)).word == word


def test_bound_on_a_share_without_any_spread_is_still_judged():
    assert judge(claim("bound", metric="success"), outcomes(20, 20)).word == "replicated"


def test_zero_spread_is_reported_and_not_judged():
    verdict = judge(claim("bound"), runs([0.9] * 5))
    assert verdict.word == "not assessed"
    assert "agree exactly" in verdict.reason
    assert verdict.comparison is not None and verdict.comparison.measured.mean == pytest.approx(0.9)


def test_two_runs_are_not_assessed():
    verdict = judge(claim("bound"), runs([0.9, 0.8]))
    assert (verdict.word, verdict.comparison) == ("not assessed", None)
    assert "2 of at least 3" in verdict.reason


def test_claim_without_evidence_gives_its_reason():
    verdict = judge(claim("bound", evidence=None, not_assessed="Nothing runs it yet."), around(0.9))
    assert (verdict.word, verdict.reason) == ("not assessed", "Nothing runs it yet.")


def test_claim_without_measurements_gives_its_reason_or_what_is_missing():
    elsewhere = around(0.9).assign(dataset="elsewhere")
    assert judge(claim("bound", not_assessed="CIFAR-10 is not run."), elsewhere).reason == "CIFAR-10 is not run."
    verdict = judge(claim("bound"), elsewhere)
    assert verdict.word == "not assessed" and "dataset toy" in verdict.reason


def test_another_budget_is_not_assessed_even_with_a_clear_result():
    verdict = judge(claim("bound", evidence=evidence(budget=320_000)), around(0.9))
    assert verdict.word == "not assessed" and "after 320000" in verdict.reason


def test_question_is_answered_and_never_scored():
    question = claim("question", evidence=evidence(against=True))
    verdict = judge(question, against(around(0.9), around(0.5)))
    assert (verdict.word, verdict.n_needed) == ("answered", None)
    assert verdict.comparison is not None and verdict.comparison.p_values == {}
    assert judge(question, around(0.9)).word == "not assessed"


def test_question_over_many_steps_is_answered_without_a_comparison():
    table = pd.concat([around(0.9), around(0.8, step=50).assign(metric_variant="other")], ignore_index=True)
    steps = {key: value for key, value in evidence().measured.items() if key != "step"}
    verdict = judge(claim("question", evidence=evidence(measured=steps)), table)
    assert (verdict.word, verdict.reason) == ("answered", "A question: 10 measurements are shown, none is scored.")


def test_indicative_evidence_stands_beside_the_claim_and_never_judges_it():
    substitute = replace(evidence(), substitutes="digits for CIFAR-10")
    verdict = judge(claim("bound", evidence=None, not_assessed="No CIFAR-10.", indicative=(substitute,)), around(0.9))
    assert (verdict.word, verdict.adjusted_word) == ("not assessed", "not assessed")
    (shown,) = verdict.indicative
    assert (shown.substitutes, shown.direction) == ("digits for CIFAR-10", "points the claim's way")
    assert shown.comparison is not None


@pytest.mark.parametrize(
    ("mean", "direction"),
    [(0.8, "points the claim's way"), (0.5, "points the other way"), (0.71, "undecided")],
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


def test_holm_matches_statsmodels():
    p_values = [0.01, 0.04, 0.03, 0.005, 0.8]
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])
    assert holm([]) == []


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
