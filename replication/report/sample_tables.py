"""A reader's samples beside the papers' models on the same data set: tables from the committed measurements."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from replication.cell import OWN
from replication.measurements import each_seed_once, read_table, table_in
from replication.metrics.definitions import METRICS
from replication.report.cells import grouped, read_provenance
from replication.report.papers import Grid
from replication.report.score_tables import heading, last_step
from replication.report.sources import PROVENANCE
from replication.report.wording import NONE

RUN = ["profile", "paper", "model", "recipe", "variant", "split", "n_train"]
WIDEST = 13  # characters of a column's heading
KINDS = (
    (
        "Under a judge, a small classifier of the data set: neither inception score nor FID",
        (
            "judge_accuracy",
            "judge_score",
            "modified_judge_score",
            "mode_coverage",
            "judge_frechet_distance",
            "judge_kernel_distance",
            "judge_precision",
            "judge_recall",
        ),
    ),
    (
        "Under the original Inception network",
        ("inception_score", "modified_inception_score", "fid", "kid", "precision", "recall", "transfer_head_accuracy"),
    ),
    (
        "In pixels: repetition, memorisation, spread",
        (
            "duplicate_rate",
            "memorisation_share",
            "nearest_training_distance",
            "sample_diversity",
            "colour_distance",
        ),
    ),
    ("1-NN that learns from labelled samples", ("test_error",)),
)


def committed_rows(measured: pd.DataFrame, reports: Path) -> pd.DataFrame:
    """Rows of the committed reports on the data set and by the metrics and judges of the rows `measured`."""
    tables = []
    for folder in sorted(path.parent for path in reports.glob(f"*/{PROVENANCE}")):
        if not table_in(folder).is_file():
            continue
        table = each_seed_once(read_table(table_in(folder)), read_provenance(folder / PROVENANCE)["device"])
        kept = table["dataset"].isin(list(measured["dataset"])) & table["metric"].isin(list(measured["metric"]))
        judges = ["", *measured["judge"]]
        tables.append(table.loc[kept & table["judge"].isin(judges) & (table["class"] == "all")])
    return pd.concat(tables, ignore_index=True) if tables else measured.iloc[:0]


def side_by_side(measured: pd.DataFrame, committed: pd.DataFrame) -> tuple[Grid, ...]:
    """One table for each kind of protocol that was measured: the samples first, then each run of the reports.

    A run's values are mean ± standard deviation (n seeds) at its last step.
    """
    whole = measured.loc[measured["class"] == "all"]
    grids = []
    for title, metrics in KINDS:
        columns = [(metric, variant) for metric in metrics for variant in _variants(whole, metric)]
        if not columns:
            continue
        rows = [row for table in (whole, committed) for row in _rows(table, columns)]
        header = ("samples or run", "n", *(heading(metric, variant) for metric, variant in columns))
        grids.append(Grid(title, "", header, tuple(rows)))
    return tuple(grids)


def as_text(grid: Grid) -> str:
    """A table in columns of characters, headings broken into words."""
    heads = [textwrap.wrap(name, WIDEST) for name in grid.header]
    depth = max(map(len, heads))
    lines = [[head[place - depth + len(head)] if place >= depth - len(head) else "" for head in heads]
             for place in range(depth)]  # fmt: skip
    body = [list(row) for row in grid.rows]
    widths = [max(len(line[place]) for line in lines + body) for place in range(len(grid.header))]
    aligned = [
        "  ".join(cell.ljust(width) if not place else cell.rjust(width)
                  for place, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip()
        for line in [*lines, ["-" * width for width in widths], *body]
    ]  # fmt: skip
    return "\n".join([grid.title, "", *aligned])


def _variants(rows: pd.DataFrame, metric: str) -> list[str]:
    assert metric in METRICS
    return sorted(set(rows.loc[rows["metric"] == metric, "metric_variant"].tolist()))


def _rows(table: pd.DataFrame, columns: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
    """A line for each run that has a value in some column."""
    lines = []
    for (profile, paper, model, recipe, variant, split, n_train), group in grouped(table, RUN):
        cells = [last_step(group, metric, of) for metric, of in columns]
        if all(cell == NONE for cell in cells):
            continue
        mine = paper == OWN and variant == OWN
        name = f"→ {model} {recipe}" if mine else f"{model} {recipe} ({variant}), {split} {n_train}, {profile}"
        counted = group.loc[group["metric"].isin([metric for metric, _ in columns if metric != "judge_accuracy"])]
        counts = sorted(set(counted["n_samples"].tolist()))
        lines.append((name, f"{counts[-1]}" if counts else NONE, *cells))
    return lines
