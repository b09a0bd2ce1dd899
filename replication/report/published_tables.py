"""The papers' tables with our numbers beside theirs: a line for each number that the authors' own trainings gave."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from replication.report.papers import name_of
from replication.report.sources import Chosen
from replication.report.wording import SHAPES, Mark, difference, mark, mean_and_spread, minus_signs
from replication.verdicts.claims import Claim
from replication.verdicts.comparisons import Comparison
from replication.verdicts.evidence import Replicates
from replication.verdicts.published import Benchmark, Other, PublishedNumber, PublishedTable, TableColumn, TableRow

State = Literal["measured", "indicative", "not run", "baseline"]


@dataclass(frozen=True)
class Line:
    """A published number, or all of a baseline's, and what stands beside it."""

    row: str
    published: str
    verified: bool
    trained: bool  # by the paper's authors: what a replication is about
    state: State
    by: tuple[str, ...]  # n, precision, hardware, hours; or what stands in; or what stands in the way
    others: tuple[Other, ...]
    # Of a baseline, whose numbers stand in one line, all of these are empty.
    column: str = ""  # "" where the table has one column
    unit: str = ""  # of the number; "" of a pure one
    ours: str = ""  # "" where nothing was measured
    mark: Mark | None = None  # of the claim, where its own protocol was measured
    difference: str = ""  # measured − published with its 90 % interval, in the table's unit
    direction: str = ""  # of indicative evidence: whether it points the claim's way
    obstacle: str = ""  # to what is not run, in a word or two; "" where there is none
    claim: str = ""
    command: str = ""  # that measures it; "" where nothing in the suite does

    @property
    def counts(self) -> bool:
        """Whether it is a number, or a direction, of the paper's own trainings."""
        return self.trained and self.state != "baseline"


@dataclass(frozen=True)
class Table:
    anchor: str
    paper: str
    title: str
    source: str
    unit: str
    note: str
    lines: tuple[Line, ...]

    @property
    def paper_name(self) -> str:
        return name_of(self.paper)

    @property
    def measured(self) -> bool:
        """Whether a number of the paper's own trainings is measured in it."""
        return any(line.counts and line.state == "measured" for line in self.lines)


@dataclass(frozen=True)
class Summary:
    """How many of the papers' own numbers came out how; references are real images and methods of others."""

    total: int
    measured: tuple[tuple[Mark, int], ...]
    unverified: int  # of those measured: the published figure could not be checked against the paper
    indicative: int
    obstacles: tuple[tuple[str, int], ...]  # to the others, the most frequent first
    references: int
    references_measured: tuple[tuple[Mark, int], ...]

    @property
    def n_measured(self) -> int:
        return sum(n for _, n in self.measured)


def tables(benchmarks: Sequence[Benchmark], chosen: Mapping[str, Chosen]) -> tuple[Table, ...]:
    """Every published table, in the order of the papers."""
    return tuple(_table(benchmark, table, chosen) for benchmark in benchmarks for table in benchmark.tables)


def summary(tables: Sequence[Table]) -> Summary:
    lines = [line for table in tables for line in table.lines]
    ours = [line for line in lines if line.counts]
    references = [line for line in lines if not line.trained and line.claim]
    return Summary(
        total=len(ours),
        measured=_words(ours),
        unverified=sum(line.state == "measured" and not line.verified for line in ours),
        indicative=sum(line.state == "indicative" for line in ours),
        obstacles=tuple(Counter(line.obstacle for line in ours if line.state == "not run").most_common()),
        references=len(references),
        references_measured=_words(references),
    )


def _words(lines: Sequence[Line]) -> tuple[tuple[Mark, int], ...]:
    words = Counter(line.mark.word for line in lines if line.mark)
    return tuple((mark(word), words[word]) for word in SHAPES if words[word])


def _table(benchmark: Benchmark, table: PublishedTable, chosen: Mapping[str, Chosen]) -> Table:
    linked = [c for c in table.columns if any(row.numbers[c.name].claim for row in table.rows)] or table.columns
    units = dict.fromkeys(column.unit for column in linked if column.unit != "1")
    kinds: dict[str, list[str]] = {}
    for column in table.columns:
        kinds.setdefault(column.spread_kind, []).append(column.name)
    columns = {kind: f" ({', '.join(names)})" if len(kinds) > 1 else "" for kind, names in kinds.items()}
    spreads = [f"{kind}{names}" for kind, names in columns.items() if kind != "none"]
    note = " ".join(filter(None, (table.note, f"Published ±: {'; '.join(spreads)}." if spreads else "")))
    lines = [line for place, row in enumerate(table.rows) for line in _lines(table.columns, row, place, chosen)]
    return Table(table.id, benchmark.paper, table.title, table.source, ", ".join(units), note, _shortened(lines))


def _shortened(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines, each that has the reason of the one above saying so."""
    above = (None, *lines)
    return tuple(
        replace(line, by=("as above",)) if before and line.state == "not run" and line.by == before.by else line
        for line, before in zip(lines, above, strict=False)
    )


def _lines(columns: Sequence[TableColumn], row: TableRow, place: int, chosen: Mapping[str, Chosen]) -> Iterator[Line]:
    """Lines of the row at `place` of its table, which is the label of a class."""
    rest = []
    for column in columns:
        number = row.numbers[column.name]
        if number.claim or number.why:
            yield _line(row, place, column, len(columns) > 1, number, chosen.get(number.claim))
            if number.released:
                released = replace(row, name=f"{row.name}, the authors' own network", trained=False)
                number_of = replace(number, claim=number.released, others=())
                yield _line(released, place, column, len(columns) > 1, number_of, chosen[number.released])
        elif number.value is not None:
            rest.append((column.name, number))
    if rest and len(columns) > 1:
        verified = all(number.verified for _, number in rest)
        text = " · ".join(f"{name} {_published(number)}" for name, number in rest)
        yield _plain(row, text, verified, [other for _, number in rest for other in number.others])
    elif rest:
        yield _plain(row, _published(rest[0][1]), rest[0][1].verified, rest[0][1].others)


def _plain(row: TableRow, text: str, verified: bool, others: Sequence[Other]) -> Line:
    linked = any(number.claim for number in row.numbers.values())
    why = () if row.trained or linked else ("baseline, not rerun",)
    return Line(row.name, text, verified, row.trained, "baseline", why, tuple(others))


def _line(
    row: TableRow, place: int, column: TableColumn, named: bool, number: PublishedNumber, choice: Chosen | None
) -> Line:
    state: State = "not run"
    ours, shape, apart, direction, obstacle, by = "", None, "", "", "no data", (number.why,)
    if choice is not None:
        comparison, obstacle = choice.verdict.comparison, choice.verdict.obstacle or ""
        if choice.where is not None and comparison is not None:
            state, shape = "measured", mark(choice.verdict.adjusted_word)
            ours = _ours(choice.claim, comparison, number, column.scale, place)
            by = (_n(_side(comparison, number)), *choice.where.in_words)
            apart = _difference(choice.claim, comparison, column.scale)
        elif beside := [(e, e.comparison, where) for e, where in choice.indicative if e.comparison]:
            state, (evidence, instead, where) = "indicative", beside[0]
            ours = _ours(choice.claim, instead, number, column.scale, place)
            direction = evidence.direction
            by = (evidence.substitutes, _n(_side(instead, number)), *where.in_words)
        else:
            names = [(evidence.substitutes, evidence.reason) for evidence, _ in choice.indicative]
            few = [f"{name[:1].upper()}{name[1:]}: {reason}" for name, reason in names]
            by = (f"{choice.verdict.obstacle}: {minus_signs(choice.verdict.reason)}", *few)
    return Line(
        row=row.name,
        column=column.name if named else "",
        published=_published(number),
        unit="" if column.unit == "1" or number.value is None else column.unit,
        verified=number.verified,
        trained=row.trained,
        state=state,
        ours=ours,
        mark=shape,
        difference=apart,
        direction=direction,
        obstacle=obstacle,
        by=by,
        others=number.others,
        claim=number.claim,
        command=choice.command if choice else "",
    )


def _side(comparison: Comparison, number: PublishedNumber) -> Replicates:
    side = comparison.against if number.side == "against" else comparison.measured
    return side if side is not None else comparison.measured


def _ours(claim: Claim, comparison: Comparison, number: PublishedNumber, scale: float, place: int) -> str:
    side = _side(comparison, number)
    if claim.replicate_unit == "class":
        agrees = dict(zip(map(str, side.ids), side.values, strict=True)).get(str(place))
        return "no score" if agrees is None else ("the other way", "as published")[int(agrees)]
    other = comparison.measured if side is comparison.against else comparison.against
    beside = f" against {mean_and_spread(other, scale)}" if number.value is None and other is not None else ""
    return f"{mean_and_spread(side, scale)}{beside}"


def _difference(claim: Claim, comparison: Comparison, scale: float) -> str:
    """The difference of a value from the published one; claims of other kinds show theirs elsewhere."""
    if claim.kind != "value" or not math.isfinite(comparison.low):
        return ""
    margin = "" if claim.margin is None else f", margin {claim.margin * scale:g}"
    return f"{difference(claim, comparison, scale)}{margin}"


def _n(side: Replicates) -> str:
    diverged = f", {side.diverged} diverged" if side.diverged else ""
    return f"n = {side.n} {side.unit}{'s' if side.n > 1 and side.unit != 'class' else ''}{diverged}"


def _published(number: PublishedNumber) -> str:
    if number.value is None:
        return number.note or "not known"
    spread = f" ± {number.spread:g}" if number.spread is not None else ""
    return f"{number.value:.10g}{spread}".replace("-", "−")
