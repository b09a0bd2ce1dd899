"""Cells that were run on a processor and on a GPU: do the two agree?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from replication.report.cells import grouped
from replication.report.score_tables import NAMES, TABLES, heading, mean_of
from replication.report.wording import decimals_of
from replication.table.grids import NONE, Grid, number
from replication.table.validation import distinct
from replication.verdicts.statistics.intervals import welch_estimate

TITLE = "The same cells on a processor and on a GPU"
NOTE = (
    "Mean ± standard deviation (n seeds), last step, and GPU − processor with its 90 % Welch interval. On another "
    "device a seed draws other numbers, so its two trainings are independent."
)
METRICS = [metric for _, metrics, _ in TABLES for metric in metrics]


def device_tables(table: pd.DataFrame) -> tuple[Grid, ...]:
    """A line for each score of a cell that rows of two devices have; no table where no cell has such rows."""
    if len(distinct(table, "device")) < 2:
        return ()
    rows = table.loc[table["metric"].isin(METRICS) & (table["class"] == "all")]
    lines = []
    for (model, recipe, variant, split, _, dataset, metric, kind), group in grouped(
        rows, [*NAMES, "dataset", "metric", "metric_variant"]
    ):
        end = group.loc[group["step"] == group["step"].max()]
        sides = dict(iter(end.groupby(end["device"].astype(str))))
        if len(sides) == 2:
            cpu, cuda = (sides[device].groupby("seed")["value"].mean().to_numpy() for device in ("cpu", "cuda"))
            name = f"{model} {recipe} ({variant}), {dataset} {split}"
            lines.append((name, heading(metric, kind), mean_of(cpu), mean_of(cuda), _difference(cuda, cpu)))
    return (Grid(TITLE, NOTE, ("cell", "score", "processor", "GPU", "difference"), tuple(lines)),) if lines else ()


def _difference(first: np.ndarray, second: np.ndarray) -> str:
    """Mean of one minus mean of the other and its interval; a dash where a side has a single value, or one diverged."""
    if min(len(first), len(second)) < 2 or not np.isfinite([*first, *second]).all():
        return NONE
    estimate = welch_estimate(first, second)
    low, high = (float(end) for end in estimate.interval())
    decimals = decimals_of((high - low) / 2)
    return f"{number(float(estimate.difference), decimals)} [{number(low, decimals)}, {number(high, decimals)}]"
