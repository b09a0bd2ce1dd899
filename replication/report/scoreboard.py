"""The scoreboard's rows and counts: what each claim says, what was measured and which verdict that earns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from replication.report.sources import Chosen, Where
from replication.report.wording import SHAPES, difference, margin, minus_signs, published, sides, slug
from replication.table.grids import NONE
from replication.verdicts.claims import Claim, Origin
from replication.verdicts.statistics.rules import Word
from replication.verdicts.studies.power import Power
from replication.verdicts.verdict import Indicative

ORIGINS: dict[Origin, str] = {
    "published": "published results",
    "statement": "statements of the papers",
    "background": "background",
    "instrument": "instrument checks",
}


@dataclass(frozen=True)
class Mark:
    """A verdict in word and shape."""

    word: str
    symbol: str
    slug: str


@dataclass(frozen=True)
class Substitute:
    """Evidence under a substitute protocol: beside its claim, never its verdict."""

    stands_for: str
    measured: str
    difference: str
    direction: str


@dataclass(frozen=True)
class Row:
    """One claim as the pages show it; every number is already text."""

    claim: Claim
    source: str  # of the claim, and whether it is verified
    published: str
    measured: str
    difference: str
    margin: str
    power: str  # P(replicated | true) / P(replicated | false by the margin), as planned
    verdict: Mark
    adjusted: Mark
    obstacle: str  # of a claim that is not assessed, else ""
    reason: str
    judged: bool
    indicative: tuple[Substitute, ...]
    where: str  # precision and hardware of what was measured, with hours; "" where nothing was
    command: str  # that measures it; "" where nothing in the suite does

    @property
    def answered(self) -> bool:
        """Whether there is something to say of it: a verdict, an answer, or evidence under a substitute."""
        return self.verdict.word != "not assessed" or bool(self.indicative)


def mark(word: Word) -> Mark:
    return Mark(word, SHAPES[word].symbol, slug(word))


def rows(chosen: Iterable[Chosen], powers: Mapping[str, Power]) -> tuple[Row, ...]:
    """A row for each claim, in order; `powers` of the claims that have a plan."""
    return tuple(_row(choice, powers.get(choice.claim.id)) for choice in chosen)


def _row(chosen: Chosen, power: Power | None) -> Row:
    claim, verdict = chosen.claim, chosen.verdict
    unverified = "" if claim.verified or "unverified" in claim.source else " (unverified)"
    return Row(
        claim=claim,
        source=claim.source + unverified,
        published=published(claim),
        measured=sides(claim, verdict.comparison),
        difference=NONE if claim.kind == "question" else difference(verdict.comparison),
        margin=margin(claim),
        power=NONE if power is None else f"{power.true:.2f} / {power.false:.2f}",
        verdict=mark(verdict.word),
        adjusted=mark(verdict.adjusted_word),
        obstacle=verdict.obstacle or "",
        reason=minus_signs(verdict.reason),
        # its own protocol was measured, and its rule gave a word
        judged=claim.kind != "question" and verdict.word not in ("not assessed", "answered"),
        indicative=tuple(_substitute(claim, result) for result, _ in chosen.indicative),
        where=" · ".join(machine(chosen.where)) if chosen.where else "",
        command=command(chosen),
    )


def _substitute(claim: Claim, indicative: Indicative) -> Substitute:
    return Substitute(
        stands_for=indicative.substitutes,
        measured=sides(claim, indicative.comparison),
        difference=difference(indicative.comparison),
        direction=indicative.direction,
    )


def machine(where: Where) -> tuple[str, ...]:
    """Precision, hardware, and what the cells' commands took together."""
    hours = () if where.hours is None else (f"{where.hours:.2g} h in all" if where.hours >= 0.1 else "minutes in all",)
    return (", ".join(where.precision), "; ".join(where.hardware), *hours)


def command(chosen: Chosen) -> str:
    """What measures a claim again; "" where nothing in the suite does."""
    return " ".join(("uv run python -m replication.run", *chosen.cells)) if chosen.cells else ""


def counts(rows: Sequence[Row]) -> tuple[tuple[str, tuple[tuple[Mark, int], ...]], ...]:
    """How many claims of each origin have each adjusted word, in the order of ORIGINS and SHAPES."""
    groups = []
    for origin, name in ORIGINS.items():
        words = [row.adjusted.word for row in rows if row.claim.origin == origin]
        groups.append((name, tuple((mark(word), words.count(word)) for word in SHAPES if word in words)))
    return tuple(group for group in groups if group[1])
