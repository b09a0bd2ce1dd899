"""An image cell's rows under a judge whose logits are known, and the probe's rows."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from replication.data.reading import PreparedImages
from replication.measurements import Measurement, to_table
from replication.metrics.linear_probe import discriminator_features, linear_probe
from replication.models import load
from replication.models.layers.convolutional import ConvolutionalDiscriminator
from replication.models.layers.networks import Networks
from replication.models.layers.samples import as_images
from replication.params import Cell, Probe, load_params
from replication.scoring.controls import score_controls
from replication.scoring.images import add_class_scores, probe_cell, score_images
from replication.scoring.rows import Rows
from replication.scoring.trained import TrainedCell
from replication.training.sampling import draw_samples
from replication.training.state import initial_state, weights_of

RECIPE = replace(
    load_params(Path(__file__).parents[2] / "params.yaml").recipe("dcgan", "digits", "paper"),
    batch=10,
    latent_dim=3,
    n_samples=40,
    network={"kernel": 3, "init_std": 0.3, "generator": [[4, 0], [1, 1]], "discriminator": [[2, 1], [3, 2]]},
)
PROBE = Probe((1e-4, 1e-3), 0.25, 2, 3, 4)
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
    add_class_scores(rows, 0, 5, images, judge_of(), "rows-classifier", 2)
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
    add_class_scores(rows, 0, 5, images, judge_of(0.3), "rows-classifier", 2)
    modified = values(rows.collected, "modified_judge_score")
    assert values(rows.collected, "judge_share") == {"0": 0.5, "1": 0.5, "2": 0.0}
    assert set(values(rows.collected, "judge_score")) == set(modified) == {"all", "0", "1"}
    assert modified["all"] == pytest.approx((modified["0"] + modified["1"]) / 2)
    assert modified["0"] > 1.0


def test_an_image_cells_rows_and_figures() -> None:
    rows, data = rows_of("1-2"), some_data()
    chosen = np.arange(0, 60, 2)
    shown = score_images(rows, trained_of(rows), build, RECIPE, data, chosen, judge_of(), "rows-classifier", 2)
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
        distances = ((data.train_images[chosen] - image) ** 2).sum(axis=(1, 2, 3))
        assert ((found - image) ** 2).sum() == distances.min()  # of the images trained on, not of all


def test_a_diverged_seed_is_scored_without_values() -> None:
    rows, whole = rows_of("1-2", {2: 4}), rows_of("1-2")
    for each in (rows, whole):
        score_images(
            each, trained_of(each), build, RECIPE, some_data(), np.arange(60), judge_of(), "rows-classifier", 2
        )
        probe_cell(each, trained_of(each), build, some_data(), PROBE, (8,), 2)
    for row in rows.collected:
        assert math.isnan(row.value) == (row.seed == 2 and row.step == 8)
    overall = {(r.seed, r.step, r.metric, r.metric_variant, r.replicate) for r in whole.collected if r.class_ == "all"}
    assert overall <= {(r.seed, r.step, r.metric, r.metric_variant, r.replicate) for r in rows.collected}


def test_probe_rows_are_the_probe_on_features() -> None:
    rows, data = rows_of("1-2"), some_data()
    probe_cell(rows, trained_of(rows), build, data, PROBE, (0, 8), 2)
    to_table(rows.collected)
    assert len(rows.collected) == 2 * 2 * (1 + PROBE.limited_draws)
    discriminator = trained_of(rows).networks(build, 8, 1).discriminator
    assert isinstance(discriminator, ConvolutionalDiscriminator)
    train_images, test_images = torch.from_numpy(data.train_images), torch.from_numpy(data.test_images)
    train = discriminator_features(discriminator, train_images, train_images).numpy()
    test = discriminator_features(discriminator, test_images, train_images).numpy()
    expected = linear_probe((train, data.train_labels), (test, data.test_labels), PROBE.costs, 0.25, 2, 3, 4, seed=2)
    own = [row for row in rows.collected if (row.seed, row.step) == (2, 8)]
    assert [row.value for row in own] == [expected.all_labels, *expected.limited_labels]
    assert [(row.metric_variant, row.replicate, row.replicate_kind) for row in own] == [
        ("all-labels", 0, "training"),
        *(("limited-labels", draw, "label draw") for draw in range(4)),
    ]
    assert {row.n_samples for row in own} == {30}


def test_controls_are_real_images_and_raw_pixels() -> None:
    rows, data, judge = rows_of("0"), some_data(), judge_of()
    score_controls(rows, data, PROBE, judge, "rows-classifier")
    to_table(rows.collected)
    brightness = data.test_images[:, 0, :3].astype(float).sum(axis=2)
    hits = (brightness.argmax(axis=1) == data.test_labels).mean()
    assert values(rows.collected, "judge_accuracy") == {"all": pytest.approx(hits)}
    train, test = (x.reshape(-1, 16).astype(np.float32) / 127.5 - 1 for x in (data.train_images, data.test_images))
    expected = linear_probe((train, data.train_labels), (test, data.test_labels), PROBE.costs, 0.25, 2, 3, 4, seed=0)
    probed = [row for row in rows.collected if row.metric == "probe_accuracy"]
    assert [row.value for row in probed] == [expected.all_labels, *expected.limited_labels]
    assert {(row.paper, row.model, row.recipe) for row in probed} == {("dcgan2015", "control", "raw-pixels")}
    assert {row.model for row in rows.collected if row.metric != "probe_accuracy"} == {"dcgan"}


def test_a_discriminator_without_maps_is_not_probed() -> None:
    rows, network = rows_of("1-2"), {"kind": "dense", "hidden": [4], "nonlinearity": "relu"}
    probe_cell(
        rows, trained_of(rows), lambda: load("dcgan").build(network, RECIPE.prior, 3, (1, 4, 4)), some_data(), PROBE,
        (0, 8), 2,
    )  # fmt: skip
    assert not rows.collected


def test_features_probed_on_other_images_say_on_which() -> None:
    rows, other = rows_of("1"), replace(some_data(), name="elsewhere")
    probe = replace(PROBE, limited_labels_of={"elsewhere": 1})
    probe_cell(rows, trained_of(rows), build, other, probe, (8,), 1)
    assert {row.metric_variant for row in rows.collected} == {"elsewhere all-labels", "elsewhere limited-labels"}
    fewer = {row.value for row in rows.collected if row.replicate_kind == "label draw"}
    probe_cell(rows := rows_of("1"), trained_of(rows), build, some_data(), PROBE, (8,), 1)
    assert fewer != {row.value for row in rows.collected if row.replicate_kind == "label draw"}


def test_house_numbers_have_errors_too() -> None:
    rows, data = rows_of("1"), replace(some_data(), name="svhn")
    rows.cell = replace(rows.cell, dataset="svhn")
    probe_cell(rows, trained_of(rows), build, data, PROBE, (8,), 1)
    draws = [row for row in rows.collected if row.replicate_kind == "label draw"]
    accuracies = {row.replicate: row.value for row in draws if row.metric == "probe_accuracy"}
    assert {row.replicate: 1 - row.value for row in draws if row.metric == "test_error"} == pytest.approx(accuracies)
    assert len(accuracies) == PROBE.limited_draws and {row.metric_variant for row in draws} == {"limited-labels"}


def test_without_a_judge_there_are_no_scores_of_classes() -> None:
    rows = rows_of("1")
    score_images(rows, trained_of(rows), build, RECIPE, some_data(), np.arange(60), None, "", 1)
    metrics = {row.metric for row in rows.collected}
    assert metrics == {"duplicate_rate", "sample_diversity", "colour_distance", "collapsed_filters"}
