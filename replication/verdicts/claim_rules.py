"""What each kind of claim must say, and what it must not."""

from __future__ import annotations

from collections.abc import Mapping

from replication.foundation.errors import InputError
from replication.table.definitions import METRICS
from replication.verdicts.claims import Claim, Evidence, Kind, Plan

TWO_SIDED: tuple[Kind, ...] = ("order", "superiority", "rate")
NAMED = ("paper", "model", "recipe", "dataset", "metric", "class", "step")  # columns that a selection must have
NEEDED: Mapping[Kind, tuple[str, ...]] = {
    "value": ("published", "margin"),
    "order": ("margin",),
    "superiority": ("margin",),
    "rate": ("margin",),
    "bound": ("bound",),
    "question": (),
}
ONLY_OF: Mapping[str, tuple[Kind, ...]] = {
    "margin": ("value", *TWO_SIDED),
    "bound": ("bound",),
    "published": ("value", *TWO_SIDED, "bound"),
}


def check_claim(claim: Claim, where: str) -> None:
    """Hold a claim against what its kind needs.

    Raises:
        InputError: a field that the kind needs is missing, or one that it must not have is there.
    """
    _check_fields(claim, where)
    if claim.plan:
        _check_plan(claim, claim.plan, f"{where}.plan")
    if claim.evidence is None and not claim.not_assessed:
        raise InputError(f"{where}: a claim without evidence says why in not_assessed; add that sentence.")
    if claim.evidence and claim.evidence.incomparable:
        raise InputError(
            f"{where}.evidence: what judges a claim is comparable; leave incomparable to indicative evidence."
        )
    if claim.evidence and claim.evidence.substitutes:
        raise InputError(
            f"{where}.evidence: substitutes {claim.evidence.substitutes!r} belong to indicative evidence; "
            "move the evidence there, or leave substitutes out."
        )
    if claim.evidence:
        _check_evidence(claim, claim.evidence, f"{where}.evidence")
    for number, evidence in enumerate(claim.indicative):
        if evidence.incomparable and claim.kind == "question":
            raise InputError(
                f"{where}.indicative[{number}]: a question has no direction; say in its reading what is not comparable."
            )
        if not evidence.substitutes:
            raise InputError(f"{where}.indicative[{number}]: say in substitutes what stands in for what.")
        _check_evidence(claim, evidence, f"{where}.indicative[{number}]")


def _check_fields(claim: Claim, where: str) -> None:
    for field in NEEDED[claim.kind]:
        if getattr(claim, field) is None:
            raise InputError(f"{where}: a claim of kind {claim.kind} needs {field}; fix it before any run and add it.")
    for field, kinds in ONLY_OF.items():
        if getattr(claim, field) is not None and claim.kind not in kinds:
            raise InputError(f"{where}: {field} belongs to kinds {', '.join(kinds)}, not to {claim.kind}; remove it.")
    if claim.deterministic and claim.kind != "value":
        raise InputError(f"{where}: deterministic says what a published value is; {claim.kind} has none, remove it.")
    if (claim.margin is not None) != bool(claim.margin_reason):
        raise InputError(
            f"{where}: margin and margin_reason go together; got margin {claim.margin!r} and reason "
            f"{claim.margin_reason!r}."
        )
    if claim.replicate_unit in ("label draw", "split") and claim.overlap is None:
        raise InputError(
            f"{where}: a {claim.replicate_unit} shares data with the others; add overlap (test/train ratio)."
        )
    if claim.replicate_unit in ("training", "dataset") and claim.overlap is not None:
        raise InputError(f"{where}: overlap is for label draw or split, not {claim.replicate_unit}; remove it.")


def _check_plan(claim: Claim, plan: Plan, where: str) -> None:
    if not claim.can_be_judged or claim.evidence is None:
        raise InputError(f"{where}: a question, or a claim without evidence, has no power; remove its plan.")
    needed = {
        "value": ("sd",),
        "order": ("sd", "effect") if claim.evidence.paired else ("sd", "effect", "against_n"),
        "superiority": ("effect", "against_n"),
        "rate": ("share", "against_share", "against_n"),
        "bound": ("share",) if claim.counts else ("sd", "effect"),
    }[claim.kind]
    accepted = {*needed, "against_sd"} if claim.kind == "order" and not claim.evidence.paired else set(needed)
    for field in ("against_n", "sd", "against_sd", "effect", "share", "against_share"):
        if field in needed and getattr(plan, field) is None:
            raise InputError(f"{where}: a claim of kind {claim.kind} needs {', '.join(needed)}; add {field}.")
        if field not in accepted and getattr(plan, field) is not None:
            raise InputError(f"{where}: the power of a {claim.kind} here takes {', '.join(needed)}; remove {field}.")


def _check_evidence(claim: Claim, evidence: Evidence, where: str) -> None:
    if claim.kind in TWO_SIDED and evidence.against is None:
        raise InputError(f"{where}: a claim of kind {claim.kind} compares two sides; add against.")
    of_classes = claim.replicate_unit == "class"
    if of_classes and (claim.kind != "bound" or evidence.against is None or evidence.paired):
        raise InputError(f"{where}: over classes a bound on the share that agrees compares two sides, unpaired.")
    if claim.kind in ("value", "bound") and evidence.against is not None and not of_classes:
        raise InputError(f"{where}: a claim of kind {claim.kind} has one side; remove against.")
    if evidence.paired and evidence.against is None:
        raise InputError(f"{where}: paired needs two sides; add against or remove paired.")
    metrics = []
    needed = [column for column in NAMED if not (column == claim.replicate_unit in ("dataset", "class"))]
    for side, selection in (("measured", evidence.measured), ("against", evidence.against)):
        if selection is None:
            continue
        for column in needed:
            if column not in selection:
                raise InputError(f"{where}.{side}: column {column} is missing, so that more than one run may match.")
        metric = selection["metric"]
        if metric not in METRICS:
            raise InputError(f"{where}.{side}.metric: {metric!r} is not known; accepted: {', '.join(METRICS)}.")
        metrics.append(metric)
    if len(set(metrics)) > 1:
        raise InputError(f"{where}: the sides have different metrics, {metrics[0]} and {metrics[1]}; use one.")
    definition = METRICS[metrics[0]]
    if definition.better not in ("neither", claim.better):
        raise InputError(f"{where}: {metrics[0]} is better {definition.better}, the claim says {claim.better}.")
    if claim.kind == "superiority" and evidence.paired:
        raise InputError(f"{where}: superiority compares independent runs of two sides; remove paired.")
    if claim.kind == "rate" and definition.unit != "0/1":
        raise InputError(f"{where}: a rate counts successes; {metrics[0]} is no 0/1 metric, use success or diverged.")
