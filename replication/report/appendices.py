"""What stands closed at the end of the page: runs, versions, scores, metrics, error rates, speed, faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replication.foundation.errors import InputError
from replication.foundation.foreign import read_json
from replication.report.score_tables import class_tables, score_tables
from replication.report.sources import BENCHMARKS, Source, once
from replication.report.wording import seed_range, value_in_words
from replication.table.definitions import METRICS
from replication.table.grids import NONE, Grid, number
from replication.table.robustness import FOLDER as ROBUSTNESS
from replication.table.robustness import read_robustness
from replication.table.speed_tables import FOLDER as SPEED
from replication.table.speed_tables import Performance, performance
from replication.table.validation import distinct

ERROR_RATES = Path(__file__).with_name("error_rates.json")  # `verdicts.studies.simulation` writes them
RUNS = (
    "Seconds are those that a cell's commands recorded, for all its seeds together. Those of a resumed training are "
    "the sum of its calls, or of its last call alone where an older version trained it. Other work on the machine may "
    "have slowed them. Hashes are the first 12 digits of SHA-256. Clocks and hosts stand in provenance.json alone."
)


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
    runs: Grid
    hashes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Appendices:
    profiles: tuple[Appendix, ...]
    metrics: Grid
    error_rates: Grid
    performance: Performance
    robustness: tuple[Grid, ...]


def appendices(sources: Sequence[Source]) -> Appendices:
    """The appendices of all profiles, with what was timed, and what faults and fuzzing came to."""
    return Appendices(
        profiles=tuple(_appendix(source) for source in sources),
        metrics=_metrics({metric for source in sources for metric in distinct(source.table, "metric")}),
        error_rates=error_rate_grid(ERROR_RATES),
        performance=performance(BENCHMARKS / SPEED),
        robustness=read_robustness(BENCHMARKS / ROBUSTNESS),
    )


def _appendix(source: Source) -> Appendix:
    environments = [cell["environment"] for cell in source.cells.values()]
    return Appendix(
        profile=source.profile,
        n_runs=sum(len(cell["seeds"]) for cell in source.cells.values()),
        n_rows=source.rows,
        hardware=once(str(environment.get("device", "")) for environment in environments),
        versions=_versions(environments),
        not_measured=tuple(source.provenance["not_measured"]),
        scores=(*source.devices, *score_tables(source.table), *class_tables(source.table)),
        runs=runs(source.cells),
        hashes=tuple((path, digest) for path, digest in source.provenance["files"].items() if "/" not in path),
    )


def _versions(environments: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    names = dict.fromkeys(name for environment in environments for name in environment if name != "device")
    return tuple(
        (name, ", ".join(once(str(each[name]) for each in environments if name in each))) for name in sorted(names)
    )


def runs(cells: Mapping[str, Mapping[str, Any]]) -> Grid:
    """A row for each cell of a report's provenance, and the sums; a dash where something was not recorded."""
    rows, total, count = [], {"duration_s": 0.0, "scoring_s": 0.0}, 0
    for key, cell in cells.items():
        clock, where, data = cell["clock"], cell["environment"], cell["data_sha256"]
        total = {name: seconds + clock.get(name, 0.0) for name, seconds in total.items()}
        count += len(cell["seeds"])
        rows.append(
            (
                key,
                seed_range(cell["seeds"]),
                value_in_words(cell.get("updates")),
                ", ".join(str(seed) for seed in cell.get("diverged_seeds") or ()) or NONE,
                *(f"{clock[name]:.1f}" if name in clock else NONE for name in total),
                *(str(where.get(name, NONE)) for name in ("device", "threads")),
                *(cell[field][:12] for field in ("code_sha256", "params_sha256")),
                data[:12] if isinstance(data, str) else NONE,
                "another machine" if cell["recorded"] else "this pipeline",
            )
        )
    rows.append(("all", f"{count} in all", *[NONE] * 2, *(f"{seconds:.1f}" for seconds in total.values()), *[NONE] * 6))
    header = ("cell", "seeds", "updates", "diverged", "training or experiment, s", "scoring, s", "device", "threads")
    return Grid("Runs", RUNS, (*header, "code", "parameters", "data", "made by"), tuple(rows))


def _metrics(measured: set[str]) -> Grid:
    """Definitions of the metrics that were measured."""
    rows = tuple(
        (name.replace("_", " "), m.unit, m.better, "none" if m.worst is None else number(m.worst), m.protocol)
        for name, m in METRICS.items()
        if name in measured
    )
    note = (
        "A diverged run takes the metric's worst value and stays; where there is none, the claim cannot be replicated."
    )
    return Grid("Metrics", note, ("metric", "unit", "better", "worst", "protocol"), rows)


def error_rate_grid(path: Path) -> Grid:
    """One row a truth and a word that is wrong under it, one column a number of replicates."""
    try:
        written = read_json(path)
        rows: list[dict[str, Any]] = written["rows"]
        columns = sorted({_column(row) for row in rows})
        cells: dict[tuple[str, str, str], dict[tuple[int, int], str]] = {}
        for row in rows:
            line = cells.setdefault((row["kind"], row["truth"], row["word"]), {})
            line[_column(row)] = f"{100 * row['rate']:.1f} %"
        note = (
            f"Share of {written['studies']} simulated studies that give a wrong word; the nominal rate is "
            f"{100 * written['nominal']:g} %, chance explains up to {100 * written['largest_rate_by_chance']:.1f} %."
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        sentence = f"{path} holds no error rates ({error!r}): run `uv run python -m replication.verdicts simulation`."
        raise InputError(sentence) from error
    header = ("kind", "truth", "wrong word", *(f"n = {n}" if n == m else f"{n} against {m}" for n, m in columns))
    body = tuple((*key, *(line.get(column, NONE) for column in columns)) for key, line in cells.items())
    return Grid("Error rates of the rule", note, header, body)


def _column(row: Mapping[str, Any]) -> tuple[int, int]:
    """Replicates on both sides; the published trainings of a value stand in its truth."""
    other = row["against_n"]
    return row["n"], row["n"] if other is None or row["kind"] == "value" else other
