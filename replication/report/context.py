"""The one context of both pages: a pure function of the committed files of a report and of the benchmarks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from replication.benchmarks import Benchmark, claims_of
from replication.cell import OWN
from replication.claims import Claim
from replication.errors import InputError
from replication.measurements import each_seed_once, read_table, table_in
from replication.metrics.definitions import METRICS
from replication.power import planned
from replication.report.cells import IDENTITY, grouped, read_provenance
from replication.report.class_tables import class_tables
from replication.report.durations import durations
from replication.report.error_rates import error_rate_grid
from replication.report.papers import Grid, Paper, paper, unpublished
from replication.report.performance import Performance, performance
from replication.report.pictures import Figure, figure
from replication.report.score_tables import score_tables
from replication.report.scoreboard import Count, Row, counts, is_judged, rows
from replication.report.wording import NONE, SHAPES, number, seed_range, value_in_words
from replication.verdict_records import from_json
from replication.verdicts import Verdict

VERDICTS, PROVENANCE = "verdicts.json", "provenance.json"


@dataclass(frozen=True)
class Context:
    profile: str
    hardware: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    cells: Grid
    n_runs: int
    n_rows: int
    not_measured: tuple[str, ...]
    counts: tuple[tuple[str, tuple[Count, ...]], ...]  # adjusted words by origin
    claims: tuple[Row, ...]
    judged_runs: tuple[str, ...]
    check_runs: tuple[str, ...]
    forest: Figure | None
    papers: tuple[Paper, ...]
    score_tables: tuple[Grid, ...]
    metrics: Grid
    error_rates: Grid
    performance: Performance
    durations: Grid
    shapes: tuple[tuple[str, str, str], ...]  # word, symbol, meaning
    hashes: tuple[tuple[str, str], ...]

    def by_paper(self, shown: Sequence[Row]) -> list[tuple[str, list[Row]]]:
        """Rows under the papers they are of, in the order of the papers."""
        groups = [(one.key, [row for row in shown if row.paper == one.key]) for one in self.papers]
        return [group for group in groups if group[1]]

    @property
    def judged(self) -> tuple[Row, ...]:
        return tuple(row for row in self.claims if row.judged)

    @property
    def questions(self) -> tuple[Row, ...]:
        return tuple(row for row in self.claims if row.kind == "question")

    @property
    def not_assessed(self) -> tuple[Row, ...]:
        return tuple(row for row in self.claims if not row.judged and row.kind != "question")

    @property
    def indicative(self) -> tuple[Row, ...]:
        """Claims with evidence under a substitute protocol that this profile measured."""
        measured = (row for row in self.claims if any(one.direction != "no measurements" for one in row.indicative))
        return tuple(measured)


MEANINGS = {
    "replicated": "the interval lies within the margin (value), or wholly on the claim's side (every other kind)",
    "differs, better": "the interval lies wholly beyond the margin, on the better side of the published value",
    "no difference": "the interval lies within the largest negligible difference",
    "inconclusive": "the interval allows both; the reason says how many replicates would settle it",
    "underpowered": "fewer replicates than planned, too few to judge the claim; what they measured is shown",
    "not replicated": "the interval lies wholly beyond the margin on the worse side, or on the wrong side of the bound",
    "reversed": "the interval lies wholly on the other side of no difference",
    "answered": "a question: answered by what was measured, never scored",
    "not assessed": "not run, data closed, needs people, too costly or protocol differs: the reason says which",
}


def build_context(folder: Path, benchmarks: Sequence[Benchmark], error_rates: Path, speed: Path) -> Context:
    """Read a report's folder and say everything that its pages say; `speed` holds what was timed.

    Raises:
        InputError: a file of the folder is missing or broken, or its verdicts are not those of the benchmarks' claims.
    """
    measured, provenance = read_table(table_in(folder)), read_provenance(folder / PROVENANCE)
    table = each_seed_once(measured, provenance["device"])
    claims = claims_of(benchmarks)
    verdicts = _verdicts(folder / VERDICTS, claims)
    figures = [figure(record, folder) for record in provenance["figures"]]
    shown = rows(claims, verdicts, planned(claims))
    real, checks = _runs(table, claims, verdicts)
    environments = [cell["environment"] for cell in provenance["cells"].values()]
    return Context(
        profile=provenance["profile"],
        hardware=_distinct(environment.get("device", "") for environment in environments),
        versions=_versions(environments),
        cells=_cells(provenance, table),
        n_runs=sum(len(cell["seeds"]) for cell in provenance["cells"].values()),
        n_rows=len(measured),
        not_measured=tuple(provenance["not_measured"]),
        counts=counts(shown),
        claims=shown,
        judged_runs=real,
        check_runs=checks,
        forest=next((one for one in figures if one.kind == "forest"), None),
        papers=(
            *(paper(benchmark, shown, figures, provenance) for benchmark in benchmarks),
            *unpublished(benchmarks, figures, provenance),
        ),
        score_tables=(*score_tables(table), *class_tables(table)),
        metrics=_metrics(table),
        error_rates=error_rate_grid(error_rates),
        performance=performance(speed),
        durations=durations(provenance["cells"]),
        shapes=tuple((word, shape.symbol, MEANINGS[word]) for word, shape in SHAPES.items()),
        hashes=tuple((path, digest) for path, digest in provenance["files"].items() if "/" not in path),
    )


def _verdicts(path: Path, claims: Sequence[Claim]) -> tuple[Verdict, ...]:
    try:
        verdicts = from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} holds no verdicts ({error}): run `uv run dvc repro` to make it again.") from error
    difference = {verdict.claim for verdict in verdicts} ^ {claim.id for claim in claims}
    if difference:
        first = sorted(difference)[0]
        raise InputError(f"{path} and benchmarks/ have different claims (such as {first}): run `uv run dvc repro`.")
    return verdicts


def _runs(table: pd.DataFrame, claims: Sequence[Claim], verdicts: Sequence[Verdict]) -> tuple[tuple[str, ...], ...]:
    """Runs that a claim is judged by, and those of a paper's models that only check the pipeline."""
    judged = {verdict.claim: verdict for verdict in verdicts}
    selections = [
        side
        for claim in claims
        if claim.evidence is not None and is_judged(claim, judged[claim.id])
        for side in (claim.evidence.measured, claim.evidence.against)
        if side is not None
    ]
    real: dict[str, list[str]] = {}
    checks: dict[str, list[str]] = {}
    for identity, group in grouped(table, IDENTITY):
        run = dict(zip(IDENTITY, identity, strict=True))
        used = any(all(side.get(column, value) == value for column, value in run.items()) for side in selections)
        splits = group.loc[group["replicate_kind"] == "split", "replicate"].nunique()
        where = f"on {run['dataset']} ({run['split']}, n = {max(group['seed'].nunique(), splits)})"
        if not used and run["paper"] in ("background", OWN):
            continue  # part of a figure, a control or a reader's own run: it checks nothing of the pipeline
        name = f"{run['model']} {run['recipe']} ({run['variant']})"
        (real if used else checks).setdefault(where, []).append(name)
    return tuple(tuple(f"{where}: {', '.join(names)}" for where, names in places.items()) for places in (real, checks))


def _versions(environments: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    names = dict.fromkeys(name for environment in environments for name in environment if name != "device")
    return tuple(
        (name, ", ".join(_distinct(str(one[name]) for one in environments if name in one))) for name in sorted(names)
    )


def _distinct(values: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(value) for value in values if value))


def _cells(provenance: Mapping[str, Any], table: pd.DataFrame) -> Grid:
    rows = []
    for key, cell in provenance["cells"].items():
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


def _metrics(table: pd.DataFrame) -> Grid:
    """Definitions of the metrics that were measured."""
    measured = set(table["metric"])
    rows = tuple(
        (name.replace("_", " "), one.unit, one.better, "none" if one.worst is None else number(one.worst), one.protocol)
        for name, one in METRICS.items()
        if name in measured
    )
    note = (
        "A diverged run takes the metric's worst value and stays; where there is none, the claim cannot be replicated."
    )
    return Grid("Metrics", note, ("metric", "unit", "better", "worst", "protocol"), rows)
