"""What each kind of claim must say, and what it must not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from replication.foundation.errors import InputError
from replication.verdicts.claim_rules import check_claim
from replication.verdicts.claims import Claim, Evidence, Published
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
