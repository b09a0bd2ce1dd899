"""Which profile speaks for a claim, where its numbers come from, and how they are made again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from replication.config.params import Params, Profile
from replication.report.cells import IDENTITY
from replication.report.sources import Source
from replication.verdicts.claims import Claim, Evidence
from replication.verdicts.statistics.rules import Word
from replication.verdicts.verdict import Indicative, Verdict

UNJUDGED: tuple[Word, ...] = ("underpowered", "answered")


@dataclass(frozen=True)
class Where:
    """Where measurements come from. `hours` is what the cells' commands took together; None where none recorded it."""

    hardware: tuple[str, ...]
    precision: tuple[str, ...]
    hours: float | None


@dataclass(frozen=True)
class Chosen:
    """The verdict that the page shows for a claim; `where` is None where nothing of it was measured."""

    claim: Claim
    verdict: Verdict
    where: Where | None
    cells: tuple[str, ...]  # of params.yaml, that measure it; none where nothing in the suite does
    indicative: tuple[tuple[Indicative, Where], ...]  # what was measured under a substitute protocol


def choose(claims: Sequence[Claim], sources: Sequence[Source], params: Params) -> dict[str, Chosen]:
    """For each claim the profile that judges it, of several the one with most replicates, of as many the last."""
    return {claim.id: _chosen(claim, sources, params) for claim in claims}


def _chosen(claim: Claim, sources: Sequence[Source], params: Params) -> Chosen:
    source = max(reversed(sources), key=lambda one: _rank(one.verdicts[claim.id]))
    verdict = source.verdicts[claim.id]
    measured = verdict.word != "not assessed"
    where = _where(source, claim.evidence) if measured and claim.evidence else None
    cells = cells_of(claim.evidence, params.profiles.values())
    return Chosen(claim, verdict, where, cells, tuple(_indicative(claim, sources)))


def _rank(verdict: Verdict) -> tuple[int, int]:
    weight = 0 if verdict.word == "not assessed" else 1 if verdict.word in UNJUDGED else 2
    return weight, verdict.comparison.measured.n if verdict.comparison else 0


def _indicative(claim: Claim, sources: Sequence[Source]) -> Iterator[tuple[Indicative, Where]]:
    """Of each body of indicative evidence what the profile with most replicates says."""
    for number, evidence in enumerate(claim.indicative):
        measured = [(source.verdicts[claim.id].indicative[number], source) for source in reversed(sources)]
        measured = [pair for pair in measured if pair[0].direction != "no measurements"]
        if measured:
            shown, source = max(measured, key=lambda pair: pair[0].comparison.measured.n if pair[0].comparison else 0)
            yield shown, _where(source, evidence)


def _where(source: Source, evidence: Evidence) -> Where:
    """Of the blocks of seeds that the evidence reads; of all where an experiment names its rows otherwise."""
    sides = [side for side in (evidence.measured, evidence.against) if side is not None]
    blocks = {name: block for side in sides for name, block in source.blocks(side).items()}
    clocks = [block["clock"] for block in blocks.values()]
    seconds = sum(clock.get(name, 0.0) for clock in clocks for name in ("duration_s", "scoring_s"))
    shown = list((blocks or source.cells).values())
    return Where(
        hardware=once(str(block["environment"].get("device", "")) for block in shown),
        precision=once(str(block["precision"]) for block in shown),
        hours=seconds / 3600 if seconds else None,
    )


def cells_of(evidence: Evidence | None, profiles: Iterable[Profile]) -> tuple[str, ...]:
    """Names of the cells that a body of evidence reads, of the last profile that has them all."""
    sides = [side for side in (evidence.measured, evidence.against) if side] if evidence else []
    best: tuple[str, ...] = ()
    for profile in profiles:
        found: list[str] = []
        for side in sides:
            wanted = {column: str(side[column]) for column in IDENTITY if column in side}
            named = [
                key
                for key, cell in profile.scored.items()
                if all(str(getattr(cell, column)) == value for column, value in wanted.items())
            ]
            if not named:
                break
            found += named
        else:
            best = tuple(dict.fromkeys(found)) or best
    return best


def once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))
