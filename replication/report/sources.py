"""The committed reports as the page reads them, and which profile speaks for a claim."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from replication.config.blocks import key_of
from replication.config.params import Params, Profile
from replication.foundation.errors import InputError
from replication.foundation.provenance import changed_file
from replication.report.cells import IDENTITY
from replication.report.pictures import Figure, figure
from replication.report.provenance import read_report
from replication.report.score_tables import device_tables
from replication.report.wording import Mark, difference, mark
from replication.table.grids import NONE, Grid
from replication.table.measurements import each_seed_once, read_table, table_in
from replication.verdicts.claims import Claim, Evidence, Selection
from replication.verdicts.records import from_json
from replication.verdicts.statistics.rules import Word
from replication.verdicts.verdict import Indicative, Verdict

REPORTS, BENCHMARKS = Path("reports"), Path("benchmarks")
VERDICTS, PROVENANCE = "verdicts.json", "provenance.json"
UNJUDGED: tuple[Word, ...] = ("underpowered", "answered")


@dataclass(frozen=True)
class Source:
    """What one profile measured. `table` counts a seed once; `rows` are those of all devices."""

    profile: str
    table: pd.DataFrame
    rows: int
    verdicts: Mapping[str, Verdict]  # by claim
    provenance: Mapping[str, Any]
    figures: tuple[Figure, ...]
    devices: tuple[Grid, ...]  # scores of cells that were run on two devices

    @property
    def cells(self) -> Mapping[str, Mapping[str, Any]]:
        """Provenance of each block of seeds, by the name of its folder."""
        return self.provenance["cells"]

    def blocks(self, selection: Selection) -> dict[str, Mapping[str, Any]]:
        """The blocks that measured what a claim's selection reads."""
        wanted = {column: str(selection[column]) for column in IDENTITY if column in selection and column != "paper"}

        def reads(block: Mapping[str, Any]) -> bool:
            rows = block.get("measures") or [block]
            return any(all(row[column] == value for column, value in wanted.items()) for row in rows)

        return {name: block for name, block in self.cells.items() if reads(block)}


def read_source(folder: Path, claims: Sequence[Claim]) -> Source:
    """Read a report's folder, `reports/<profile>`.

    Raises:
        InputError: a file of it is missing or not whole, or its verdicts are of other claims.
    """
    measured, provenance = read_table(table_in(folder)), read_report(folder / PROVENANCE)
    _check_figures(folder, provenance)
    return Source(
        profile=provenance["profile"],
        table=each_seed_once(measured, provenance["device"]),
        rows=len(measured),
        verdicts=_verdicts(folder / VERDICTS, claims),
        provenance=provenance,
        figures=tuple(figure(record, folder) for record in provenance["figures"]),
        devices=device_tables(measured),
    )


def _check_figures(folder: Path, provenance: Mapping[str, Any]) -> None:
    """Raise InputError where a figure's file is missing or is not the one that was drawn."""
    hashes = {name: digest for name, digest in provenance["files"].items() if name.startswith("figures/")}
    drawn = {f"figures/{record['name']}.{'svg' if record['vector'] else 'png'}" for record in provenance["figures"]}
    if changed := min(drawn - hashes.keys(), default="") or changed_file(folder, hashes):
        raise InputError(f"{folder / changed} is missing or not what was drawn: run `uv run dvc repro`.")


def _verdicts(path: Path, claims: Sequence[Claim]) -> dict[str, Verdict]:
    try:
        verdicts = {verdict.claim: verdict for verdict in from_json(path.read_text(encoding="utf-8"))}
    except (OSError, ValueError) as error:
        raise InputError(f"{path} holds no verdicts ({error}): run `uv run dvc repro` to make it again.") from error
    judged = {name: len(verdict.indicative) for name, verdict in verdicts.items()}
    difference = judged.items() ^ {claim.id: len(claim.indicative) for claim in claims}.items()
    if difference:
        first = min(difference)[0]
        command = f"uv run python -m replication.report --profile {path.parent.name}"
        raise InputError(f"{path} and benchmarks/ have different claims (such as {first}): run `{command}`.")
    return verdicts


@dataclass(frozen=True)
class Where:
    """Where measurements come from. `hours` is what the cells' commands took together; None where none recorded it."""

    hardware: tuple[str, ...]
    precision: tuple[str, ...]
    hours: float | None

    @property
    def in_words(self) -> tuple[str, ...]:
        """Precision, hardware, and what the cells' commands took together."""
        hours = () if self.hours is None else (f"{self.hours:.2g} h in all" if self.hours >= 0.1 else "minutes in all",)
        return (", ".join(self.precision), "; ".join(self.hardware), *hours)


@dataclass(frozen=True)
class Chosen:
    """The verdict that the pages show for a claim; `where` is None where nothing of it was measured."""

    claim: Claim
    verdict: Verdict
    where: Where | None
    cells: tuple[str, ...]  # of params.yaml, that measure it; none where nothing in the suite does
    indicative: tuple[tuple[Indicative, Where], ...]  # what was measured under a substitute protocol
    power: str = NONE  # P(replicated | true) / P(replicated | false by the margin), as planned

    @property
    def adjusted(self) -> Mark:
        return mark(self.verdict.adjusted_word)

    @property
    def judged(self) -> bool:
        """Whether its own protocol was measured, and its rule gave a word."""
        return self.claim.kind != "question" and self.verdict.word not in ("not assessed", "answered")

    @property
    def answered(self) -> bool:
        """Whether there is something to say of it: a verdict, an answer, or evidence under a substitute."""
        return self.verdict.word != "not assessed" or bool(self.indicative)

    @property
    def source(self) -> str:
        """Of the claim, and whether it is verified."""
        unverified = "" if self.claim.verified or "unverified" in self.claim.source else " (unverified)"
        return self.claim.source + unverified

    @property
    def difference(self) -> str:
        return NONE if self.claim.kind == "question" else difference(self.claim, self.verdict.comparison)

    @property
    def command(self) -> str:
        """What measures it again; "" where nothing in the suite does."""
        return " ".join(("uv run python -m replication.run", *self.cells)) if self.cells else ""


def choose(claims: Sequence[Claim], sources: Sequence[Source], params: Params) -> dict[str, Chosen]:
    """For each claim the profile that judges it with most replicates; of equal ones the last."""
    return {claim.id: _chosen(claim, sources, params) for claim in claims}


def _chosen(claim: Claim, sources: Sequence[Source], params: Params) -> Chosen:
    source = max(reversed(sources), key=lambda profile: _rank(profile.verdicts[claim.id]))
    verdict = source.verdicts[claim.id]
    indicative = tuple(_indicative(claim, sources))
    if claim.evidence is None or verdict.word == "not assessed":
        planned = claim.measured_by or cells_of(claim.evidence, params.profiles.values())
        return Chosen(claim, verdict, None, planned, indicative)
    blocks = _blocks(source, claim.evidence)
    return Chosen(claim, verdict, _where(blocks.values()), once(map(key_of, blocks)), indicative)


def _rank(verdict: Verdict) -> tuple[int, int]:
    weight = 0 if verdict.word == "not assessed" else 1 if verdict.word in UNJUDGED else 2
    return weight, verdict.comparison.measured.n if verdict.comparison else 0


def _indicative(claim: Claim, sources: Sequence[Source]) -> Iterator[tuple[Indicative, Where]]:
    """For each body of indicative evidence, the result of the profile with most replicates."""
    for number, evidence in enumerate(claim.indicative):
        measured = [(source.verdicts[claim.id].indicative[number], source) for source in reversed(sources)]
        measured = [pair for pair in measured if pair[0].direction != "no measurements"]
        if measured:
            result, source = max(measured, key=lambda pair: pair[0].comparison.measured.n if pair[0].comparison else 0)
            yield result, _where(_blocks(source, evidence).values())


def _blocks(source: Source, evidence: Evidence) -> dict[str, Mapping[str, Any]]:
    """The blocks that the evidence reads, by name."""
    return {name: block for side in evidence.sides for name, block in source.blocks(side).items()}


def _where(blocks: Collection[Mapping[str, Any]]) -> Where:
    """Where blocks come from."""
    seconds = sum(block["clock"].get(name, 0.0) for block in blocks for name in ("duration_s", "scoring_s"))
    return Where(
        hardware=once(str(block["environment"].get("device", "")) for block in blocks),
        precision=once(str(block["precision"]) for block in blocks),
        hours=seconds / 3600 if seconds else None,
    )


def cells_of(evidence: Evidence | None, profiles: Iterable[Profile]) -> tuple[str, ...]:
    """Names of the trained cells that a body of evidence reads, of the last profile that has them all."""
    best: tuple[str, ...] = ()
    for profile in profiles:
        of_sides = [_trained_for(side, profile) for side in evidence.sides] if evidence else []
        if all(of_sides):
            best = once(chain(*of_sides)) or best
    return best


def _trained_for(selection: Selection, profile: Profile) -> list[str]:
    wanted = [(column, str(selection[column])) for column in IDENTITY if column in selection]
    cells = profile.scored.items()
    return [key for key, cell in cells if all(str(getattr(cell, column)) == value for column, value in wanted)]


def once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in texts if value))
