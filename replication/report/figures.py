"""Every figure of a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd

from replication.report.arms import draw_arms
from replication.report.cells import ScoredCell
from replication.report.curves import draw_curves
from replication.report.forest import draw_forest
from replication.report.limited_figures import draw_limited
from replication.report.provenance import Drawn
from replication.report.samples import draw_samples
from replication.report.sweep_figures import draw_sweeps
from replication.table.validation import distinct
from replication.verdicts.claims import Claim
from replication.verdicts.verdict import Verdict

Task = tuple[Callable[..., Iterable[Drawn]], Any]  # what draws some figures, and all that it takes but the folder


def draw(
    cells: Sequence[ScoredCell],
    table: pd.DataFrame,
    claims: Sequence[Claim],
    verdicts: Sequence[Verdict],
    folder: Path,
    processes: int = 1,
) -> list[Drawn]:
    """Draw all figures into `folder`, in so many processes; returns them in the order of the page."""
    papers = distinct(table, "paper")
    tasks: list[Task] = [
        *((draw_curves, table.loc[table["paper"] == paper]) for paper in papers),
        (draw_arms, table),
        (draw_limited, table),
        (draw_sweeps, table),
        (draw_samples, cells),
    ]
    drawn = [figure for group in _side_by_side(tasks, folder, processes) for figure in group]
    return [*draw_forest(claims, verdicts, folder), *drawn]


def _side_by_side(tasks: Sequence[Task], folder: Path, processes: int) -> list[list[Drawn]]:
    """The figures of each task: the first by other processes, and from the last on by this one, until they meet."""
    if processes < 2:
        return [_drawn(task, folder) for task in tasks]
    with ProcessPoolExecutor(processes - 1, get_context("spawn")) as others:
        handed = [others.submit(_drawn, task, folder) for task in tasks]
        here = {place: _drawn(tasks[place], folder) for place in reversed(range(len(tasks))) if handed[place].cancel()}
        return [here[place] if place in here else future.result() for place, future in enumerate(handed)]


def _drawn(task: Task, folder: Path) -> list[Drawn]:
    function, what = task
    return list(function(what, folder))
