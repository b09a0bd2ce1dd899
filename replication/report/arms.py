"""Measurements inside the networks beside their controls: a panel a metric, a line an arm, a dot a seed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from replication.report.cells import grouped
from replication.report.drawing import RULE, SERIES, Drawn, canvas, save
from replication.report.limited_data import without_sweeps
from replication.table.definitions.inside import INSIDE
from replication.table.definitions.latent import LATENT
from replication.table.definitions.memorisation import MEMORISATION

METRICS = (*LATENT, *INSIDE, *MEMORISATION)  # of these an arm or a control is a metric variant
ACROSS = 2  # panels side by side
LINE = 0.19  # inches of one recipe's dots


@dataclass(frozen=True)
class Arm:
    """Values [seeds] of one recipe under one metric variant, NaN where the run diverged."""

    recipe: str
    name: str  # the metric variant
    values: np.ndarray
    untrained: bool


@dataclass(frozen=True)
class Panel:
    metric: str
    arms: tuple[Arm, ...]

    @property
    def names(self) -> list[str]:
        """The names of the arms, once each."""
        return list(dict.fromkeys(arm.name for arm in self.arms))

    @property
    def kinds(self) -> list[tuple[str, bool]]:
        """What shares the space of an arm: recipes, trained and untrained."""
        return sorted({(arm.recipe, arm.untrained) for arm in self.arms})

    @property
    def height(self) -> float:
        """Inches that the arms take."""
        return LINE * len(self.names) * max(1.0, 0.75 * len(self.kinds)) + 0.55


def panels(rows: pd.DataFrame) -> list[Panel]:
    """What there is to draw of one paper and data set: each arm at its last step and, where measured, untrained."""
    drawn = []
    for metric in METRICS:
        of_metric = rows.loc[(rows["metric"] == metric) & (rows["class"] == "all")]
        if len(of_metric):
            drawn.append(Panel(metric, tuple(_arms(of_metric))))
    return drawn


def _arms(rows: pd.DataFrame) -> Iterable[Arm]:
    for (variant, model, recipe), group in grouped(rows, ["metric_variant", "model", "recipe"]):
        steps = sorted({int(step) for step in group["step"].tolist()})
        for step in sorted({steps[-1], steps[0]} if steps[0] == 0 else {steps[-1]}, reverse=True):
            values = group.loc[group["step"] == step].groupby("seed")["value"].mean()
            yield Arm(f"{model} {recipe}", variant or "–", values.to_numpy(dtype=float), step == 0 and steps[-1] > 0)


def draw_arms(table: pd.DataFrame, folder: Path) -> Iterable[Drawn]:
    """One figure for each paper and data set with such measurements."""
    for (paper, dataset), rows in grouped(without_sweeps(table), ["paper", "dataset"]):
        of_dataset = panels(rows) if paper != "background" else []
        if not of_dataset:
            continue
        recipes = sorted({arm.recipe for panel in of_dataset for arm in panel.arms})
        name = f"arms-{paper}-{dataset}"
        _draw(of_dataset, recipes, folder, name)
        metrics = ", ".join(panel.metric.replace("_", " ") for panel in of_dataset)
        title = (
            f"Inside the networks, on {dataset}: a dot is a seed, a bar their mean; a line is an arm or a control, "
            "hollow where the network is untrained."
        )
        yield Drawn(name, "arms", paper, title, f"Strips of {metrics} on {dataset}, of {', '.join(recipes)}.", True)


def _draw(of_dataset: list[Panel], recipes: list[str], folder: Path, name: str) -> None:
    across = min(ACROSS, len(of_dataset))
    lines = [of_dataset[start : start + across] for start in range(0, len(of_dataset), across)]
    heights = [max(panel.height for panel in line) for line in lines]
    head = 0.15 + 0.2 * math.ceil(len(recipes) / 3)
    height = sum(heights) + head
    with canvas(4.8 * across, height) as figure:
        grid = figure.subplots(len(lines), across, squeeze=False, gridspec_kw={"height_ratios": heights})
        for line, axes in zip(lines, grid, strict=True):
            for panel, panel_axes in zip(line, axes, strict=False):
                _draw_panel(panel_axes, panel, recipes)
            for spare in axes[len(line) :]:
                spare.set_visible(False)
        handles = [
            grid[0, 0].plot([], [], "o", color=SERIES[place % len(SERIES)], markersize=4, label=recipe)[0]
            for place, recipe in enumerate(recipes)
        ]
        figure.legend(handles=handles, loc="upper left", ncols=3, bbox_to_anchor=(0.0, 1.0))
        figure.tight_layout(rect=(0, 0, 1, 1 - head / height), h_pad=0.8, w_pad=1.2)
        save(figure, folder, name)


def _draw_panel(axes: Axes, panel: Panel, recipes: list[str]) -> None:
    axes.grid(axis="x", color=RULE, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_title(panel.metric.replace("_", " "), fontsize=8)
    names, kinds = panel.names, panel.kinds
    pitch = 0.8 / len(kinds)
    for arm in panel.arms:
        colour = SERIES[recipes.index(arm.recipe) % len(SERIES)]
        place = kinds.index((arm.recipe, arm.untrained))
        centre = names.index(arm.name) + (place - (len(kinds) - 1) / 2) * pitch
        inside = "none" if arm.untrained else colour
        style = {"color": colour, "markerfacecolor": inside, "markersize": 3.2, "markeredgewidth": 0.7, "alpha": 0.8}
        axes.plot(arm.values, np.full(len(arm.values), centre), "o", **style)
        if np.isfinite(arm.values).any():
            mean = float(np.nanmean(arm.values))
            axes.vlines(mean, centre - 0.42 * pitch, centre + 0.42 * pitch, color=colour, linewidth=1.6)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set_ylim(len(names) - 0.45, -0.55)  # the first arm at the top
