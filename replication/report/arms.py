"""Measurements inside the networks beside their controls: a panel a metric, a column an arm, a dot a seed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from replication.metrics.definitions.inside import INSIDE
from replication.metrics.definitions.latent import LATENT
from replication.metrics.definitions.memorisation import MEMORISATION
from replication.report.cells import grouped
from replication.report.drawing import SERIES, Drawn, canvas, quiet, save
from replication.report.limited_data import without_sweeps

METRICS = (*LATENT, *INSIDE, *MEMORISATION)  # of these an arm or a control is a metric variant
ACROSS = 3  # panels side by side
UNTRAINED = "untrained"


@dataclass(frozen=True)
class Arm:
    """Values [seeds] of one recipe under one metric variant, NaN where the run diverged."""

    recipe: str
    name: str
    values: np.ndarray
    untrained: bool


@dataclass(frozen=True)
class Panel:
    metric: str
    arms: tuple[Arm, ...]

    @property
    def columns(self) -> list[str]:
        """The names of the arms, once each."""
        return list(dict.fromkeys(arm.name for arm in self.arms))


def panels(rows: pd.DataFrame) -> list[Panel]:
    """What there is to draw of one paper and data set: each arm at its last step and, where measured, untrained."""
    found = []
    for metric in METRICS:
        of_metric = rows.loc[(rows["metric"] == metric) & (rows["class"] == "all")]
        if len(of_metric):
            found.append(Panel(metric, tuple(_arms(of_metric))))
    return found


def _arms(rows: pd.DataFrame) -> Iterable[Arm]:
    for (variant, model, recipe), group in grouped(rows, ["metric_variant", "model", "recipe"]):
        steps = sorted({int(step) for step in group["step"].tolist()})
        for step in sorted({steps[-1], steps[0]} if steps[0] == 0 else {steps[-1]}, reverse=True):
            untrained = step == 0 and steps[-1] > 0
            name = f"{variant} {UNTRAINED}".strip() if untrained else variant or "trained"
            values = group.loc[group["step"] == step].groupby("seed")["value"].mean()
            yield Arm(f"{model} {recipe}", name, values.to_numpy(dtype=float), untrained)


def draw_arms(table: pd.DataFrame, folder: Path) -> Iterable[Drawn]:
    """One figure for each paper and data set with such measurements."""
    for (paper, dataset), rows in grouped(without_sweeps(table), ["paper", "dataset"]):
        shown = panels(rows) if paper != "background" else []
        if not shown:
            continue
        recipes = sorted({arm.recipe for panel in shown for arm in panel.arms})
        name = f"arms-{paper}-{dataset}"
        _draw(shown, recipes, folder, name)
        metrics = ", ".join(panel.metric.replace("_", " ") for panel in shown)
        title = (
            f"Inside the networks, on {dataset}: a dot is a seed, a bar their mean; a column is an arm or its control, "
            "hollow where the network is untrained."
        )
        yield Drawn(name, "curves", paper, title, f"Strips of {metrics} on {dataset}, of {', '.join(recipes)}.", True)


def _draw(shown: list[Panel], recipes: list[str], folder: Path, name: str) -> None:
    across = min(ACROSS, len(shown))
    lines = math.ceil(len(shown) / across)
    head = 0.15 + 0.2 * math.ceil(len(recipes) / 3)
    height = 2.1 * lines + head
    with canvas(max(3.2 * across, 5.0), height) as figure:
        axes = figure.subplots(lines, across, squeeze=False).ravel()
        for panel, one in zip(shown, axes, strict=False):
            _draw_panel(one, panel, recipes)
        for spare in axes[len(shown) :]:
            spare.set_visible(False)
        handles = [
            axes[0].plot([], [], "o", color=SERIES[place % len(SERIES)], markersize=4, label=recipe)[0]
            for place, recipe in enumerate(recipes)
        ]
        figure.legend(handles=handles, loc="upper left", ncols=3, bbox_to_anchor=(0.0, 1.0))
        figure.tight_layout(rect=(0, 0, 1, 1 - head / height), h_pad=1.0, w_pad=0.8)
        save(figure, folder, name)


def _draw_panel(axes: Axes, panel: Panel, recipes: list[str]) -> None:
    quiet(axes)
    axes.set_title(panel.metric.replace("_", " "), fontsize=8)
    columns = panel.columns
    width = 0.7 / len(recipes)
    for arm in panel.arms:
        place = recipes.index(arm.recipe)
        colour = SERIES[place % len(SERIES)]
        centre = columns.index(arm.name) + (place - (len(recipes) - 1) / 2) * width
        offsets = np.linspace(-0.3, 0.3, len(arm.values)) * width if len(arm.values) > 1 else np.zeros(1)
        inside = "none" if arm.untrained else colour
        axes.plot(
            centre + offsets, arm.values, "o", color=colour, markerfacecolor=inside, markersize=3, markeredgewidth=0.7
        )
        if np.isfinite(arm.values).any():
            axes.hlines(np.nanmean(arm.values), centre - 0.4 * width, centre + 0.4 * width, color=colour, linewidth=1.6)
    # Names of arms are long: on two lines each, every other one lower, they do not touch.
    axes.set_xticks(range(len(columns)), [column.replace("-", "\n", 1) for column in columns], fontsize=6.5)
    axes.set_xlim(-0.6, len(columns) - 0.4)
