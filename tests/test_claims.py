"""What each kind of claim must say, which rows of the table speak for it, and what each replicate is."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from replication.foundation.errors import InputError
from replication.table.measurements import to_table
from replication.verdicts.claim_rules import check_claim
from replication.verdicts.claims import Claim, Evidence, Published
from replication.verdicts.evidence import EvidenceGap, NoMeasurements, replicates, require_enough, select
from tests import hand_made
from tests.hand_made import claim, evidence

TWO_SIDES = evidence("energy_distance", against=True)
SIDE, OTHER = TWO_SIDES.measured, {**TWO_SIDES.measured, "recipe": "other"}
PUBLISHED = Published(0.1, "none", True, "Table 1", trainings=1)
ORDER = claim("order", margin=0.1, better="lower", evidence=TWO_SIDES)
ONE_SIDE = Evidence(SIDE, None, False, None, "")
VALUE = replace(ORDER, kind="value", published=PUBLISHED, evidence=ONE_SIDE)
BOUND = replace(ORDER, kind="bound", bound=0.2, margin=None, margin_reason="", evidence=ONE_SIDE)
SUCCESS = Evidence({**SIDE, "metric": "success"}, {**OTHER, "metric": "success"}, False, None, "")
RATE = replace(ORDER, kind="rate", better="higher", evidence=SUCCESS)
SUPERIORITY = replace(ORDER, kind="superiority")
QUESTION = replace(BOUND, kind="question", bound=None, evidence=None, not_assessed="Nobody asked yet.")


BARE = {"margin": None, "margin_reason": ""}
OPEN = {column: value for column, value in SIDE.items() if column != "dataset"}


def sides(**changes: object) -> Evidence:
    return replace(TWO_SIDES, **changes)  # pyright: ignore[reportArgumentType]


def test_a_complete_claim_passes() -> None:
    questions = [replace(QUESTION, evidence=bodies) for bodies in (None, ONE_SIDE, TWO_SIDES)]
    both = sides(measured=OPEN, against={**OPEN, "recipe": "other"}, paired=True)
    over_data_sets = replace(ORDER, replicate_unit="dataset", evidence=both)
    for complete in (ORDER, VALUE, BOUND, RATE, SUPERIORITY, *questions, over_data_sets):
        assert check_claim(complete, "file: claim") is None


@pytest.mark.parametrize(
    ("claim", "changes", "word"),
    [
        (VALUE, {"published": None}, "published"),
        (VALUE, BARE, "margin"),
        (ORDER, BARE, "margin"),
        (RATE, BARE, "margin"),
        (SUPERIORITY, BARE, "margin"),
        (BOUND, {"bound": None}, "bound"),
        (ORDER, {"bound": 1.0}, "bound"),
        (BOUND, {"margin": 0.1, "margin_reason": "A tenth."}, "margin"),
        (QUESTION, {"published": PUBLISHED}, "published"),
        (ORDER, {"deterministic": True}, "deterministic"),
        (ORDER, {"margin_reason": ""}, "margin_reason"),
        (BOUND, {"margin_reason": "A tenth."}, "margin_reason"),
        (ORDER, {"replicate_unit": "label draw"}, "overlap"),
        (ORDER, {"overlap": 0.5}, "overlap"),
        (ORDER, {"evidence": None}, "not_assessed"),
        (ORDER, {"evidence": sides(against=None)}, "against"),
        (BOUND, {"evidence": TWO_SIDES}, "against"),
        (BOUND, {"evidence": sides(against=None, paired=True)}, "paired"),
        (ORDER, {"evidence": sides(against={k: v for k, v in OTHER.items() if k != "step"})}, "step"),
        (ORDER, {"evidence": sides(measured=OPEN)}, "dataset"),
        (BOUND, {"evidence": sides(measured={**SIDE, "metric": "beauty"}, against=None)}, "'beauty'"),
        (ORDER, {"evidence": sides(against={**OTHER, "metric": "in_mode_share"})}, "in_mode_share"),
        (BOUND, {"better": "higher"}, "higher"),
        (RATE, {"better": "lower", "evidence": TWO_SIDES}, "energy_distance"),
        (SUPERIORITY, {"evidence": sides(paired=True)}, "paired"),
        (ORDER, {"evidence": sides(substitutes="digits for faces")}, "indicative"),
        (ORDER, {"evidence": sides(incomparable="Half is missing.")}, "evidence: .*incomparable"),
        (
            QUESTION,
            {"indicative": (sides(substitutes="half", incomparable="Half is missing."),)},
            r"indicative\[0\].*reading",
        ),
        (ORDER, {"indicative": (TWO_SIDES,)}, r"indicative\[0\].*substitutes"),
        (ORDER, {"indicative": (sides(against=None, substitutes="digits for faces"),)}, r"indicative\[0\].*against"),
    ],
)
def test_what_a_kind_lacks_or_must_not_have_is_named(claim: Claim, changes: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=f"^file: claim.*{word}"):
        check_claim(replace(claim, **changes), "file: claim")


def test_a_claim_of_an_unknown_metric_is_of_no_successes() -> None:
    """What the metric may be is checked after this is asked."""
    assert not replace(BOUND, evidence=Evidence({**SIDE, "metric": "beauty"}, None, False, None, "")).counts
    assert replace(BOUND, evidence=Evidence({**SIDE, "metric": "success"}, None, False, None, "")).counts


EVIDENCE = evidence("in_mode_share")
SELECTION = EVIDENCE.measured
ROW = replace(hand_made.ROW, metric="in_mode_share")
AGAINST = {**SELECTION, "recipe": "other"}
CLAIM = claim("bound", evidence=EVIDENCE)
DRAWS = replace(CLAIM, replicate_unit="label draw", overlap=0.25)


def table(values: dict[int, float], **changes) -> pd.DataFrame:
    return to_table([replace(ROW, seed=seed, value=value, **changes) for seed, value in values.items()])


def both(*tables: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True)


def test_steps_are_final_shares_of_the_last_or_integers():
    rows = both(*(table({0: 0.1, 1: 0.2}, step=step) for step in (0, 24, 30, 50, 100)))
    chosen = {step: set(select(rows, {**SELECTION, "step": step})["step"]) for step in ("final", "25%", "0%", 50, 7)}
    assert chosen == {"final": {100}, "25%": {24}, "0%": {0}, 50: {50}, 7: set()}


def test_one_value_per_seed_with_mean_and_spread():
    side = replicates(table({2: 0.5, 0: 0.1, 1: 0.3}), CLAIM, EVIDENCE).measured
    assert (side.ids, side.values) == ((0, 1, 2), (0.1, 0.3, 0.5))
    assert (side.n, side.mean, side.sd, side.step) == (3, pytest.approx(0.3), pytest.approx(0.2), 100)


def test_a_diverged_run_takes_the_worst_value_and_stays():
    side = replicates(table({0: 0.5, 1: math.nan, 2: 0.7}), CLAIM, EVIDENCE).measured
    assert side.values == (0.5, 0.0, 0.7)
    assert (side.n, side.diverged, side.unbounded) == (3, 1, 0)


def test_a_diverged_run_of_an_unbounded_metric_stays_without_a_value():
    rows = table({0: 0.5, 1: math.nan, 2: 0.7}, metric="energy_distance")
    side = replicates(rows, CLAIM, replace(EVIDENCE, measured={**SELECTION, "metric": "energy_distance"})).measured
    assert (side.n, side.diverged, side.unbounded) == (3, 1, 1)
    assert math.isnan(side.values[1])
    assert side.mean == pytest.approx(0.6)


def test_the_budget_is_that_of_the_last_step_whichever_is_selected():
    rows = both(table({0: 0.5}, step=50), table({0: 0.6}))
    early = replace(EVIDENCE, measured={**SELECTION, "step": "50%"}, budget=100)
    assert replicates(rows, CLAIM, early).measured.values == (0.5,)


def test_a_selection_that_leaves_a_column_open_is_refused():
    rows = both(table({0: 0.5}, metric_variant="training-noise"), table({0: 0.5}, metric_variant="display-noise"))
    with pytest.raises(InputError, match="leaves metric_variant open"):
        replicates(rows, CLAIM, EVIDENCE)


def test_fewer_than_three_replicates_are_too_few():
    with pytest.raises(EvidenceGap, match="2 of at least 3"):
        require_enough(replicates(table({0: 0.5, 1: 0.6}), CLAIM, EVIDENCE))
    require_enough(replicates(table({0: 0.5, 1: 0.6, 2: 0.6}), CLAIM, EVIDENCE))


# Two trainings × three label draws: 0.1 more a draw, 0.04 more in the second training.
LABEL_DRAWS = both(
    *(
        table({0: 0.5 + 0.1 * draw, 1: 0.54 + 0.1 * draw}, replicate=draw, replicate_kind="label draw")
        for draw in range(3)
    )
)


def test_a_claim_averages_draws_over_the_trainings_or_within_each():
    side = replicates(LABEL_DRAWS, DRAWS, EVIDENCE).measured
    assert side.unit == "label draw" and side.values == pytest.approx((0.52, 0.62, 0.72))
    assert replicates(LABEL_DRAWS, CLAIM, EVIDENCE).measured.values == pytest.approx((0.6, 0.64))


THREE = table({0: 0.5, 1: 0.6, 2: 0.7})
PAIRED = replace(EVIDENCE, against=AGAINST, paired=True)


@pytest.mark.parametrize(
    ("rows", "claim", "evidence", "word"),
    [
        (THREE, CLAIM, replace(EVIDENCE, measured=AGAINST), "recipe other"),
        (THREE, CLAIM, replace(EVIDENCE, budget=320_000), "320000"),
        (both(THREE.assign(step=50), THREE.iloc[:2]), CLAIM, EVIDENCE, "seed 2"),  # never dropped
        (both(THREE, table({0: 0.4, 1: 0.5, 3: 0.4}, recipe="other")), CLAIM, PAIRED, "training 2, 3"),
        (LABEL_DRAWS.iloc[:-1], CLAIM, EVIDENCE, "2 to 3"),
        (THREE, DRAWS, EVIDENCE, "label draw.*training"),
    ],
)
def test_a_gap_is_named(rows, claim, evidence, word):
    with pytest.raises(EvidenceGap, match=word) as stopped:
        replicates(rows, claim, evidence)
    assert (stopped.type is NoMeasurements) == (word == "recipe other")
