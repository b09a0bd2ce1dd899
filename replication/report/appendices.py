"""What stands closed at the end of the page: runs, versions, scores side by side, metrics, error rates, speed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replication.report.class_tables import class_tables
from replication.report.durations import durations
from replication.report.error_rates import error_rate_grid
from replication.report.score_tables import score_tables
from replication.report.sources import Source
from replication.report.wording import seed_range, value_in_words
from replication.table.definitions import METRICS
from replication.table.grids import NONE, Grid, number
from replication.table.speed_tables import Performance, performance


@dataclass(frozen=True)
class Appendix:
    """Of one profile: its scores side by side, blocks of seeds with their durations and hashes, and its files."""

    profile: str
    n_runs: int
    n_rows: int
    hardware: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    not_measured: tuple[str, ...]
    scores: tuple[Grid, ...]
    cells: Grid
    durations: Grid
    hashes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Appendices:
    profiles: tuple[Appendix, ...]
    metrics: Grid
    error_rates: Grid
    performance: Performance


def appendices(sources: Sequence[Source], error_rates: Path, speed: Path) -> Appendices:
    """The appendices of all profiles; `speed` holds what was timed."""
    return Appendices(
        profiles=tuple(_appendix(source) for source in sources),
        metrics=_metrics({metric for source in sources for metric in set(source.table["metric"])}),
        error_rates=error_rate_grid(error_rates),
        performance=performance(speed),
    )


def _appendix(source: Source) -> Appendix:
    environments = [cell["environment"] for cell in source.cells.values()]
    return Appendix(
        profile=source.profile,
        n_runs=sum(len(cell["seeds"]) for cell in source.cells.values()),
        n_rows=source.rows,
        hardware=_distinct(environment.get("device", "") for environment in environments),
        versions=_versions(environments),
        not_measured=tuple(source.provenance["not_measured"]),
        scores=(*score_tables(source.table), *class_tables(source.table)),
        cells=_cells(source.cells),
        durations=durations(source.cells),
        hashes=tuple((path, digest) for path, digest in source.provenance["files"].items() if "/" not in path),
    )


def _versions(environments: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    names = dict.fromkeys(name for environment in environments for name in environment if name != "device")
    return tuple(
        (name, ", ".join(_distinct(str(one[name]) for one in environments if name in one))) for name in sorted(names)
    )


def _distinct(values: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(value) for value in values if value))


def _cells(cells: Mapping[str, Mapping[str, Any]]) -> Grid:
    rows = []
    for key, cell in cells.items():
        data = cell["data_sha256"]
        data = data if isinstance(data, str) else json.dumps(data, sort_keys=True)
        rows.append(
            (
                key,
                value_in_words(cell.get("updates")),
                seed_range(cell["seeds"]),
                ", ".join(str(seed) for seed in cell.get("diverged_seeds") or ()) or NONE,
                *(cell[field][:12] for field in ("code_sha256", "params_sha256")),
                data[:12] if "{" not in data else NONE,
                "another machine" if cell["recorded"] else "this pipeline",
            )
        )
    header = ("cell", "updates", "seeds", "diverged", "code", "parameters", "data", "made by")
    note = "Hashes are the first 12 digits of SHA-256. Clocks and hosts stand in provenance.json alone."
    return Grid("Runs", note, header, tuple(rows))


def _metrics(measured: set[str]) -> Grid:
    """Definitions of the metrics that were measured."""
    rows = tuple(
        (name.replace("_", " "), one.unit, one.better, "none" if one.worst is None else number(one.worst), one.protocol)
        for name, one in METRICS.items()
        if name in measured
    )
    note = (
        "A diverged run takes the metric's worst value and stays; where there is none, the claim cannot be replicated."
    )
    return Grid("Metrics", note, ("metric", "unit", "better", "worst", "protocol"), rows)
