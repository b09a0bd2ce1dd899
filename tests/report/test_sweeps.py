"""Panels of the background's figures hold the rows that they should, and figures say how many runs there are."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from replication.report.sweep_figures import area_classes, area_sweeps, draw_sweeps, learning_panels, width_panels
from replication.table.measurements import Measurement, to_table

ROW = Measurement("cpu", "background", "pca", "latent-2", "paper", "digits", "full", 100, 0, 0, "auc", 0.5, 50)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rows = []
    classifiers = ("naive-bayes", "logistic-regression")
    for dataset, model, size, split in product(("iris", "wine"), classifiers, (4, 32), (0, 1, 2)):
        curve = replace(ROW, model=model, recipe="ng-jordan", dataset=dataset, n_train=size, metric="accuracy")
        rows.append(replace(curve, value=0.5 + size / 100 + split / 50, replicate=split, replicate_kind="split"))
    crossing = {"model": "logistic-regression", "recipe": "ng-jordan", "dataset": "wine", "n_train": 32}
    rows.append(replace(ROW, **crossing, metric="crossing_size", value=32.0, replicate_kind="dataset"))
    sizes = (("few", 20), ("full", 100))
    for (split, count), model, width, seed in product(sizes, ("autoencoder", "pca"), (16, 2), (0, 1)):
        value = 0.0 if (model, width) == ("pca", 16) else 1 / width + seed / 100
        error = replace(ROW, model=model, recipe=f"latent-{width}", split=split, n_train=count, seed=seed)
        error = replace(error, metric="reconstruction_error", value=value)
        rows += [replace(error, metric_variant=images) for images in ("held-out", "training")]
    for name, seed in product(("10", "2", "all"), (0, 1)):
        rows.append(replace(ROW, class_=name, seed=seed, value=0.6 + seed / 10, metric_variant="latent-density"))
    return to_table(rows)


def test_learning_curves_are_by_split_and_marked_where_they_cross(table: pd.DataFrame) -> None:
    (iris, wine) = learning_panels(table)["ng-jordan"]
    assert (iris.title, iris.mark, wine.title, wine.mark) == ("iris", None, "wine", 32.0)
    one = wine.sweeps[0]
    assert one.names == ("logistic-regression",) and one.positions.tolist() == [4, 32]
    assert one.values == pytest.approx(np.array([[0.54, 0.82], [0.56, 0.84], [0.58, 0.86]]))


def test_widths_are_numbers_and_the_largest_training_set_comes_first(table: pd.DataFrame) -> None:
    full, few = width_panels(table)
    assert (full.title, few.title) == ("digits, 100 training images", "digits, 20 training images")
    assert [sweep.names for sweep in full.sweeps[:2]] == [("autoencoder", "held-out"), ("autoencoder", "training")]
    assert full.sweeps[0].positions.tolist() == [2, 16]
    assert full.sweeps[0].values == pytest.approx(np.array([[0.5, 0.0625], [0.51, 0.0725]]))


def test_areas_end_with_the_mean_over_the_classes(table: pd.DataFrame) -> None:
    classes = area_classes(table)
    assert classes == ["10", "2", "all"]
    (sweep,) = area_sweeps(table, classes)
    assert sweep.positions.tolist() == [0, 1, 2] and sweep.values.tolist() == [[0.6] * 3, [0.7] * 3]


@pytest.mark.slow
def test_figures_say_how_many_runs(table: pd.DataFrame, tmp_path: Path) -> None:
    drawn = list(draw_sweeps(table, tmp_path))
    counts = {"learning-curves": "n = 3 random splits", "latent-dimension": "n = 2 seeds", "outliers": "n = 2 seeds"}
    assert [figure.name for figure in drawn] == list(counts)
    assert all(counts[figure.name] in figure.title for figure in drawn)
    assert all((tmp_path / file).is_file() for figure in drawn for file in figure.files)
