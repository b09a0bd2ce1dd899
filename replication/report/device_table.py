"""Cells that were run on a processor and on a GPU: do the two agree?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from replication.report.score_tables import NAMES, TABLES, VARIANT, heading, last_values, mean_of
from replication.report.wording import with_interval
from replication.table.grids import NONE, Grid
from replication.verdicts.statistics.intervals import welch_estimate

TITLE = "The same cells on a processor and on a GPU"
NOTE = (
    "Mean ± standard deviation (n seeds), last step, and GPU − processor with its 90 % Welch interval. On another "
    "device a seed draws other numbers, so its two trainings are independent."
)
METRICS = [metric for _, metrics, _ in TABLES for metric in metrics]


def device_tables(table: pd.DataFrame) -> tuple[Grid, ...]:
    """A line for each score of a cell that rows of two devices have; no table where no cell has such rows."""
    chosen = table["metric"].isin(METRICS) & (table["class"] == "all")
    parts = (table.loc[chosen & (table["device"] == device)] for device in ("cpu", "cuda"))
    on_cpu, on_gpu = (last_values(rows, [*NAMES, "dataset", *VARIANT]) for rows in parts)
    lines = []
    for key in filter(on_gpu.__contains__, on_cpu):
        (model, recipe, variant, split, _, dataset, metric, kind), cpu, gpu = map(str, key), on_cpu[key], on_gpu[key]
        name = f"{model} {recipe} ({variant}), {dataset} {split}"
        lines.append((name, heading(metric, kind), mean_of(cpu), mean_of(gpu), _difference(gpu, cpu)))
    return (Grid(TITLE, NOTE, ("cell", "score", "processor", "GPU", "difference"), tuple(lines)),) if lines else ()


def _difference(first: np.ndarray, second: np.ndarray) -> str:
    """Mean of one minus mean of the other and its interval; a dash where a side has a single value, or one diverged."""
    if min(len(first), len(second)) < 2 or not np.isfinite([*first, *second]).all():
        return NONE
    estimate = welch_estimate(first, second)
    return with_interval(float(estimate.difference), *map(float, estimate.interval()))
