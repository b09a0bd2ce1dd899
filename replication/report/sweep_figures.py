"""Figures of the background: a thin line or a dot for each split or seed, a thick line or a bar for their mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from replication.report.cells import grouped
from replication.report.curves import Dashes, Series, series_of
from replication.report.drawing import FAINT, SERIES, canvas, finish
from replication.report.provenance import Drawn

PAPER = "background"
IMAGES: dict[str, Dashes] = {"held-out": "-", "training": (0, (2, 1.5))}  # by the images that are reconstructed
EXACT = 1e-12  # errors below it are rounding, and a logarithmic axis has no place for them


@dataclass(frozen=True)
class Panel:
    title: str
    sweeps: tuple[Series, ...]
    mark: float | None = None  # a position to point out


def learning_panels(rows: pd.DataFrame) -> dict[str, list[Panel]]:
    """By pair of classifiers a panel for each data set, marked at the size from which on the second stays ahead."""
    accuracies, crossings = _of(rows, "accuracy"), _of(rows, "crossing_size")
    marks = {
        (recipe, dataset): float(group["value"].to_numpy()[0])
        for (recipe, dataset), group in grouped(crossings, ["recipe", "dataset"])
    }
    panels: dict[str, list[Panel]] = {}
    for (recipe, dataset), group in grouped(accuracies, ["recipe", "dataset"]):
        sweeps = series_of(group, ["model"], "n_train", "replicate")
        panels.setdefault(recipe, []).append(Panel(dataset, sweeps, marks.get((recipe, dataset))))
    return panels


def width_panels(rows: pd.DataFrame) -> list[Panel]:
    """A panel for each data set and split, the largest first; sweeps by model and by the images reconstructed."""
    errors = _of(rows, "reconstruction_error")
    errors = errors.assign(width=[int(recipe.rsplit("-", 1)[1]) for recipe in errors["recipe"]])
    groups = sorted(grouped(errors, ["dataset", "split"]), key=lambda pair: (pair[0][0], -pair[1]["n_train"].max()))
    return [
        Panel(
            f"{dataset}, {group['n_train'].max()} training images",
            series_of(group, ["model", "metric_variant"], "width", "seed"),
        )
        for (dataset, _), group in groups
    ]


def area_classes(rows: pd.DataFrame) -> list[str]:
    """The classes left out, in order, and at the end "all", their mean."""
    return [*sorted(set(_of(rows, "auc")["class"]) - {"all"}), "all"]


def area_sweeps(rows: pd.DataFrame, classes: Sequence[str]) -> tuple[Series, ...]:
    """Areas under the ROC curve by the class's place among `classes`; sweeps by model and score."""
    areas = _of(rows, "auc")
    areas = areas.assign(place=[classes.index(name) for name in areas["class"]])
    return series_of(areas, ["model", "metric_variant"], "place", "seed")


def _of(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    return rows.loc[rows["metric"] == metric]


def draw_sweeps(table: pd.DataFrame, folder: Path) -> Iterable[Drawn]:
    """Draw the figures for which the table has rows."""
    rows = table.loc[table["paper"] == PAPER]
    measured = set(rows["metric"])
    for metric, draw in (("accuracy", _learning), ("reconstruction_error", _widths), ("auc", _areas)):
        if metric in measured:
            yield draw(rows, folder)


def _learning(rows: pd.DataFrame, folder: Path) -> Drawn:
    pairs = learning_panels(rows)
    columns = max(map(len, pairs.values()))
    splits = len(next(iter(pairs.values()))[0].sweeps[0].values)
    with canvas(2.0 * columns + 0.3, 1.9 * len(pairs) + 0.5) as figure:
        axes = figure.subplots(len(pairs), columns, squeeze=False)
        for line, (pair, panels) in zip(axes, pairs.items(), strict=True):
            for panel_axes, panel in zip(line, panels, strict=False):
                panel_axes.set_title(f"{panel.title}\n{pair}", fontsize=8)
                panel_axes.set_xscale("log")
                for sweep, colour in zip(panel.sweeps, SERIES, strict=False):
                    _lines(panel_axes, sweep, colour, "-")
                if panel.mark is not None:
                    panel_axes.axvline(panel.mark, color=FAINT, linewidth=0.9, linestyle=(0, (1, 1.5)))
        _finish(figure, axes[0, 0], "x: labelled training examples; y: accuracy", folder, "learning-curves")
    title = (
        f"Accuracy on held-out examples over the number of labels: a thin line is one of n = {splits} random splits, a "
        "thick one their mean. A dotted line marks where logistic regression overtakes naive Bayes for good."
    )
    listed = "; ".join(f"{pair} on {', '.join(panel.title for panel in panels)}" for pair, panels in pairs.items())
    return _drawn("learning-curves", title, f"Learning curves of naive Bayes and logistic regression: {listed}.")


def _widths(rows: pd.DataFrame, folder: Path) -> Drawn:
    panels = width_panels(rows)
    seeds = len(panels[0].sweeps[0].values)
    with canvas(3.7 * len(panels) + 0.3, 3.1) as figure:
        axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
        for panel_axes, panel in zip(axes, panels, strict=True):
            panel_axes.set_title(panel.title, fontsize=8)
            panel_axes.set_xscale("log", base=2)
            panel_axes.set_yscale("log")
            models = sorted({sweep.names[0] for sweep in panel.sweeps})
            for sweep in panel.sweeps:
                model, images = sweep.names
                _lines(panel_axes, sweep, SERIES[models.index(model)], IMAGES.get(images, "-"))
            widths = sorted({width for sweep in panel.sweeps for width in sweep.positions.tolist()})
            panel_axes.set_xticks(widths, [f"{width:g}" for width in widths])
            panel_axes.minorticks_off()
        _finish(figure, axes[0], "x: latent dimensions; y: squared error a pixel", folder, "latent-dimension")
    title = (
        f"Error of reconstruction over the latent dimensions: a thin line is one of n = {seeds} seeds, a thick one "
        "their mean. PCA draws nothing at random; as wide as the image it is exact, below any logarithmic axis."
    )
    listed = "; ".join(panel.title for panel in panels)
    return _drawn("latent-dimension", title, f"Reconstruction errors of PCA and an autoencoder: {listed}.")


def _areas(rows: pd.DataFrame, folder: Path) -> Drawn:
    classes = area_classes(rows)
    sweeps = area_sweeps(rows, classes)
    with canvas(9.4, 3.1) as figure:
        axes = figure.subplots()
        axes.axhline(0.5, color=FAINT, linewidth=0.8)
        for place, (sweep, colour) in enumerate(zip(sweeps, SERIES, strict=False)):
            centres = sweep.positions + 0.18 * (place - (len(sweeps) - 1) / 2)
            axes.plot(centres, sweep.values.T, "o", color=colour, markersize=2.6, alpha=0.7, markeredgewidth=0)
            label = ", ".join(sweep.names).replace("-", " ")
            means = sweep.values.mean(axis=0)
            axes.hlines(means, centres - 0.08, centres + 0.08, color=colour, linewidth=1.8, label=label)
        axes.set_xticks(range(len(classes)), [*classes[:-1], "mean"])
        _finish(figure, axes, "x: class left out; y: area under ROC", folder, "outliers")
    title = (
        "Area under the ROC curve that tells the class left out of training from the others, among held-out images: a "
        f"dot is one of n = {len(sweeps[0].values)} seeds, a bar their mean. PCA draws nothing at random."
    )
    listed = "; ".join(", ".join(sweep.names) for sweep in sweeps)
    return _drawn("outliers", title, f"Areas under the ROC curve by the class left out, for {listed}.")


def _lines(axes: Axes, sweep: Series, colour: str, dashes: Dashes) -> None:
    positive = np.where(sweep.values > EXACT, sweep.values, np.nan)
    axes.plot(sweep.positions, positive.T, color=colour, linewidth=0.5, alpha=0.35, linestyle=dashes)
    label = ", ".join(sweep.names).replace("-", " ")
    axes.plot(sweep.positions, positive.mean(axis=0), color=colour, linewidth=1.9, linestyle=dashes, label=label)


def _finish(figure: Figure, legend_of: Axes, scales: str, folder: Path, name: str) -> None:
    """One legend, what the axes are, and the files."""
    finish(figure, legend_of.get_legend_handles_labels()[0], scales, folder, name, across=4)


def _drawn(name: str, title: str, alt: str) -> Drawn:
    return Drawn(name=name, kind="curves", paper=PAPER, title=title, alt=alt, vector=True)
