"""Verdicts: what the measurements say about each claim, by one rule fixed before any run. Pure: no files, no clock."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import pandas as pd

from replication.claims import Claim, Evidence, Kind
from replication.comparisons import Comparison, compare, enough_values
from replication.errors import InputError
from replication.evidence import EvidenceGap, NoMeasurements, Replicates, Sides, replicates, require_enough, select
from replication.intervals import LEVEL
from replication.measurements import WHERE, each_seed_once
from replication.metrics.definitions import METRICS
from replication.reasons import all_diverged, reason, without_value
from replication.rules import Word, decide, holm

Direction = Literal[
    "points the claim's way",
    "points the other way",
    "points to no difference",
    "points beyond the published value",
    "undecided",
    "no measurements",
]
DIRECTIONS: dict[Word, Direction] = {
    "replicated": "points the claim's way",
    "exceeded": "points beyond the published value",
    "not replicated": "points the other way",
    "reversed": "points the other way",
    "no difference": "points to no difference",
}


@dataclass(frozen=True)
class Indicative:
    """A result under a substitute protocol: shown beside the claim, never its verdict."""

    substitutes: str  # what stands in for what
    direction: Direction
    reason: str  # one sentence
    comparison: Comparison | None


@dataclass(frozen=True)
class Verdict:
    claim: str  # the claim's id
    kind: Kind
    family: str
    replicate_unit: str
    published: float | None  # the published or exact value, where the claim states one
    word: Word
    adjusted_word: Word  # Holm-adjusted within the claim's family: `word`, or "inconclusive" where it does not last
    reason: str  # one sentence
    comparison: Comparison | None  # None where nothing was compared
    n_needed: int | None  # replicates a side for which the expected interval would settle an inconclusive claim
    indicative: tuple[Indicative, ...]


@dataclass(frozen=True)
class Finding:
    """What one body of evidence says about a claim."""

    word: Word
    reason: str
    comparison: Comparison | None = None
    n_needed: int | None = None


def judge(claim: Claim, table: pd.DataFrame) -> Verdict:
    """The verdict on one claim from a table of measurements; its adjusted word is that of a family of one.

    Raises:
        InputError: the claim's selections are ambiguous or do not fit its kind.
    """
    if claim.evidence is None:
        found = Finding("not assessed", claim.not_assessed)
    else:
        found = _finding(claim, claim.evidence, table)
    indicative = tuple(_indicative(claim, evidence, table) for evidence in claim.indicative)
    return Verdict(
        claim=claim.id,
        kind=claim.kind,
        family=claim.family,
        replicate_unit=claim.replicate_unit,
        published=claim.published.value if claim.published else None,
        word=found.word,
        adjusted_word=found.word,
        reason=found.reason,
        comparison=found.comparison,
        n_needed=found.n_needed,
        indicative=indicative,
    )


def judge_all(claims: Iterable[Claim], table: pd.DataFrame, device: str = "cpu") -> tuple[Verdict, ...]:
    """Verdicts in the order of the claims, with Holm-adjusted words beside the plain ones.

    Where a seed was measured on several devices, the rows of `device` count (`measurements.each_seed_once`). A claim
    that compares devices names them in its selections, and reads all rows.

    Within a family each word is adjusted over every claim for which it was tested, so that the chance of giving that
    word wrongly to any claim of the family is at most .05.
    """
    listed, once = tuple(claims), each_seed_once(table, device)
    verdicts = [judge(claim, table if _names_a_device(claim) else once) for claim in listed]
    for family in {claim.family for claim in listed}:
        members = [index for index, claim in enumerate(listed) if claim.family == family]
        for word in {verdicts[index].word for index in members}:
            tested = [(i, c.p_values[word]) for i in members if (c := verdicts[i].comparison) and word in c.p_values]
            for (index, _), p in zip(tested, holm([p for _, p in tested]), strict=True):
                if verdicts[index].word == word and p > LEVEL:
                    verdicts[index] = replace(verdicts[index], adjusted_word="inconclusive")
    return tuple(verdicts)


def _names_a_device(claim: Claim) -> bool:
    bodies = (*([claim.evidence] if claim.evidence else []), *claim.indicative)
    return any(column in side for body in bodies for side in (body.measured, body.against or {}) for column in WHERE)


def _indicative(claim: Claim, evidence: Evidence, table: pd.DataFrame) -> Indicative:
    found = _finding(claim, evidence, table)
    direction = DIRECTIONS.get(found.word, "undecided")
    if any(select(table, side).empty for side in (evidence.measured, evidence.against) if side is not None):
        direction = "no measurements"
    return Indicative(evidence.substitutes, direction, found.reason, found.comparison)


def _finding(claim: Claim, evidence: Evidence, table: pd.DataFrame) -> Finding:
    if claim.kind == "question":
        return _answer(claim, evidence, table)
    try:
        sides = replicates(table, claim, evidence)
        require_enough(sides)
    except NoMeasurements as gap:
        return Finding("not assessed", str(gap) if evidence.substitutes else claim.not_assessed or str(gap))
    except EvidenceGap as gap:
        return Finding("not assessed", str(gap))
    comparison = compare(claim, sides)
    n_needed = comparison.n_needed
    if claim.kind in ("value", "bound") and sides.measured.diverged == sides.measured.n:
        return Finding("not replicated", all_diverged(sides.measured), replace(comparison, p_values={}))
    diverged = without_value(comparison)
    if diverged:
        comparison = replace(comparison, n_needed=None)  # more of the same runs would not settle it
    if diverged and not enough_values(sides):
        return Finding("inconclusive", f"{diverged}, and too few are left to compare.", comparison)
    if not comparison.p_values:
        agree = "All replicates agree exactly, so that no interval can be given: reported, not judged."
        return Finding("not assessed", agree, comparison)
    word = decide(comparison.p_values)
    if diverged:
        return _with_diverged(claim, comparison, word, diverged)
    return Finding(word, reason(claim, comparison, word, n_needed), comparison, n_needed)


def _with_diverged(claim: Claim, comparison: Comparison, word: Word, diverged: str) -> Finding:
    """A run without a value is infinitely bad: it upholds a word against the claim and forbids every other.

    It upholds one only where it lies on the measured side, which it can but make worse.
    """
    sided = METRICS[comparison.metric].better == claim.better
    measured_alone = comparison.against is None or comparison.against.unbounded == 0
    if word in ("reversed", "not replicated") and sided and measured_alone:
        rest = reason(claim, comparison, word, None)
        return Finding(word, f"{diverged}; of the others: {rest[0].lower()}{rest[1:]}", comparison)
    return Finding("inconclusive", f"{diverged}, so that the claim cannot be replicated.", comparison)


def _answer(claim: Claim, evidence: Evidence, table: pd.DataFrame) -> Finding:
    """A question is plotted and never scored; its numbers are compared only where a selection names one thing."""
    found = [len(select(table, side)) for side in (evidence.measured, evidence.against) if side is not None]
    if not all(found):
        return Finding("not assessed", claim.not_assessed or "No measurements match the question.")
    sides: Sides | None = None
    try:
        sides = replicates(table, claim, evidence)
    except (EvidenceGap, InputError):
        pass  # a question may span steps, classes or models: the report plots the rows themselves
    comparison = compare(claim, sides) if sides is not None else None
    return Finding("answered", f"A question: {sum(found)} measurements are shown, none is scored.", comparison)


def to_json(verdicts: Iterable[Verdict]) -> str:
    """Verdicts by id as JSON: six significant digits, so that the last bits of a float never change the bytes."""
    records = [_plain(asdict(verdict)) for verdict in sorted(verdicts, key=lambda verdict: verdict.claim)]
    return json.dumps(records, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def from_json(text: str) -> tuple[Verdict, ...]:
    """Verdicts as `to_json` wrote them, numbers at the precision it kept; null in a number's place is NaN."""
    verdicts = []
    for record in json.loads(text):
        indicative = tuple(
            Indicative(**{**one, "comparison": _comparison(one["comparison"])}) for one in record["indicative"]
        )
        comparison = _comparison(record["comparison"])
        verdicts.append(Verdict(**{**record, "comparison": comparison, "indicative": indicative}))
    return tuple(verdicts)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return (0.0 if abs(value) < 1e-12 else float(f"{value:.6g}")) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _comparison(record: dict[str, Any] | None) -> Comparison | None:
    if record is None:
        return None
    numbers = {key: _number(record[key]) for key in ("difference", "low", "high")}
    sides = {key: _replicates(record[key]) for key in ("measured", "against")}
    return Comparison(**{**record, **numbers, **sides})


def _replicates(record: dict[str, Any] | None) -> Replicates | None:
    if record is None:
        return None
    values = tuple(_number(value) for value in record["values"])
    numbers = {"mean": _number(record["mean"]), "sd": _number(record["sd"])}
    return Replicates(**{**record, **numbers, "ids": tuple(record["ids"]), "values": values})


def _number(value: float | None) -> float:
    return math.nan if value is None else value
