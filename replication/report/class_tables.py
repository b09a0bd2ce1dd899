"""Tables of each class's modified score by the number of training images (DeLiGAN)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from replication.report.cells import grouped
from replication.report.limited_data import MODIFIED, PAPER, Panel, Point, size_panels
from replication.report.wording import decimals_of
from replication.table.grids import NONE, Grid, number


def class_tables(table: pd.DataFrame) -> tuple[Grid, ...]:
    """For each data set the modified score of every class by the number of images: mean [90 % interval] over seeds."""
    grids = []
    for (_, dataset), rows in grouped(table.loc[table["paper"] == PAPER], ["paper", "dataset"]):
        panels = size_panels(rows)
        modified = next((panel.metric for panel in panels if panel.metric in MODIFIED), "")
        shown = [panel for panel in panels if panel.metric == modified]
        if len(shown) > 1:
            header = ("images", "model", *("mean" if p.class_ == "all" else f"class {p.class_}" for p in shown))
            title = (
                f"{modified.replace('_', ' ').capitalize()} of each class by the number of training images, {dataset}"
            )
            note = (
                f"Mean [90 % t-interval] (n seeds) after {shown[0].step} updates; a class that has no samples has no "
                "score, a run that diverged the worst one."
            )
            grids.append(Grid(title, note, header, tuple(_rows(shown))))
    return tuple(grids)


def _rows(panels: list[Panel]) -> Iterable[tuple[str, ...]]:
    """A line for each number of images and model, a cell for each panel."""
    for at in sorted({point.at for line in panels[0].lines for point in line.points}):
        for line in panels[0].lines:
            found = [_point(panel, line.name, at) for panel in panels]
            if found[0] is not None:
                yield (str(at), line.name, *(NONE if point is None else _said(point) for point in found))


def _point(panel: Panel, name: str, at: int) -> Point | None:
    points = (point for line in panel.lines if line.name == name for point in line.points)
    return next((point for point in points if point.at == at), None)


def _said(point: Point) -> str:
    low, high = point.interval
    decimals = decimals_of((high - low) / 2) if np.isfinite(high - low) else 2
    ends = f" [{number(low, decimals)}, {number(high, decimals)}]" if np.isfinite(high - low) else ""
    return f"{number(point.mean, decimals)}{ends} ({len(point.values)})"
