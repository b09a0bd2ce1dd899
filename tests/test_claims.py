"""What each kind of claim must say, and what it must not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from replication.foundation.errors import InputError
from replication.verdicts.claim_rules import check_claim
from replication.verdicts.claims import Claim, Evidence, Published

SIDE = {
    "paper": "deligan2017",
    "model": "deligan",
    "recipe": "toy",
    "dataset": "toy-bimodal",
    "class": "all",
    "metric": "energy_distance",
    "step": "final",
}
OTHER = {**SIDE, "recipe": "toy-gan"}
PUBLISHED = Published(0.1, "none", True, "Table 1", trainings=1)
ORDER = Claim(
    id="nearer",
    paper="deligan2017",
    statement="DeLiGAN is nearer.",
    source="§4",
    verified=True,
    origin="statement",
    kind="order",
    family="toy",
    protocol="Both are compared.",
    replicate_unit="training",
    margin=0.1,
    margin_reason="A tenth.",
    better="lower",
    evidence=Evidence(SIDE, OTHER),
)
ONE_SIDE = Evidence(SIDE)
VALUE = replace(ORDER, kind="value", published=PUBLISHED, evidence=ONE_SIDE)
BOUND = replace(ORDER, kind="bound", bound=0.2, margin=None, margin_reason="", evidence=ONE_SIDE)
SUCCESS = Evidence({**SIDE, "metric": "success"}, {**OTHER, "metric": "success"})
RATE = replace(ORDER, kind="rate", better="higher", evidence=SUCCESS)
SUPERIORITY = replace(ORDER, kind="superiority")
QUESTION = replace(BOUND, kind="question", bound=None, evidence=None, not_assessed="Nobody asked yet.")


@pytest.mark.parametrize("claim", [ORDER, VALUE, BOUND, RATE, SUPERIORITY, QUESTION], ids=lambda claim: claim.kind)
def test_a_complete_claim_of_each_kind_passes(claim: Claim) -> None:
    assert check_claim(claim, "file: claim") is None


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        (replace(VALUE, published=None), "kind value needs published"),
        (replace(VALUE, margin=None, margin_reason=""), "kind value needs margin"),
        (replace(ORDER, margin=None, margin_reason=""), "kind order needs margin"),
        (replace(BOUND, bound=None), "kind bound needs bound"),
        (replace(ORDER, bound=1.0), "bound belongs to kinds bound"),
        (replace(RATE, margin=None, margin_reason=""), "kind rate needs margin"),
        (replace(SUPERIORITY, margin=None, margin_reason=""), "kind superiority needs margin"),
        (replace(BOUND, margin=0.1, margin_reason="A tenth."), "margin belongs to kinds .*, not to bound"),
        (replace(QUESTION, published=PUBLISHED), "published belongs to kinds .*, not to question"),
        (replace(ORDER, deterministic=True), "deterministic says what a published value is; order has none"),
        (replace(ORDER, margin_reason=""), "margin and margin_reason go together"),
        (replace(BOUND, margin_reason="A tenth."), "margin and margin_reason go together"),
        (replace(ORDER, replicate_unit="label draw"), "add overlap"),
        (replace(ORDER, overlap=0.5), "overlap is for label draw or split, not training"),
        (replace(ORDER, evidence=None), "says why in not_assessed"),
    ],
)
def test_fields_are_held_against_the_kind(claim: Claim, sentence: str) -> None:
    with pytest.raises(InputError, match=f"^file: claim.*{sentence}"):
        check_claim(claim, "file: claim")


def test_a_claim_over_data_sets_leaves_the_data_set_open() -> None:
    sides = [{column: value for column, value in side.items() if column != "dataset"} for side in (SIDE, OTHER)]
    over_sets = replace(ORDER, replicate_unit="dataset", evidence=Evidence(sides[0], sides[1], paired=True))
    assert check_claim(over_sets, "file: claim") is None
    with pytest.raises(InputError, match="column dataset is missing"):
        check_claim(replace(over_sets, replicate_unit="training"), "file: claim")


@pytest.mark.parametrize(
    ("claim", "evidence", "sentence"),
    [
        (ORDER, Evidence(SIDE), "compares two sides; add against"),
        (BOUND, Evidence(SIDE, OTHER), "has one side; remove against"),
        (BOUND, Evidence(SIDE, paired=True), "paired needs two sides"),
        (
            ORDER,
            Evidence(SIDE, {k: v for k, v in OTHER.items() if k != "step"}),
            "column step is miss",
        ),
        (BOUND, Evidence({**SIDE, "metric": "beauty"}), "'beauty' is not known; accepted: succ"),
        (ORDER, Evidence(SIDE, {**OTHER, "metric": "in_mode_share"}), "different metrics"),
        (replace(BOUND, better="higher"), ONE_SIDE, "is better lower, the claim says higher"),
        (replace(RATE, better="lower"), Evidence(SIDE, OTHER), "is no 0/1 metric"),
        (ORDER, Evidence(SIDE, OTHER, substitutes="digits for faces"), "belong to indicative evidence"),
    ],
)
def test_evidence_is_held_against_the_claim(claim: Claim, evidence: Evidence, sentence: str) -> None:
    with pytest.raises(InputError, match=rf"^file: claim\.evidence.*{sentence}"):
        check_claim(replace(claim, evidence=evidence), "file: claim")


def test_indicative_evidence_names_its_substitute_and_is_checked_too() -> None:
    with pytest.raises(InputError, match=r"indicative\[0\]: say in substitutes"):
        check_claim(replace(ORDER, indicative=(Evidence(SIDE, OTHER),)), "file: claim")
    wrong = Evidence(SIDE, substitutes="digits for faces")
    with pytest.raises(InputError, match=r"indicative\[0\].*add against"):
        check_claim(replace(ORDER, indicative=(wrong,)), "file: claim")


def test_a_question_may_have_one_side_or_two() -> None:
    for evidence in (ONE_SIDE, Evidence(SIDE, OTHER)):
        assert check_claim(replace(QUESTION, evidence=evidence), "file: claim") is None
