"""An image cell's rows under a judge whose logits are known."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from replication.metrics.distribution import distances, reference_of
from replication.models.layers.samples import as_images
from replication.scoring.classifier import judged
from replication.scoring.image_cell import ImageCell
from replication.scoring.images import JUDGED, SUBSET_SIZE, SUBSETS, add_judge_scores, score_images
from replication.table.measurements import Measurement, to_table
from replication.training.sampling import draw_samples


def values(rows: list[Measurement], metric: str) -> dict[str, float]:
    to_table(rows)  # raises where a row is unknown or occurs twice
    return {row.class_: row.value for row in rows if row.metric == metric}


def cell_of(small_cells: Any, **other: Any) -> ImageCell:
    """A cell of every second training image."""
    return replace(small_cells(seeds="1-2", **other), chosen=np.arange(0, 60, 2))


def test_confident_and_even_classes_score_their_number(small_cells: Any) -> None:
    rows = small_cells().rows
    add_judge_scores(rows, 0, 5, 50.0 * np.eye(3)[np.arange(30) % 3], "rows-classifier", 2)
    assert values(rows.collected, "judge_score") == pytest.approx({"all": 3.0, "0": 1.0, "1": 1.0, "2": 1.0})
    assert values(rows.collected, "modified_judge_score") == pytest.approx({"all": 1.0, "0": 1.0, "1": 1.0, "2": 1.0})
    assert values(rows.collected, "judge_share") == pytest.approx({"0": 1 / 3, "1": 1 / 3, "2": 1 / 3})
    assert {row.judge for row in rows.collected} == {"rows-classifier"}
    counts = {(row.metric, row.class_): row.n_samples for row in rows.collected}
    assert (counts["judge_score", "1"], counts["judge_score", "all"], counts["judge_share", "1"]) == (10, 30, 30)


def test_an_empty_class_has_a_share_and_no_score(small_cells: Any) -> None:
    rows, logits = small_cells().rows, np.random.default_rng(1).uniform(size=(20, 3))
    logits[np.arange(20), np.arange(20) % 2] = 2.0  # never the third class
    add_judge_scores(rows, 0, 5, logits, "rows-classifier", 2)
    modified = values(rows.collected, "modified_judge_score")
    assert values(rows.collected, "judge_share") == {"0": 0.5, "1": 0.5, "2": 0.0}
    assert set(values(rows.collected, "judge_score")) == set(modified) == {"all", "0", "1"}
    assert modified["all"] == pytest.approx((modified["0"] + modified["1"]) / 2)
    assert modified["0"] > 1.0


def test_an_image_cells_rows_and_figures(small_cells: Any) -> None:
    cell = cell_of(small_cells)
    shown, rows, data = score_images(cell), cell.rows.collected, cell.data
    to_table(rows)
    for seed, step in ((1, 0), (1, 8), (2, 0), (2, 8)):
        shares = [row for row in rows if (row.seed, row.step, row.metric) == (seed, step, "judge_share")]
        assert sum(row.value for row in shares) == pytest.approx(1.0)
        assert [row.class_ for row in shares] == ["0", "1", "2"]
    assert [row.n_samples for row in rows if row.metric == "duplicate_rate"] == [40] * 4
    generator = cell.networks(8, 0).generator
    expected = as_images(draw_samples(generator, cell.recipe, cell.recipe.noise, 1, "samples", 40)).numpy()
    np.testing.assert_array_equal(shown["grid"], expected)
    for image, neighbour in zip(shown["grid"].astype(float), shown["neighbours"], strict=True):
        apart = ((cell.seen - image) ** 2).sum(axis=(1, 2, 3))
        assert ((neighbour - image) ** 2).sum() == apart.min()  # of the images trained on, not of all
    brightest = data.test_images[:, 0, :3].astype(float).sum(axis=2).argmax(axis=1)
    accuracies = [(row.step, row.value, row.n_samples) for row in rows if row.metric == "judge_accuracy"]
    assert accuracies == [(8, (brightest == data.test_labels).mean(), 60)] * 2


def test_distances_are_to_the_images_trained_on_and_to_held_out_ones(small_cells: Any) -> None:
    cell = cell_of(small_cells)
    score_images(cell)
    assert cell.judge is not None
    features = judged(cell.judge, cell.sample(8, 1, "samples", 40)).features
    for variant, images in (("training", cell.seen), ("held-out", cell.data.test_images)):
        reference = reference_of(judged(cell.judge, images).features, 5000)
        expected = distances(features, reference, SUBSETS, SUBSET_SIZE, 2, 5000)
        own = {(row.seed, row.step, row.metric): row for row in cell.rows.collected if row.metric_variant == variant}
        assert {(seed, step) for seed, step, _ in own} == {(1, 0), (1, 8), (2, 0), (2, 8)}
        for field, value in vars(expected).items():
            row = own[2, 8, JUDGED[field]]
            assert (row.value, row.n_samples, row.judge) == (pytest.approx(value, abs=1e-9), 40, "rows-classifier")


def test_without_held_out_images_distances_are_to_those_trained_on(small_cells: Any) -> None:
    cell = cell_of(small_cells, data=small_cells.data(60, 0))
    score_images(cell)
    assert {row.metric_variant for row in cell.rows.collected if row.metric == "judge_recall"} == {"training"}
    assert all(math.isnan(row.value) for row in cell.rows.collected if row.metric == "judge_accuracy")


def test_without_a_judge_there_are_no_scores_of_classes(small_cells: Any) -> None:
    cell = replace(cell_of(small_cells), judge=None, judge_name="")
    score_images(cell)
    metrics = {row.metric for row in cell.rows.collected}
    assert metrics == {"duplicate_rate", "sample_diversity", "colour_distance", "collapsed_filters"}
