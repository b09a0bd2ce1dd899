"""Panels of the background's figures hold the rows that they should, and figures say how many runs there are."""

from __future__ import annotations

from dataclasses import replace
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
    for dataset, model, size, split in (
        (d, m, n, s)
        for d in ("iris", "wine")
        for m in ("naive-bayes", "logistic-regression")
        for n in (4, 32)
        for s in (0, 1, 2)
    ):
        curve = replace(ROW, model=model, recipe="ng-jordan", dataset=dataset, n_train=size, metric="accuracy")
        rows.append(replace(curve, value=0.5 + size / 100 + split / 50, replicate=split, replicate_kind="split"))
    crossing = {"model": "logistic-regression", "recipe": "ng-jordan", "dataset": "wine", "n_train": 32}
    rows.append(replace(ROW, **crossing, metric="crossing_size", value=32.0, replicate_kind="dataset"))
    for split, count, model, width, seed in (
        (s, n, m, w, k)
        for s, n in (("few", 20), ("full", 100))
        for m in ("autoencoder", "pca")
        for w in (16, 2)
        for k in (0, 1)
    ):
        value = 0.0 if (model, width) == ("pca", 16) else 1 / width + seed / 100
        error = replace(ROW, model=model, recipe=f"latent-{width}", split=split, n_train=count, seed=seed)
        rows += [
            replace(error, metric="reconstruction_error", metric_variant=v, value=value)
            for v in ("held-out", "training")
        ]
    for name, seed in ((c, k) for c in ("10", "2", "all") for k in (0, 1)):
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
    assert [one.name for one in drawn] == ["learning-curves", "latent-dimension", "outliers"]
    assert (
        "n = 3 random splits" in drawn[0].title and "n = 2 seeds" in drawn[1].title and "n = 2 seeds" in drawn[2].title
    )
    assert all((tmp_path / file).is_file() for one in drawn for file in one.files)
