"""Verdicts: what the measurements say about each claim, by one rule fixed before any run. Pure: no files, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from replication.table.definitions import METRICS
from replication.table.measurements import each_seed_once
from replication.verdicts.claims import Claim, Evidence, Kind, Obstacle, Origin
from replication.verdicts.comparisons import Comparison, compare, enough_values
from replication.verdicts.evidence import EvidenceGap, NoMeasurements, replicates, require_enough, select
from replication.verdicts.reasons import answer, reason, underpowered, without_value
from replication.verdicts.statistics.intervals import LEVEL
from replication.verdicts.statistics.rules import Word, decide, holm
from replication.verdicts.studies.power import POWER, Sizes, true_powers

Direction = Literal[
    "points the claim's way",
    "points the other way",
    "points to no difference",
    "points beyond the published value",
    "answered",
    "not comparable",
    "undecided",
    "no measurements",
]
DIRECTIONS: dict[Word, Direction] = {
    "replicated": "points the claim's way",
    "differs, better": "points beyond the published value",
    "not replicated": "points the other way",
    "reversed": "points the other way",
    "no difference": "points to no difference",
    "answered": "answered",
}
NO_ROWS = "No measurements match the question."


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
    origin: Origin
    kind: Kind
    family: str
    replicate_unit: str
    published: float | None  # the published or exact value, where the claim states one
    word: Word
    adjusted_word: Word  # Holm-adjusted within the claim's family: `word`, or "inconclusive" where it does not last
    obstacle: Obstacle | None  # what stands in the way of a claim that is not assessed
    power: float | None  # P("replicated" | true) with these replicates, where they are fewer than planned
    reason: str  # one sentence; two where the claim is underpowered
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
    """The verdict on one claim, in a family of its own, from all rows of a table: see `judge_all`."""
    return _judged([claim], table)[0]


def judge_all(claims: Iterable[Claim], table: pd.DataFrame, device: str = "cpu") -> tuple[Verdict, ...]:
    """Verdicts in the order of the claims, with Holm-adjusted words beside the plain ones.

    Where a seed was measured on several devices, the rows of `device` count (`measurements.each_seed_once`).

    Within a family each word is adjusted over every claim for which it was tested, so that the chance of giving that
    word wrongly to any claim of the family is at most .05. A claim with fewer replicates than planned, and so with
    less power than POWER, is underpowered and leaves the family: its power does not depend on what was measured.

    Raises:
        InputError: a claim's selections are ambiguous or do not fit its kind.
    """
    return _judged(tuple(claims), each_seed_once(table, device))


def _judged(claims: Sequence[Claim], table: pd.DataFrame) -> tuple[Verdict, ...]:
    verdicts = _with_power(claims, [_judged_alone(claim, table) for claim in claims])
    for family in {claim.family for claim in claims}:
        members = [index for index, claim in enumerate(claims) if claim.family == family]
        members = [index for index in members if verdicts[index].word != "underpowered"]
        for word in {verdicts[index].word for index in members}:
            tested = [(i, c.p_values[word]) for i in members if (c := verdicts[i].comparison) and word in c.p_values]
            for (index, _), p in zip(tested, holm([p for _, p in tested]), strict=True):
                if verdicts[index].word == word and p > LEVEL:
                    verdicts[index] = replace(verdicts[index], adjusted_word="inconclusive")
    return tuple(verdicts)


def _judged_alone(claim: Claim, table: pd.DataFrame) -> Verdict:
    evidence = claim.evidence
    finding = _finding(claim, evidence, table) if evidence else Finding("not assessed", claim.not_assessed)
    return Verdict(
        claim=claim.id,
        origin=claim.origin,
        kind=claim.kind,
        family=claim.family,
        replicate_unit=claim.replicate_unit,
        published=claim.published.value if claim.published else None,
        adjusted_word=finding.word,
        obstacle=claim.obstacle if finding.word == "not assessed" else None,
        power=None,
        **vars(finding),
        indicative=tuple(_indicative(claim, evidence, table) for evidence in claim.indicative),
    )


def _with_power(claims: Sequence[Claim], verdicts: list[Verdict]) -> list[Verdict]:
    """The verdicts; one with fewer replicates than planned states its power, and is underpowered where that is low."""
    sizes = {
        claim.id: (numbers.measured.n, numbers.against.n if numbers.against and claim.plan.against_n else None)
        for claim, verdict in zip(claims, verdicts, strict=True)
        if claim.plan and (numbers := verdict.comparison) and verdict.word not in ("not assessed", "answered")
    }
    compared = [claim for claim in claims if claim.id in sizes]
    fewer = {claim.family for claim in compared if _fewer(claim, sizes)}
    powers = true_powers([claim for claim in compared if claim.family in fewer], sizes)
    for index, claim in enumerate(claims):
        comparison = verdicts[index].comparison
        if comparison is None or claim.id not in powers or not _fewer(claim, sizes):
            continue
        power = powers[claim.id]
        changes: dict[str, Any] = {"power": power}
        if power < POWER:
            sentence = underpowered(claim, comparison, power)
            changes |= {"word": "underpowered", "adjusted_word": "underpowered", "reason": sentence, "n_needed": None}
        verdicts[index] = replace(verdicts[index], **changes)
    return verdicts


def _fewer(claim: Claim, sizes: Mapping[str, Sizes]) -> bool:
    (n, against_n), plan = sizes[claim.id], claim.plan
    return plan is not None and (n < plan.n or (against_n or 0) < (plan.against_n or 0))


def _indicative(claim: Claim, evidence: Evidence, table: pd.DataFrame) -> Indicative:
    finding = _finding(claim, evidence, table)
    direction, why = DIRECTIONS.get(finding.word, "undecided"), finding.reason
    if any(select(table, side).empty for side in evidence.sides):
        direction = "no measurements"
    elif evidence.incomparable:
        direction, why = "not comparable", evidence.incomparable
    return Indicative(evidence.substitutes, direction, why, finding.comparison)


def _finding(claim: Claim, evidence: Evidence, table: pd.DataFrame) -> Finding:
    if claim.kind == "question":
        answered = answer(claim, evidence, table)
        return Finding("answered", *answered) if answered else Finding("not assessed", claim.not_assessed or NO_ROWS)
    try:
        sides = replicates(table, claim, evidence)
        require_enough(sides)
    except NoMeasurements as gap:
        return Finding("not assessed", str(gap) if evidence.substitutes else claim.not_assessed or str(gap))
    except EvidenceGap as gap:
        return Finding("not assessed", str(gap))
    comparison = compare(claim, sides)
    if claim.kind in ("value", "bound") and sides.measured.diverged == sides.measured.n:
        every = f"Every one of the {sides.measured.n} {sides.measured.unit}s diverged."
        return Finding("not replicated", every, replace(comparison, p_values={}))
    diverged = "" if claim.kind == "superiority" else without_value(comparison)  # ranks need no value of the worst
    if diverged:
        comparison = replace(comparison, n_needed=None)  # more of the same runs would not settle it
        if not enough_values(sides):
            return Finding("inconclusive", f"{diverged}, and too few are left to compare.", comparison)
    word = decide(comparison.p_values)
    if diverged:
        return _with_diverged(claim, comparison, word, diverged)
    return Finding(word, reason(claim, comparison, word, comparison.n_needed), comparison, comparison.n_needed)


def _with_diverged(claim: Claim, comparison: Comparison, word: Word, diverged: str) -> Finding:
    """A run without a value is infinitely bad, so no word for the claim is possible.

    A word against the claim stays where such runs lie on the measured side alone, because they only make it worse.
    """
    sided = METRICS[comparison.metric].better == claim.better
    measured_alone = comparison.against is None or comparison.against.unbounded == 0
    if word in ("reversed", "not replicated") and sided and measured_alone:
        rest = reason(claim, comparison, word, None)
        return Finding(word, f"{diverged}; of the others: {rest[0].lower()}{rest[1:]}", comparison)
    return Finding("inconclusive", f"{diverged}, so that the claim cannot be replicated.", comparison)
