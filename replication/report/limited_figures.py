"""Figures of DeLiGAN's readers' questions: scores over training images, draws of them, updates, latent dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from replication.report.cells import grouped
from replication.report.drawing import SERIES, Drawn, canvas, finish, quiet
from replication.report.limited_data import (
    NAMES,
    PAPER,
    PRIORS,
    Line,
    Panel,
    Point,
    Spread,
    course_panels,
    size_panels,
    spreads,
    toy_panels,
)

ACROSS = 5  # panels side by side
DOT = {"marker": "o", "linestyle": "none", "markersize": 2.4, "alpha": 0.6, "markeredgewidth": 0}
DIVERGED = "A run that diverged counts with the metric's worst value."


def draw_limited(table: pd.DataFrame, folder: Path) -> Iterable[Drawn]:
    """The figures for which the table has rows, of each data set."""
    for (_, dataset), rows in grouped(table.loc[table["paper"] == PAPER], ["paper", "dataset"]):
        kinds: list[tuple[str, Callable[..., tuple[str, str]], Sequence[Any]]] = [
            ("limited-data", _sizes, size_panels(rows)),
            ("limited-course", _courses, list(course_panels(rows).items())),
            ("limited-draws", _draws, list(spreads(rows).items())),
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
        for one, panel in zip(
            (*axes[0], *axes[1:].ravel()), (*whole, *[None] * (across - len(whole)), *parts), strict=False
        ):
            if panel is not None:
                of = "" if panel.class_ == "all" else f"\nclass {panel.class_}"
                one.set_title(f"{_words(panel.metric)}{of}", fontsize=8)
                _curves(one, panel.lines, NAMES, 1.04)
                _axis(one, panel.lines)
        _finish(figure, NAMES, _drawn_lines(panels), "x: training images", folder, name)
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
        for one, (size, panel) in zip(axes, panels, strict=False):
            one.set_title(f"{size} images", fontsize=8)
            _curves(one, panel.lines, NAMES)
            one.set_xticks(sorted({point.at for line in panel.lines for point in line.points}))
        _finish(figure, NAMES, _drawn_lines(panel for _, panel in panels), "x: updates", folder, name)
    metric = _words(panels[0][1].metric)
    title = (
        f"{metric.capitalize()} over the run, a panel a number of training images of {dataset}: a dot is a seed, "
        f"a line their mean, a band its 90 % t-interval. {DIVERGED}"
    )
    return (
        title,
        f"Curves of {metric} over updates on {', '.join(str(size) for size, _ in panels)} images of {dataset}.",
    )


def _draws(groups: Sequence[tuple[str, list[Spread]]], dataset: str, folder: Path, name: str) -> tuple[str, str]:
    sizes = sorted({spread.seeds.at for _, group in groups for spread in group})
    with canvas(max(2.3 * len(groups), 5.0), 2.3) as figure:
        axes = figure.subplots(1, len(groups), squeeze=False)[0]
        for one, (metric, group) in zip(axes, groups, strict=True):
            one.set_title(_words(metric), fontsize=8)
            for place, spread in enumerate(group):
                colour = SERIES[NAMES.index(spread.name) % len(SERIES)]
                for side, point in enumerate((spread.seeds, spread.splits)):
                    _strip(one, 2 * place + 0.8 * side, point, colour, side == 1)
            ticks = [2 * place + 0.8 * side for place in range(len(group)) for side in (0, 1)]
            one.set_xticks(ticks, ["seeds", "draws"] * len(group))
        _finish(figure, NAMES, {spread.name for _, group in groups for spread in group}, "", folder, name)
    spread = groups[0][1][0]
    title = (
        f"What differs from run to run on {' and '.join(map(str, sizes))} images of {dataset}: "
        f"{len(spread.seeds.values)} seeds on one draw of the images (filled), and one seed on "
        f"{len(spread.splits.values)} draws (hollow); a bar is the mean ± one standard deviation. {DIVERGED}"
    )
    return title, f"Strips of scores over seeds and over draws of training images of {dataset}."


def _latents(panels: Sequence[Panel], dataset: str, folder: Path, name: str) -> tuple[str, str]:
    with canvas(max(2.4 * len(panels), 5.0), 2.4) as figure:
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for one, panel in zip(axes, panels, strict=True):
            one.set_title(_words(panel.metric), fontsize=8)
            _curves(one, panel.lines, PRIORS, 1.06)
            places = sorted({point.at for line in panel.lines for point in line.points})
            one.set_xscale("log", base=2)
            one.set_xticks(places, [str(place) for place in places])
            one.minorticks_off()
        _finish(figure, PRIORS, _drawn_lines(panels), "x: latent dimensions", folder, name)
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


def _drawn_lines(panels: Iterable[Panel]) -> set[str]:
    return {line.name for panel in panels for line in panel.lines}


def _axis(axes: Axes, lines: Iterable[Line]) -> None:
    places = sorted({point.at for line in lines for point in line.points})
    axes.set_xscale("log")
    axes.set_xticks(places, [f"{place:g}" if place < 10_000 else f"{place / 1000:g}k" for place in places], rotation=45)
    axes.minorticks_off()


def _strip(axes: Axes, centre: float, point: Point, colour: str, hollow: bool) -> None:
    values = point.values
    offsets = np.linspace(-0.15, 0.15, len(values)) if len(values) > 1 else np.zeros(1)
    inside = "none" if hollow else colour
    axes.plot(centre + offsets, values, "o", color=colour, markerfacecolor=inside, markersize=3, markeredgewidth=0.7)
    kept = values[np.isfinite(values)]
    if len(kept) > 1:
        axes.errorbar(centre + 0.28, kept.mean(), kept.std(ddof=1), color=colour, capsize=2, linewidth=1.2, marker="_")


def _words(metric: str) -> str:
    return metric.replace("_", " ")


def _finish(figure: Figure, names: Sequence[str], drawn: set[str], scale: str, folder: Path, name: str) -> None:
    """Quiet grids, spare panels hidden, one legend of the names drawn, what the x axis is, and the files."""
    for one in figure.axes:
        one.set_visible(bool(one.get_title(loc="left")))
        quiet(one)
    shown = [(SERIES[place % len(SERIES)], label) for place, label in enumerate(names) if label in drawn]
    handles = [figure.axes[0].plot([], [], color=colour, linewidth=1.6, label=label)[0] for colour, label in shown]
    finish(figure, handles, scale, folder, name, across=5, length=2.0)
