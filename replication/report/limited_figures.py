"""Figures of DeLiGAN's readers' questions: scores over training images, updates and latent dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from replication.report.cells import grouped
from replication.report.drawing import SERIES, canvas, finish
from replication.report.limited_data import NAMES, PAPER, PRIORS, Line, Panel, course_panels, size_panels, toy_panels
from replication.report.provenance import Drawn

ACROSS = 5  # panels side by side
DOT = {"marker": "o", "linestyle": "none", "markersize": 2.4, "alpha": 0.6, "markeredgewidth": 0}
DIVERGED = "A run that diverged counts with the metric's worst value."


def draw_limited(table: pd.DataFrame, folder: Path) -> Iterable[Drawn]:
    """The figures for which the table has rows, of each data set."""
    for (dataset,), rows in grouped(table.loc[table["paper"] == PAPER], ["dataset"]):
        kinds: list[tuple[str, Callable[..., tuple[str, str]], Sequence[Any]]] = [
            ("limited-data", _sizes, size_panels(rows)),
            ("limited-course", _courses, list(course_panels(rows).items())),
            ("latent-sweep", _latents, toy_panels(rows)),
        ]
        for kind, draw, panels in kinds:
            if panels:
                name = f"{kind}-{dataset}"
                yield Drawn(name, "curves", PAPER, *draw(panels, dataset, folder, name), True)


def _sizes(panels: Sequence[Panel], dataset: str, folder: Path, name: str) -> tuple[str, str]:
    whole = [panel for panel in panels if panel.class_ == "all"]
    parts = [panel for panel in panels if panel.class_ != "all"]
    across = max(len(whole), min(ACROSS, len(parts)))
    lines = 1 + math.ceil(len(parts) / across)
    with canvas(max(2.0 * across, 5.0), 1.75 * lines + 0.5) as figure:
        axes = figure.subplots(lines, across, squeeze=False)
        first_line = (*whole, *[None] * (across - len(whole)))
        for panel_axes, panel in zip(axes.ravel(), (*first_line, *parts), strict=False):
            if panel is not None:
                of = "" if panel.class_ == "all" else f"\nclass {panel.class_}"
                panel_axes.set_title(f"{_words(panel.metric)}{of}", fontsize=8)
                _curves(panel_axes, panel.lines, NAMES, 1.04)
                _axis(panel_axes, panel.places)
        _finish(figure, NAMES, panels, "x: training images", folder, name)
    steps = sorted({panel.step for panel in panels})
    title = (
        f"Scores over the number of training images, {dataset}, after {' and '.join(map(str, steps))} updates: a dot "
        f"is a seed, a line their mean, a band its 90 % t-interval; a panel a class below. {DIVERGED}"
    )
    metrics = ", ".join(dict.fromkeys(_words(panel.metric) for panel in panels))
    return title, f"Curves of {metrics} over the number of training images of {dataset}, overall and class by class."


def _courses(panels: Sequence[tuple[int, Panel]], dataset: str, folder: Path, name: str) -> tuple[str, str]:
    across = min(3, len(panels))
    lines = math.ceil(len(panels) / across)
    with canvas(max(3.2 * across, 5.0), 1.9 * lines + 0.5) as figure:
        axes = figure.subplots(lines, across, squeeze=False, sharey=True).ravel()
        for panel_axes, (size, panel) in zip(axes, panels, strict=False):
            panel_axes.set_title(f"{size} images", fontsize=8)
            _curves(panel_axes, panel.lines, NAMES)
            panel_axes.set_xticks(panel.places)
        _finish(figure, NAMES, [panel for _, panel in panels], "x: updates", folder, name)
    metric = _words(panels[0][1].metric)
    title = (
        f"{metric.capitalize()} over the run, a panel a number of training images of {dataset}: a dot is a seed, "
        f"a line their mean, a band its 90 % t-interval. {DIVERGED}"
    )
    sizes = ", ".join(str(size) for size, _ in panels)
    return title, f"Curves of {metric} over updates on {sizes} images of {dataset}."


def _latents(panels: Sequence[Panel], dataset: str, folder: Path, name: str) -> tuple[str, str]:
    with canvas(max(2.4 * len(panels), 5.0), 2.4) as figure:
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for panel_axes, panel in zip(axes, panels, strict=True):
            panel_axes.set_title(_words(panel.metric), fontsize=8)
            _curves(panel_axes, panel.lines, PRIORS, 1.06)
            panel_axes.set_xscale("log", base=2)
            panel_axes.set_xticks(panel.places, [str(place) for place in panel.places])
            panel_axes.minorticks_off()
        _finish(figure, PRIORS, panels, "x: latent dimensions", folder, name)
    seeds = sorted({len(point.values) for panel in panels for line in panel.lines for point in line.points})
    title = (
        f"Toy runs over the latent dimension and the prior, {dataset}, after {panels[0].step} updates, sampled as "
        f"trained: a dot is a seed ({' or '.join(map(str, seeds))} an arm), a line their mean, a band its 90 % "
        f"interval. {DIVERGED}"
    )
    metrics = ", ".join(_words(panel.metric) for panel in panels)
    return title, f"Curves of {metrics} over 1 to 8 latent dimensions for the priors {', '.join(PRIORS)}."


def _curves(axes: Axes, lines: Sequence[Line], names: Sequence[str], apart: float = 1.0) -> None:
    """Mean, band and dots of each line; on a logarithmic axis dots of one place stand a factor `apart`."""
    for order, line in enumerate(lines):
        colour = SERIES[names.index(line.name) % len(SERIES)]
        places = np.array([point.at for point in line.points], float)
        ends = np.array([point.interval for point in line.points])
        axes.fill_between(places, ends[:, 0], ends[:, 1], color=colour, alpha=0.16, linewidth=0)
        axes.plot(places, [point.mean for point in line.points], color=colour, linewidth=1.6)
        if len(line.points) == 1:  # neither a line nor a band would show
            axes.vlines(places, ends[:, 0], ends[:, 1], color=colour, linewidth=1.0)
            axes.plot(places, line.points[0].mean, "_", color=colour, markersize=9, markeredgewidth=1.6)
        shift = apart ** (order - (len(lines) - 1) / 2)
        for point in line.points:
            axes.plot(np.full(len(point.values), shift * point.at), point.values, color=colour, **DOT)


def _axis(axes: Axes, places: Sequence[int]) -> None:
    axes.set_xscale("log")
    axes.set_xticks(places, [f"{place:g}" if place < 10_000 else f"{place / 1000:g}k" for place in places], rotation=45)
    axes.minorticks_off()


def _words(metric: str) -> str:
    return metric.replace("_", " ")


def _finish(figure: Figure, names: Sequence[str], panels: Sequence[Panel], scale: str, folder: Path, name: str) -> None:
    """One legend of the names drawn, what the x axis is, and the files."""
    drawn = {line.name for panel in panels for line in panel.lines}
    handles = [
        figure.axes[0].plot([], [], color=colour, linewidth=1.6, label=label)[0]
        for label, colour in zip(names, cycle(SERIES), strict=False)
        if label in drawn
    ]
    finish(figure, handles, scale, folder, name, across=5, length=2.0)
