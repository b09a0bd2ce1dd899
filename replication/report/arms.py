"""Measurements inside the networks beside their controls: a panel a metric, a line an arm, a dot a seed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from replication.report.cells import grouped
from replication.report.drawing import SERIES, canvas, finish
from replication.report.limited_data import without_sweeps
from replication.report.provenance import Drawn
from replication.table.definitions.inside import INSIDE
from replication.table.definitions.latent import LATENT
from replication.table.definitions.memorisation import MEMORISATION

METRICS = (*LATENT, *INSIDE, *MEMORISATION)  # of these an arm or a control is a metric variant
ACROSS = 2  # panels side by side
LINE = 0.19  # inches of one recipe's dots
ARM = ["metric", "metric_variant", "model", "recipe"]


def arms(rows: pd.DataFrame) -> pd.DataFrame:
    """What there is to draw of one paper and data set: metric, arm, label, untrained, and the mean value of each seed.

    An arm stands at its last step and, where measured, untrained. Metrics come in the order of METRICS.
    """
    rows = rows.loc[rows["metric"].isin(METRICS) & (rows["class"] == "all")].astype(dict.fromkeys(ARM, str))
    last = pd.Series(rows.groupby(ARM)["step"].transform("max"))
    chosen = rows.assign(untrained=(rows["step"] == 0) & (last > 0)).loc[(rows["step"] == last) | (rows["step"] == 0)]
    values = chosen.groupby([*ARM, "untrained", "seed"], as_index=False)["value"].mean()
    return values.assign(
        order=values["metric"].map(METRICS.index),
        arm=values["metric_variant"].replace("", "–"),
        label=values["model"] + " " + values["recipe"],
    ).sort_values(["order", *ARM, "untrained", "seed"], kind="stable")


def draw_arms(table: pd.DataFrame, folder: Path) -> Iterable[Drawn]:
    """One figure for each paper and data set with such measurements."""
    for (paper, dataset), rows in grouped(without_sweeps(table), ["paper", "dataset"]):
        of_dataset = arms(rows)
        if paper == "background" or of_dataset.empty:
            continue
        panels = [panel for _, panel in of_dataset.groupby("order")]
        recipes, name = sorted(set(of_dataset["label"])), f"arms-{paper}-{dataset}"
        _draw(panels, recipes, folder, name)
        metrics = ", ".join(panel["metric"].iloc[0].replace("_", " ") for panel in panels)
        title = (
            f"Inside the networks, on {dataset}: a dot is a seed, a bar their mean; a line is an arm or a control, "
            "hollow where the network is untrained."
        )
        yield Drawn(name, "arms", paper, title, f"Strips of {metrics} on {dataset}, of {', '.join(recipes)}.", True)


def _kinds(panel: pd.DataFrame) -> list[tuple[str, bool]]:
    """What shares the space of an arm: recipes, trained and untrained."""
    return sorted(set(zip(panel["label"], panel["untrained"], strict=True)))


def _draw(panels: list[pd.DataFrame], recipes: list[str], folder: Path, name: str) -> None:
    across = min(ACROSS, len(panels))
    lines = [panels[start : start + across] for start in range(0, len(panels), across)]
    sizes = [[LINE * len(set(p["arm"])) * max(1.0, 0.75 * len(_kinds(p))) + 0.55 for p in line] for line in lines]
    heights = [max(line) for line in sizes]
    head = 0.15 + 0.2 * math.ceil(len(recipes) / 3)
    with canvas(4.8 * across, sum(heights) + head) as figure:
        grid = figure.subplots(len(lines), across, squeeze=False, gridspec_kw={"height_ratios": heights})
        for line, axes in zip(lines, grid, strict=True):
            for panel, panel_axes in zip(line, axes, strict=False):
                _draw_panel(panel_axes, panel, recipes)
        handles = [
            grid[0, 0].plot([], [], "o", color=colour, markersize=4, label=recipe)[0]
            for recipe, colour in zip(recipes, cycle(SERIES), strict=False)
        ]
        finish(figure, handles, "", folder, name, across=3, length=2.0, head=head, foot=0.0, pads=(0.8, 1.2))


def _draw_panel(axes: Axes, panel: pd.DataFrame, recipes: list[str]) -> None:
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.set_title(panel["metric"].iloc[0].replace("_", " "), fontsize=8)
    names, kinds = list(dict.fromkeys(panel["arm"])), _kinds(panel)
    pitch = 0.8 / len(kinds)
    for _, of_arm in panel.groupby(["arm", "label", "untrained"], sort=False):
        arm, label, untrained = (of_arm[column].iloc[0] for column in ("arm", "label", "untrained"))
        values, colour = of_arm["value"].to_numpy(), SERIES[recipes.index(label) % len(SERIES)]
        centre = names.index(arm) + (kinds.index((label, untrained)) - (len(kinds) - 1) / 2) * pitch
        inside = "none" if untrained else colour
        style = {"color": colour, "markerfacecolor": inside, "markersize": 3.2, "markeredgewidth": 0.7, "alpha": 0.8}
        axes.plot(values, np.full(len(values), centre), "o", **style)
        if np.isfinite(values).any():
            mean = float(np.nanmean(values))
            axes.vlines(mean, centre - 0.42 * pitch, centre + 0.42 * pitch, color=colour, linewidth=1.6)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set_ylim(len(names) - 0.45, -0.55)  # the first arm at the top
