"""From scored cells to a report's folder: measurements, verdicts, figures and provenance."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from replication.config.params import Params
from replication.foundation.atomic import atomic_directory
from replication.foundation.folders import files_below
from replication.foundation.provenance import sha256_file
from replication.report.cells import IDENTITY, ScoredCell, gather
from replication.report.sources import PROVENANCE, REPORTS, VERDICTS
from replication.table.measurements import each_seed_once, join_tables, read_table, table_in, table_to, write_table
from replication.verdicts.benchmarks import claims_of, load_benchmarks
from replication.verdicts.published import Benchmark
from replication.verdicts.records import to_json
from replication.verdicts.verdict import judge_all


def build_report(params: Params, profile: str, processes: int = 1) -> Path:
    """Join, judge and draw `reports/<profile>/`, figures in so many processes; it appears whole or not at all.

    Raises:
        InputError: a cell is missing or does not fit params.yaml, or a claim's selection is ambiguous.
    """
    from replication.report.figures import draw  # matplotlib: needed here alone, and slow to import

    cells, missing = gather(params.profiles[profile])
    benchmarks = load_benchmarks()
    claims = claims_of(benchmarks)
    with atomic_directory(REPORTS / profile) as folder:
        joined = join_tables((cell.table for cell in cells), "the scored cells")
        write_table(joined, table_to(folder, len(joined)))
        device, table = params.profiles[profile].device, read_table(table_in(folder))
        verdicts = judge_all(claims, table, device)
        table = each_seed_once(table, device)
        (folder / VERDICTS).write_text(to_json(verdicts), encoding="utf-8")
        (folder / "figures").mkdir()
        drawn = draw(cells, table, claims, verdicts, folder / "figures", processes)
        provenance = {
            "profile": profile,
            "device": device,
            "not_measured": missing,
            "cells": {scored.cell.name: _of_block(scored) for scored in cells},
            "recipes": _recipes(params, benchmarks),
            "figures": [asdict(figure) for figure in drawn],
        }
        provenance["files"] = {path.relative_to(folder).as_posix(): sha256_file(path) for path in files_below(folder)}
        written = json.dumps(provenance, indent=1, ensure_ascii=False, allow_nan=False)
        (folder / PROVENANCE).write_text(written + "\n", encoding="utf-8")
    return REPORTS / profile


def _of_block(scored: ScoredCell) -> dict[str, Any]:
    rows = scored.table.loc[:, [*IDENTITY]].drop_duplicates()
    measures = [dict(zip(IDENTITY, map(str, row), strict=True)) for row in rows.itertuples(index=False)]
    return {
        **{name: value for name, value in scored.provenance.items() if name != "files"},
        "measures": measures,  # an experiment's rows are not of the cell's own model and recipe
        "seeds": list(scored.cell.seed_numbers),
        "recorded": scored.recorded,
        "measurements_sha256": sha256_file(table_in(scored.folder)),
    }


def _recipes(params: Params, benchmarks: Iterable[Benchmark]) -> dict[str, dict[str, Any]]:
    """The variants of the recipes that stand beside published ones, resolved: those that a cell trains, if any does."""
    cells = [cell for profile in params.profiles.values() for cell in profile.scored.values()]
    planned = {(cell.model, cell.recipe, cell.variant) for cell in cells}
    resolved: dict[str, dict[str, Any]] = {}
    for published in (recipe for benchmark in benchmarks for recipe in benchmark.recipes):
        model, recipe = published.model, published.recipe
        written = params.recipes.get(model, {}).get(recipe)
        if written is not None:
            variants = [*written.get("variants", {"paper": {}})]
            variants = [name for name in variants if (model, recipe, name) in planned] or variants
            resolved[f"{model}.{recipe}"] = {name: asdict(params.recipe(model, recipe, name)) for name in variants}
    return resolved
