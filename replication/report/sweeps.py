"""What the background's figures show: accuracy over labels, errors over latent dimensions, outliers by class left out.

Pure: from rows of the table of measurements to panels, which `sweep_figures` draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from replication.report.cells import grouped


@dataclass(frozen=True)
class Sweep:
    """Values [runs, T] at positions [T]; a run is a split of the data or a seed."""

    names: tuple[str, ...]  # such as model and metric variant
    positions: np.ndarray
    values: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """[T] over the runs."""
        return self.values.mean(axis=0)


@dataclass(frozen=True)
class Panel:
    title: str
    sweeps: tuple[Sweep, ...]
    mark: float | None = None  # a position to point out


def learning_panels(rows: pd.DataFrame) -> dict[str, list[Panel]]:
    """By pair of classifiers a panel for each data set, marked at the size from which on the second stays ahead."""
    accuracies, crossings = _of(rows, "accuracy"), _of(rows, "crossing_size")
    marks = {
        (recipe, dataset): float(group["value"].to_numpy()[0])
        for (recipe, dataset), group in grouped(crossings, ["recipe", "dataset"])
    }
    found: dict[str, list[Panel]] = {}
    for (recipe, dataset), group in grouped(accuracies, ["recipe", "dataset"]):
        sweeps = _sweeps(group, ["model"], "n_train", "replicate")
        found.setdefault(recipe, []).append(Panel(dataset, sweeps, marks.get((recipe, dataset))))
    return found


def width_panels(rows: pd.DataFrame) -> list[Panel]:
    """A panel for each data set and split, the largest first; sweeps by model and by the images reconstructed."""
    errors = _of(rows, "reconstruction_error")
    errors = errors.assign(width=[int(recipe.rsplit("-", 1)[1]) for recipe in errors["recipe"]])
    groups = sorted(grouped(errors, ["dataset", "split"]), key=lambda one: (one[0][0], -one[1]["n_train"].max()))
    return [
        Panel(
            f"{dataset}, {group['n_train'].max()} training images",
            _sweeps(group, ["model", "metric_variant"], "width", "seed"),
        )
        for (dataset, _), group in groups
    ]


def area_classes(rows: pd.DataFrame) -> list[str]:
    """The classes left out, in order, and at the end "all", their mean."""
    return [*sorted(set(_of(rows, "auc")["class"]) - {"all"}), "all"]


def area_panel(rows: pd.DataFrame, classes: Sequence[str]) -> Panel:
    """Areas under the ROC curve by the class's place among `classes`; sweeps by model and score."""
    areas = _of(rows, "auc")
    areas = areas.assign(place=[classes.index(name) for name in areas["class"]])
    return Panel("", _sweeps(areas, ["model", "metric_variant"], "place", "seed"))


def _of(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    return rows.loc[rows["metric"] == metric]


def _sweeps(rows: pd.DataFrame, names: list[str], position: str, run: str) -> tuple[Sweep, ...]:
    sweeps = []
    for key, group in grouped(rows, names):
        grid = group.pivot_table(index=run, columns=position, values="value", aggfunc="mean", dropna=False)
        sweeps.append(Sweep(key, grid.columns.to_numpy(dtype=float), grid.to_numpy(dtype=float)))
    return tuple(sweeps)
