"""Reads `benchmarks/*.yaml`: what each paper published, claimed and did, under the closed `benchmarks/schema.json`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from ruamel.yaml.constructor import DuplicateKeyError

from replication.config.strict import read_yaml, strict
from replication.foundation.errors import InputError
from replication.verdicts.claims import Claim, check_claim
from replication.verdicts.published import Benchmark, PublishedNumber
from replication.verdicts.schema_errors import place_of, sentence_of


def load_benchmarks(directory: Path = Path("benchmarks")) -> tuple[Benchmark, ...]:
    """Read every `*.yaml` in `directory` (not below it), the earliest paper first and `background` last.

    Raises:
        InputError: a file or the directory is missing, is not YAML, breaks the schema, repeats an identifier, or a
            claim lacks what its kind needs. The sentence names the file, the place, the value and the accepted ones.
    """
    if not directory.is_dir():
        raise InputError(f"There is no directory {directory}: run the command in the root of the repository.")
    schema = directory / "schema.json"
    if not schema.is_file():
        raise InputError(f"There is no {schema}: restore it from Git.")
    paths = sorted(directory.glob("*.yaml"))
    if not paths:
        raise InputError(f"{directory} holds no *.yaml: restore the benchmark files from Git.")
    validator = Draft202012Validator(json.loads(schema.read_text(encoding="utf-8")))
    benchmarks = [_read(path, validator) for path in paths]
    _check_identifiers(benchmarks)
    _check_readings(benchmarks)
    _check_links(benchmarks)
    return tuple(sorted(benchmarks, key=lambda one: (one.paper == "background", one.citation.year, one.paper)))


def claims_of(benchmarks: Iterable[Benchmark]) -> list[Claim]:
    """The claims of all files, in order."""
    return [claim for benchmark in benchmarks for claim in benchmark.claims]


def _read(path: Path, validator: Draft202012Validator) -> Benchmark:
    try:
        written = read_yaml(path)
    except InputError as error:
        cause = error.__cause__
        if not isinstance(cause, DuplicateKeyError):
            raise
        line = cause.problem_mark.line + 1 if cause.problem_mark else "?"
        raise InputError(f"{path}: line {line}: {str(cause.problem).split(' with value')[0]}; keep one.") from cause
    error = best_match(validator.iter_errors(written))
    if error is not None:
        raise InputError(f"{path}: {place_of(error, written)}: {sentence_of(error)}.")
    claims = tuple(
        strict(Claim, _claim(path.stem, claim), f"{path}: claims[{number}] ({claim['id']})")
        for number, claim in enumerate(written["claims"])
    )
    for number, claim in enumerate(claims):
        check_claim(claim, f"{path}: claims[{number}] ({claim.id})")
    rest = {
        "citation": written["citation"],
        "tables": [_table(table, f"{path}: tables[{n}] ({table['id']})") for n, table in enumerate(written["tables"])],
        "recipes": [_recipe(one, f"{path}: recipes[{n}]") for n, one in enumerate(written["recipes"])],
        "deviations": written["deviations"],
        "leading": written.get("leading", []),
    }
    return replace(strict(Benchmark, {"paper": path.stem, "claims": [], **rest}, str(path)), claims=claims)


def _claim(paper: str, written: dict[str, Any]) -> dict[str, Any]:
    """A claim as its dataclass has it: absent keys filled in, and `where` laid under both sides of the evidence."""
    absent = {
        "overlap": None,
        "margin": None,
        "margin_reason": "",
        "bound": None,
        "published": None,
        "evidence": None,
        "plan": None,
    }
    claim = {"paper": paper, **absent, "indicative": [], "not_assessed": "", "obstacle": "not run", **written}
    if claim["plan"]:
        unset = dict.fromkeys(("against_n", "sd", "against_sd", "effect", "share", "against_share"))
        claim["plan"] = {**unset, **claim["plan"]}
    if claim["published"]:
        claim["published"] = {"spread": None, "trainings": None, **claim["published"]}
    if claim["evidence"]:
        claim["evidence"] = _evidence(claim["evidence"])
    return {**claim, "indicative": [_evidence(one) for one in claim["indicative"]]}


def _evidence(written: dict[str, Any]) -> dict[str, Any]:
    where = written.get("where", {})
    return {
        "measured": {**where, **written["measured"]},
        "against": {**where, **written["against"]} if "against" in written else None,
        "paired": written.get("paired", False),
        "budget": written.get("budget"),
        "substitutes": written.get("substitutes", ""),
        "reversed_classes": written.get("reversed_classes", []),
    }


def _table(written: dict[str, Any], where: str) -> dict[str, Any]:
    """A table as its dataclass has it: columns completed from the table, rows held against the columns."""
    shared = {key: written[key] for key in ("dataset", "metric", "unit", "better", "spread_kind")}
    names = [column["name"] for column in written["columns"]]
    rows = []
    for row in written["rows"]:
        if list(row["columns"]) != names:
            raise InputError(f"{where}: row {row['name']!r} has columns {list(row['columns'])}; expected {names}.")
        numbers = {name: {"spread": None, "note": "", **number} for name, number in row["columns"].items()}
        rows.append({"name": row["name"], "trained": row.get("trained", False), "numbers": numbers})
    verified = all(number["verified"] for row in rows for number in row["numbers"].values())
    if verified != written["verified"]:
        raise InputError(f"{where}.verified: {written['verified']}, but its numbers say {verified}; make them agree.")
    rest = {key: value for key, value in written.items() if key != "scale"}
    columns = [_column({**shared, **column}, written.get("scale")) for column in written["columns"]]
    return {"note": "", **rest, "columns": columns, "rows": rows}


def _column(column: dict[str, Any], scale: float | None) -> dict[str, Any]:
    """A column with its own scale, that of its table, or the one that its unit has."""
    return {"scale": scale or (100.0 if column["unit"] == "%" else 1.0), **column}


def _recipe(written: dict[str, Any], where: str) -> dict[str, Any]:
    recipe = {"model": "", "recipe": "", **written}
    if bool(recipe["model"]) != bool(recipe["recipe"]):
        raise InputError(f"{where}: model and recipe name a recipe together; add the other or leave both out.")
    if not recipe["recipe"] and any(row["ours"] for row in recipe["rows"]):
        raise InputError(f"{where}: paths in ours need the recipe that they lie in; add model and recipe.")
    return recipe


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
        _check_value(number, scale, claims[name], where)


def _check_value(number: PublishedNumber, scale: float, claim: Claim, where: str) -> None:
    if number.side == "against" and (claim.evidence is None or claim.evidence.against is None):
        raise InputError(f"{where}: claim {claim.id} compares with nothing; remove side.")
    value = claim.published.value * scale if claim.kind == "value" and claim.published else number.value
    if number.value is not None and value is not None and not math.isclose(value, number.value, rel_tol=1e-9):
        raise InputError(f"{where}: the table says {number.value:g}, claim {claim.id} {value:g}; make them agree.")
