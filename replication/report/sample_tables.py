"""A reader's samples beside the papers' models on the same data set: tables from the committed measurements."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from itertools import zip_longest

import pandas as pd

from replication.config.cell import OWN
from replication.foundation.folders import entries_of
from replication.report.cells import grouped
from replication.report.provenance import read_report
from replication.report.score_tables import heading, last_steps, variants_of
from replication.report.sources import PROVENANCE, REPORTS
from replication.table.grids import NONE, Grid
from replication.table.measurements import each_seed_once, read_table, table_in

RUN = ["profile", "paper", "model", "recipe", "variant", "split", "n_train"]
WIDEST = 13  # characters of a column's heading
JUDGED = "under a judge, a small classifier of the data set, so never called inception score or FID"
KINDS = (
    (f"Scores {JUDGED}", ("judge_accuracy", "judge_score", "modified_judge_score", "mode_coverage")),
    (f"Distances {JUDGED}", ("judge_frechet_distance", "judge_kernel_distance")),
    (f"Precision and recall {JUDGED}", ("judge_precision", "judge_recall")),
    (
        "Scores under the original Inception network",
        ("inception_score", "modified_inception_score", "transfer_head_accuracy"),
    ),
    ("Distances under the original Inception network", ("fid", "kid", "precision", "recall")),
    ("Repetition and spread in pixels", ("duplicate_rate", "sample_diversity", "colour_distance")),
    (
        "Memorisation in pixels, beside held-out images and a generator that memorises",
        ("memorisation_share", "nearest_training_distance"),
    ),
    ("1-NN that learns from labelled samples", ("test_error",)),
)


def committed_rows(measured: pd.DataFrame) -> pd.DataFrame:
    """Rows of the committed reports on the data set and by the metrics and judges of the rows `measured`."""
    tables = []
    for folder in entries_of(REPORTS):
        if not (folder / PROVENANCE).is_file() or not table_in(folder).is_file():
            continue
        table = each_seed_once(read_table(table_in(folder)), read_report(folder / PROVENANCE)["device"])
        same = table["dataset"].isin(list(measured["dataset"])) & table["metric"].isin(list(measured["metric"]))
        judges = ["", *measured["judge"]]
        tables.append(table.loc[same & table["judge"].isin(judges) & (table["class"] == "all")])
    return pd.concat(tables, ignore_index=True) if tables else measured.iloc[:0]


def side_by_side(measured: pd.DataFrame, committed: pd.DataFrame) -> tuple[Grid, ...]:
    """One table for each kind of protocol that was measured: the samples first, then each run of the reports.

    A run's values are mean ± standard deviation over its seeds at its last step.
    """
    whole = measured.loc[measured["class"] == "all"]
    grids = []
    for title, metrics in KINDS:
        columns = [column for metric in metrics for column in variants_of(whole, metric)]
        if columns:
            rows = [row for table in (whole, committed) for row in _rows(table, columns)]
            once: dict[tuple[str, ...], tuple[str, ...]] = {}
            for row in rows:  # a run that two profiles have measured alike stands there once
                once.setdefault((row[0].rpartition(", ")[0] or row[0], *row[1:]), row)
            header = ("samples or run", "n", "seeds", *(heading(metric, variant) for metric, variant in columns))
            grids.append(Grid(title, "", header, tuple(once.values())))
    return tuple(grids)


def as_text(grid: Grid) -> str:
    """A table in columns of characters, headings broken into words."""
    heads = [*zip_longest(*(textwrap.wrap(name, WIDEST)[::-1] for name in grid.header), fillvalue="")][::-1]
    table = pd.DataFrame([*heads, [""] * len(grid.header), *grid.rows])
    table[0] = table[0].str.ljust(table[0].str.len().max())
    return f"{grid.title}\n\n{textwrap.dedent((' ' + table).to_string(header=False, index=False))}"


def _rows(table: pd.DataFrame, columns: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
    """A line for each run that has a value in some column: its name, samples of a seed, seeds, values."""
    lines = []
    for (profile, paper, model, recipe, variant, split, n_train), group in grouped(table, RUN):
        measured = {key[-2:]: cell for key, cell in last_steps(group).items()}
        cells = [measured.get(column, NONE) for column in columns]
        if all(cell == NONE for cell in cells):
            continue
        mine = paper == OWN and variant == OWN
        name = f"→ {model} {recipe}" if mine else f"{model} {recipe} ({variant}), {split} {n_train}, {profile}"
        of_kind = group.loc[group["metric"].isin([metric for metric, _ in columns if metric != "judge_accuracy"])]
        seeds = str(group["seed"].nunique())
        lines.append((name, str(of_kind["n_samples"].max()), seeds, *(_shortened(cell, seeds) for cell in cells)))
    return lines


def _shortened(cell: str, seeds: str) -> str:
    """Without the number of seeds where it is the line's, and without a spread of nothing but rounding."""
    alone = cell.removesuffix(f" ({seeds})")
    return re.sub(r"^(-?\d+\.\d*?)0* ± 0\.0*$", r"\1", alone)
