"""From scored cells to a report's folder, and from its committed files to its pages again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from replication.atomic import atomic_directory
from replication.benchmarks import Benchmark, claims_of, load_benchmarks
from replication.measurements import each_seed_once, join_tables, read_table, table_in, table_to, write_table
from replication.params import Params, Profile
from replication.provenance import sha256_file
from replication.report.cells import RECORDED, SCORES, ScoredCell, gather
from replication.report.context import PROVENANCE, VERDICTS, Context, build_context
from replication.report.error_rates import PATH as ERROR_RATES
from replication.report.performance import FOLDER as SPEED
from replication.report.render import PAGES, render_page
from replication.verdict_records import to_json
from replication.verdicts import judge_all

REPORTS = Path("reports")
BENCHMARKS = Path("benchmarks")


def build_report(
    params: Params,
    profile: str,
    reports: Path = REPORTS,
    scores: Path = SCORES,
    benchmarks: Path = BENCHMARKS,
    processes: int = 1,
) -> Path:
    """Join, judge, draw and render `reports/<profile>/`, figures in so many processes; it appears whole or not at all.

    Raises:
        InputError: a cell is missing or does not fit params.yaml, or a claim's selection is ambiguous.
    """
    from replication.report.figures import draw  # matplotlib: needed here alone, and slow to import

    cells, missing = gather(params.profiles[profile], scores, reports / RECORDED.name)
    loaded = load_benchmarks(benchmarks)
    claims = claims_of(loaded)
    with atomic_directory(reports / profile) as folder:
        joined = join_tables((cell.table for cell in cells), "the scored cells")
        write_table(joined, table_to(folder, len(joined)))
        device, table = params.profiles[profile].device, read_table(table_in(folder))
        verdicts = judge_all(claims, table, device)
        table = each_seed_once(table, device)
        (folder / VERDICTS).write_text(to_json(verdicts), encoding="utf-8")
        (folder / "figures").mkdir()
        drawn = draw(cells, table, claims, verdicts, folder / "figures", processes)
        figures = [figure.record() for figure in drawn]
        merged = _merged(params.profiles[profile], cells, missing) | {
            "recipes": _recipes(params, loaded),
            "figures": figures,
        }
        _write_provenance(folder, merged)
        context = build_context(folder, loaded, ERROR_RATES, benchmarks / SPEED)
        for name in PAGES:
            (folder / name).write_text(render_page(name, context), encoding="utf-8")
    return reports / profile


def committed_context(folder: Path, benchmarks: Sequence[Benchmark]) -> Context:
    """The context of a report's folder, `reports/<profile>` beside `benchmarks`, as it stands."""
    return build_context(folder, benchmarks, ERROR_RATES, folder.parents[1] / BENCHMARKS / SPEED)


def committed_reports(params: Params, reports: Path = REPORTS) -> list[str]:
    """Profiles that have a report, in the order of params.yaml."""
    return [name for name in params.profiles if (reports / name / PROVENANCE).is_file()]


def _merged(profile: Profile, cells: Iterable[ScoredCell], missing: list[str]) -> dict[str, Any]:
    """Provenance of all blocks, by the names of their folders."""
    merged: dict[str, Any] = {"profile": profile.name, "device": profile.device, "not_measured": missing, "cells": {}}
    for scored in cells:
        merged["cells"][scored.cell.name] = {
            **scored.provenance,
            "seeds": list(scored.cell.seed_numbers),
            "recorded": scored.recorded,
            "measurements_sha256": sha256_file(table_in(scored.folder)),
        }
    return merged


def _recipes(params: Params, benchmarks: Iterable[Benchmark]) -> dict[str, dict[str, Any]]:
    """Every variant of the recipes that stand beside published ones, resolved: the pages read no params.yaml."""
    resolved: dict[str, dict[str, Any]] = {}
    for published in (recipe for benchmark in benchmarks for recipe in benchmark.recipes):
        model, recipe = published.model, published.recipe
        written = params.recipes.get(model, {}).get(recipe)
        if written is not None:
            variants = written.get("variants", {"paper": {}})
            resolved[f"{model}.{recipe}"] = {name: asdict(params.recipe(model, recipe, name)) for name in variants}
    return resolved


def _write_provenance(folder: Path, merged: dict[str, Any]) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    merged["files"] = {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}
    written = json.dumps(merged, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / PROVENANCE).write_text(written + "\n", encoding="utf-8")
