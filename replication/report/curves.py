"""Curves of every run: a panel for a metric, a colour for a recipe, a thin line for a seed, a thick one for all."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from replication.report.arms import METRICS as ARMS
from replication.report.cells import grouped
from replication.report.drawing import SERIES, canvas, finish
from replication.report.limited_data import without_sweeps
from replication.report.provenance import Drawn
from replication.table.definitions import METRICS

COLUMNS = 4
NAMED = ["model", "recipe", "variant"]
MANY = 10  # seeds, of more of which the thin lines are pixels, also in an SVG
Dashes = str | tuple[float, tuple[float, ...]]
DASHES: tuple[Dashes, ...] = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)), (0, (2, 2)))


@dataclass(frozen=True)
class Series:
    """Values [runs, T] at positions [T], NaN where a run diverged; a run is a seed, or a split of the data."""

    names: tuple[str, ...]  # such as model, recipe and variant
    positions: np.ndarray
    values: np.ndarray

    @property
    def label(self) -> str:
        """Such as "deligan toy (code)", of the three names of a recipe."""
        model, recipe, variant = self.names
        return f"{model} {recipe} ({variant})"


@dataclass(frozen=True)
class Panel:
    metric: str
    variant: str
    runs: tuple[Series, ...]


def panels(rows: pd.DataFrame) -> list[Panel]:
    """What there is to draw for one paper and dataset: metrics over all classes, draws within a seed averaged.

    A column of `diverged` that is 0 throughout says nothing that the tables do not, and is left out; so are metrics
    whose variants are arms, which have a figure of their own.
    """
    whole = rows.loc[rows["class"] == "all"]
    drawn = []
    for metric in METRICS:
        if metric in ARMS or metric == "probe_cost":
            continue
        of_metric = whole.loc[whole["metric"] == metric]
        if of_metric.empty or (metric == "diverged" and not of_metric["value"].to_numpy().any()):
            continue
        for (variant,), of_variant in grouped(of_metric, ["metric_variant"]):
            runs = series_of(of_variant, NAMED, "step", "seed")
            drawn.append(Panel(metric, variant, runs))
    return drawn


def series_of(rows: pd.DataFrame, names: list[str], position: str, run: str) -> tuple[Series, ...]:
    """The rows by some names in order, the values of a run at one position averaged."""
    series = []
    for key, group in grouped(rows, names):
        grid = pd.Series(group.groupby([run, position])["value"].mean()).unstack(position)
        series.append(Series(key, grid.columns.to_numpy(dtype=float), grid.to_numpy(dtype=float)))
    return tuple(series)


def draw_curves(table: pd.DataFrame, folder: Path) -> Iterable[Drawn]:
    """One figure for each paper and dataset measured; networks that their authors trained have no run to show."""
    trained = without_sweeps(table).loc[lambda rows: rows["model"] != "released"]
    for (paper, dataset), rows in grouped(trained, ["paper", "dataset"]):
        of_dataset = panels(rows)
        if paper == "background" or not of_dataset:
            continue
        labels = sorted(f"{model} {recipe} ({variant})" for (model, recipe, variant), _ in grouped(rows, NAMED))
        name = f"curves-{paper}-{dataset}"
        _draw(of_dataset, labels, folder, name)
        metrics = ", ".join(dict.fromkeys(panel.metric.replace("_", " ") for panel in of_dataset))
        yield Drawn(
            name=name,
            kind="curves",
            paper=paper,
            title=f"Every run on {dataset}: a thin line or dot is a seed, a thick one their median (mean of counts).",
            alt=f"Small multiples of {metrics} over the run on {dataset}, one line a seed, for {', '.join(labels)}.",
            vector=True,
        )


def _draw(of_dataset: list[Panel], labels: list[str], folder: Path, name: str) -> None:
    columns = min(COLUMNS, len(of_dataset))
    lines = math.ceil(len(of_dataset) / columns)
    width = max(2.45 * columns + 0.2, 5.0)
    across = max(1, min(4, int(width / (0.075 * max(map(len, labels)) + 0.55))))  # legend entries side by side
    head = 0.1 + 0.2 * math.ceil(len(labels) / across)
    with canvas(width, 1.75 * lines + head + 0.35) as figure:
        axes = figure.subplots(lines, columns, squeeze=False).ravel()
        for panel, panel_axes in zip(of_dataset, axes, strict=False):
            _draw_panel(panel_axes, panel, labels)
        handles = [
            axes[0].plot([], [], color=colour, linestyle=dashes, linewidth=1.9, label=label)[0]
            for label, colour, dashes in zip(labels, cycle(SERIES), cycle(DASHES), strict=False)
        ]
        finish(figure, handles, "x: share of the run", folder, name, across=across, head=head, foot=0.2)


def _draw_panel(axes: Axes, panel: Panel, labels: list[str]) -> None:
    title = panel.metric.replace("_", " ")
    axes.set_title(f"{title}\n{panel.variant}" if panel.variant else title, fontsize=8)
    counted = METRICS[panel.metric].unit in ("0/1", "modes")  # a median of these hides how many runs there are of each
    still = all(len(run.positions) == 1 for run in panel.runs)
    for position, run in enumerate(panel.runs):
        place = labels.index(run.label)
        if still:
            _strip(axes, run, position, SERIES[place % len(SERIES)], counted)
        else:
            _lines(axes, run, SERIES[place % len(SERIES)], DASHES[place % len(DASHES)], counted)
    if still:
        axes.set_xticks([])  # the legend's colours say which is which; names of arms are too long for a panel
        axes.set_xlim(-0.6, len(panel.runs) - 0.4)
    else:
        axes.set_xlim(0, 100)
        axes.set_xticks([0, 50, 100], ["0", "50", "100 %"])
    if METRICS[panel.metric].unit in ("0/1", "share") and panel.metric != "judge_share":
        axes.set_ylim(-0.04, 1.04)


def _strip(axes: Axes, run: Series, position: int, colour: str, counted: bool) -> None:
    centre = np.nanmean if counted else np.nanmedian
    values = run.values[:, 0]
    offsets = np.linspace(-0.16, 0.16, len(values)) if len(values) > 1 else np.zeros(1)
    axes.plot(position + offsets, values, "o", color=colour, markersize=2.6, alpha=0.7, markeredgewidth=0)
    if np.isfinite(values).any():
        axes.hlines(centre(values), position - 0.28, position + 0.28, color=colour, linewidth=1.8)


def _lines(axes: Axes, run: Series, colour: str, dashes: Dashes, counted: bool) -> None:
    if len(run.positions) == 1:  # a control beside runs that have a course
        axes.axhline(float(np.mean(run.values)), color=colour, linewidth=1.2, linestyle=dashes)
        return
    share = 100 * run.positions / run.positions.max()
    axes.plot(share, run.values.T, color=colour, linewidth=0.5, alpha=0.4, rasterized=len(run.values) > MANY)
    centre = np.nanmean if counted else np.nanmedian
    seen = np.isfinite(run.values).any(axis=0)
    middle = np.full(len(share), np.nan)
    middle[seen] = centre(run.values[:, seen], axis=0)
    axes.plot(share, middle, color=colour, linewidth=1.9, linestyle=dashes)
