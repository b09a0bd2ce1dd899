"""An image cell's rows under a judge whose logits are known."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from replication.config.params import Cell, load_params
from replication.config.protocols import ProtocolOptions
from replication.data.reading import PreparedImages
from replication.metrics.distribution import distances, reference_of
from replication.models import load
from replication.models.layers.networks import Networks
from replication.models.layers.samples import as_images
from replication.scoring.classifier import judged
from replication.scoring.image_cell import ImageCell
from replication.scoring.images import SUBSET_SIZE, SUBSETS, add_judge_scores, score_images
from replication.scoring.rows import Rows
from replication.scoring.trained import TrainedCell
from replication.table.measurements import Measurement, to_table
from replication.training.sampling import draw_samples
from replication.training.state import initial_state, weights_of

RECIPE = replace(
    load_params(Path(__file__).parents[2] / "params.yaml").recipe("dcgan", "digits", "paper"),
    batch=10,
    latent_dim=3,
    n_samples=40,
    network={"kernel": 3, "init_std": 0.3, "generator": [[4, 0], [1, 1]], "discriminator": [[2, 1], [3, 2]]},
)
CLASSES = 3


def build() -> Networks:
    return load("dcgan").build(RECIPE.network, RECIPE.prior, RECIPE.latent_dim, (1, 4, 4))


def some_data() -> PreparedImages:
    """Three classes of noisy images, each with a bright row of its own."""
    stream, labels = np.random.default_rng(0), np.arange(90) % CLASSES
    images = stream.integers(0, 120, (90, 1, 4, 4))
    images[np.arange(90), 0, labels] += 100
    images = images.astype(np.uint8)
    return PreparedImages("rows", images[:60], labels[:60], images[60:], labels[60:], ("a", "b", "c"), {})


def judge_of(scale: float = 20.0) -> nn.Sequential:
    """Logits are the brightness of the first three rows of an image."""
    layer = nn.Linear(16, CLASSES, bias=False)
    layer.weight.data = scale * torch.eye(4)[:CLASSES].repeat_interleave(4, dim=1)
    return nn.Sequential(nn.Flatten(), layer)


def rows_of(seeds: str, diverged: dict[int, int] | None = None) -> Rows:
    return Rows("cpu", Cell("dcgan2015", "dcgan", "digits", "rows", "full", "paper", seeds), 60, diverged or {})


def trained_of(rows: Rows) -> TrainedCell:
    """Untrained networks at two steps, the weights of diverged seeds NaN at the second."""
    seeds = rows.cell.seed_numbers
    start = weights_of(initial_state(build, RECIPE, seeds))
    states = {0: start, 8: {name: tensor.clone() for name, tensor in start.items()}}
    for seed in rows.diverged:
        for tensor in (tensor for tensor in states[8].values() if tensor.is_floating_point()):
            tensor[seeds.index(seed)] = torch.nan
    return TrainedCell((0, 8), states, np.ones((len(seeds), 1, 2), np.float32), {})


def values(rows: list[Measurement], metric: str) -> dict[str, float]:
    to_table(rows)  # raises where a row is unknown or occurs twice
    return {row.class_: row.value for row in rows if row.metric == metric}


def test_confident_and_even_classes_score_their_number() -> None:
    images = np.zeros((30, 1, 4, 4), np.uint8)
    images[np.arange(30), 0, np.arange(30) % 3] = 255
    rows = rows_of("0")
    add_judge_scores(rows, 0, 5, judged(judge_of(), images).logits, "rows-classifier", 2)
    assert values(rows.collected, "judge_score") == pytest.approx({"all": 3.0, "0": 1.0, "1": 1.0, "2": 1.0})
    assert values(rows.collected, "modified_judge_score") == pytest.approx({"all": 1.0, "0": 1.0, "1": 1.0, "2": 1.0})
    assert values(rows.collected, "judge_share") == pytest.approx({"0": 1 / 3, "1": 1 / 3, "2": 1 / 3})
    assert {row.judge for row in rows.collected} == {"rows-classifier"}
    counts = {(row.metric, row.class_): row.n_samples for row in rows.collected}
    assert (counts["judge_score", "1"], counts["judge_score", "all"], counts["judge_share", "1"]) == (10, 30, 30)


def test_an_empty_class_has_a_share_and_no_score() -> None:
    stream = np.random.default_rng(1)
    images = stream.integers(0, 100, (20, 1, 4, 4)).astype(np.uint8)
    images[np.arange(20), 0, np.arange(20) % 2] = 255  # the third class never has the brightest row
    rows = rows_of("0")
    add_judge_scores(rows, 0, 5, judged(judge_of(0.3), images).logits, "rows-classifier", 2)
    modified = values(rows.collected, "modified_judge_score")
    assert values(rows.collected, "judge_share") == {"0": 0.5, "1": 0.5, "2": 0.0}
    assert set(values(rows.collected, "judge_score")) == set(modified) == {"all", "0", "1"}
    assert modified["all"] == pytest.approx((modified["0"] + modified["1"]) / 2)
    assert modified["0"] > 1.0


def cell_of(rows: Rows, data: PreparedImages | None = None, judge: nn.Module | None = None, **other: Any) -> ImageCell:
    """A cell of every second training image, judged unless `judge_name` is empty."""
    given = {"judge": judge or judge_of(), "judge_name": "rows-classifier", **other}
    chosen = np.arange(0, 60, 2)
    parts = (rows, trained_of(rows), build, RECIPE, data or some_data(), chosen)
    return ImageCell(*parts, given["judge"] if given["judge_name"] else None, given["judge_name"], ProtocolOptions(), 2)


def test_an_image_cells_rows_and_figures() -> None:
    rows, data = rows_of("1-2"), some_data()
    shown = score_images(cell := cell_of(rows))
    to_table(rows.collected)
    shares = [row for row in rows.collected if row.metric == "judge_share"]
    for seed, step in ((1, 0), (1, 8), (2, 0), (2, 8)):
        own = [row for row in shares if (row.seed, row.step) == (seed, step)]
        assert sum(row.value for row in own) == pytest.approx(1.0)
        assert [row.class_ for row in own] == ["0", "1", "2"]
    duplicates = [row for row in rows.collected if row.metric == "duplicate_rate"]
    assert [row.n_samples for row in duplicates] == [40] * 4
    generator = trained_of(rows).networks(build, 8, 0).generator
    expected = as_images(draw_samples(generator, RECIPE, RECIPE.noise, 1, "samples", 40)).numpy()
    np.testing.assert_array_equal(shown["grid"], expected)
    for image, found in zip(shown["grid"].astype(float), shown["neighbours"], strict=True):
        apart = ((cell.seen - image) ** 2).sum(axis=(1, 2, 3))
        assert ((found - image) ** 2).sum() == apart.min()  # of the images trained on, not of all
    brightest = data.test_images[:, 0, :3].astype(float).sum(axis=2).argmax(axis=1)
    accuracies = [(row.step, row.value, row.n_samples) for row in rows.collected if row.metric == "judge_accuracy"]
    assert accuracies == [(8, (brightest == data.test_labels).mean(), 30)] * 2


def test_distances_are_to_the_images_trained_on_and_to_held_out_ones() -> None:
    rows, judge = rows_of("1-2"), judge_of()
    cell = cell_of(rows)
    score_images(cell)
    features = judged(judge, cell.sample(8, 1, "samples", 40)).features
    for variant, images in (("training", cell.seen), ("held-out", cell.data.test_images)):
        reference = reference_of(judged(judge, images).features, 5000)
        expected = distances(features, reference, SUBSETS, SUBSET_SIZE, 2, 5000)
        own = {(row.seed, row.step, row.metric): row for row in rows.collected if row.metric_variant == variant}
        assert {(seed, step) for seed, step, _ in own} == {(1, 0), (1, 8), (2, 0), (2, 8)}
        for metric, value in {
            "judge_frechet_distance": expected.frechet,
            "judge_kernel_distance": expected.kernel,
            "judge_precision": expected.precision,
            "judge_recall": expected.recall,
        }.items():
            row = own[2, 8, metric]
            assert (row.value, row.n_samples, row.judge) == (pytest.approx(value, abs=1e-9), 40, "rows-classifier")


def test_without_held_out_images_distances_are_to_those_trained_on() -> None:
    rows, data = rows_of("1"), some_data()
    score_images(cell_of(rows, replace(data, test_images=data.test_images[:0], test_labels=data.test_labels[:0])))
    assert {row.metric_variant for row in rows.collected if row.metric == "judge_recall"} == {"training"}
    assert all(math.isnan(row.value) for row in rows.collected if row.metric == "judge_accuracy")


def test_a_diverged_seed_is_scored_without_values() -> None:
    rows, whole = rows_of("1-2", {2: 4}), rows_of("1-2")
    for each in (rows, whole):
        score_images(cell_of(each))
    for row in rows.collected:
        assert math.isnan(row.value) == (row.seed == 2 and row.step == 8)
    overall = {(r.seed, r.step, r.metric, r.metric_variant, r.replicate) for r in whole.collected if r.class_ == "all"}
    assert overall <= {(r.seed, r.step, r.metric, r.metric_variant, r.replicate) for r in rows.collected}


def test_without_a_judge_there_are_no_scores_of_classes() -> None:
    rows = rows_of("1")
    score_images(cell_of(rows, judge_name=""))
    metrics = {row.metric for row in rows.collected}
    assert metrics == {"duplicate_rate", "sample_diversity", "colour_distance", "collapsed_filters"}
