"""Reads `benchmarks/*.yaml`: what each paper published, claimed and did. An unknown key is an error.

`python -m replication.verdicts.benchmarks > benchmarks/schema.json` writes the schema of the files, for editors.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from replication.config.strict import read_yaml, strict
from replication.foundation.command import exit_clearly
from replication.foundation.errors import InputError
from replication.foundation.folders import entries_of
from replication.verdicts.claim_rules import check_claim
from replication.verdicts.claims import Claim
from replication.verdicts.published import Benchmark, PublishedNumber


class _Untitled(GenerateJsonSchema):
    """Leaves out titles that repeat the name of a key."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def schema() -> str:
    """The JSON schema of a file, as `benchmarks/schema.json` has it."""
    written = TypeAdapter(Benchmark).json_schema(schema_generator=_Untitled)
    return json.dumps({"$schema": _Untitled.schema_dialect, **written}, indent=1) + "\n"


def load_benchmarks(directory: Path = Path("benchmarks")) -> tuple[Benchmark, ...]:
    """Read every `*.yaml` in `directory` (not below it), the earliest paper first and `background` last.

    Raises:
        InputError: a file or the directory is missing, is not YAML, has a wrong key or value, repeats an identifier, or
            a claim lacks what its kind needs. The sentence names the file, the place, the value and the accepted ones.
    """
    if not directory.is_dir():
        raise InputError(f"There is no directory {directory}: run the command in the root of the repository.")
    paths = entries_of(directory, "*.yaml")
    if not paths:
        raise InputError(f"{directory} holds no *.yaml: restore the benchmark files from Git.")
    benchmarks = [_read(path) for path in paths]
    _check_identifiers(benchmarks)
    _check_readings(benchmarks)
    _check_links(benchmarks)
    return tuple(sorted(benchmarks, key=lambda paper: (paper.paper == "background", paper.citation.year, paper.paper)))


def claims_of(benchmarks: Iterable[Benchmark]) -> list[Claim]:
    """The claims of all files, in order."""
    return [claim for benchmark in benchmarks for claim in benchmark.claims]


def _read(path: Path) -> Benchmark:
    if not path.is_file():  # a pipe would be waited for
        raise InputError(f"{path} is no plain file: restore it from Git.")
    benchmark = strict(Benchmark, read_yaml(path), str(path))
    for number, claim in enumerate(benchmark.claims):
        check_claim(claim, f"{path}: claims[{number}] ({claim.id})")
    if any(entry.paper for entry in (benchmark, *benchmark.claims)):
        raise InputError(f"{path}: unknown key paper: the name of the file says it; leave it out.")
    claims = tuple(replace(claim, paper=path.stem) for claim in benchmark.claims)
    return replace(benchmark, paper=path.stem, claims=claims)


def _check_identifiers(benchmarks: list[Benchmark]) -> None:
    seen: dict[str, str] = {}
    for benchmark in benchmarks:
        for entry in (*benchmark.claims, *benchmark.tables, *benchmark.deviations):
            what = f"{benchmark.paper}.yaml ({type(entry).__name__})"
            if entry.id in seen:
                raise InputError(f"Identifier {entry.id!r} stands in {seen[entry.id]} and in {what}; rename one.")
            seen[entry.id] = what


def _check_readings(benchmarks: list[Benchmark]) -> None:
    """A reading is of one claim: a second claim that has it took it over from a merged mapping unawares."""
    seen: dict[str, str] = {}
    for claim in claims_of(benchmarks):
        if claim.reading and seen.setdefault(claim.reading, claim.id) != claim.id:
            raise InputError(f"Claims {seen[claim.reading]} and {claim.id} have the same reading; write one for each.")


def _check_links(benchmarks: list[Benchmark]) -> None:
    """Hold the claims that tables name, and the leading deviations, against what there is."""
    claims = {claim.id: claim for claim in claims_of(benchmarks)}
    for benchmark in benchmarks:
        unknown = sorted(set(benchmark.leading) - {deviation.id for deviation in benchmark.deviations})
        if unknown:
            raise InputError(f"{benchmark.paper}.yaml: leading names {unknown[0]!r}, which is no deviation; remove it.")
        for table, row, column, number in benchmark.numbers():
            where = f"{benchmark.paper}.yaml: {table.id}, {row.name}, {column.name}"
            _check_link(number, row.trained, column.scale, claims, where)


def _check_link(number: PublishedNumber, trained: bool, scale: float, claims: Mapping[str, Claim], where: str) -> None:
    if number.claim and number.why or number.why and not trained:
        raise InputError(f"{where}: why is for a number of the paper's own trainings that no claim measures.")
    for name in filter(None, (number.claim, number.released)):
        if name not in claims:
            raise InputError(f"{where}: claim {name!r} stands in no benchmark file; name one that does.")
        claim = claims[name]
        if number.side == "against" and (claim.evidence is None or claim.evidence.against is None):
            raise InputError(f"{where}: claim {name} compares with nothing; remove side.")
        value = claim.published.value * scale if claim.kind == "value" and claim.published else number.value
        if number.value is not None and value is not None and not math.isclose(value, number.value, rel_tol=1e-9):
            raise InputError(f"{where}: the table says {number.value:g}, claim {name} {value:g}; make them agree.")


if __name__ == "__main__":
    exit_clearly(lambda: print(schema(), end=""))
