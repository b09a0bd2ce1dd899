"""Stability of image cells: runs made so that the answer is known, and one that really falls apart."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from replication.config.params import Cell
from replication.config.protocols import ProtocolOptions
from replication.config.recipes import Recipe
from replication.data.embedded import read_digits
from replication.data.reading import PreparedImages
from replication.metrics.stability import WON, collapsed_filters, loss_oscillation
from replication.models.layers.networks import Networks
from replication.scoring import stability
from replication.scoring.classifier import train_classifier
from replication.scoring.image_cell import ImageCell
from replication.scoring.images import score_images
from replication.scoring.rows import Rows
from replication.scoring.stability import add_spread, add_stability, hidden_activations, last_hidden, since_both_moved
from replication.scoring.trained import TrainedCell
from replication.table.measurements import Measurement, to_table
from replication.training.block import train_block
from replication.training.initialise import Samples
from replication.training.sampling import draw_samples
from tests.in_small import builder, own_params
from tests.scoring.small import NETWORK, RECIPE, trained_cell

PARAMS = own_params()
CONDITIONAL = {"kind": "conditional", "kernel": 3, "init_std": 0.3, "dense": [6], "generator": [[4, 0], [3, 2], [1, 1]],
               "discriminator": [[2, 1], [3, 2]]}  # fmt: skip
CLASSES, LAST = 4, 200


def build(network: dict[str, object] | None = None) -> Networks:
    return builder("dcgan", replace(RECIPE, network=network or NETWORK), (1, 8, 8), CLASSES)()


def rows_of(seeds: str = "1-2", diverged: dict[int, int] | None = None) -> Rows:
    return Rows("cpu", Cell("dcgan2015", "dcgan", "digits", "digits", "full", "paper", seeds), 60, diverged or {})


def quiet_history(seeds: int, points: int = 400) -> np.ndarray:
    stream = np.random.default_rng(0)
    return (1.0 + 0.05 * stream.normal(size=(seeds, points, 2))).astype(np.float32)


def trained_of(rows: Rows, history: np.ndarray) -> TrainedCell:
    return trained_cell(build, RECIPE, rows, (0, 100, LAST), history)


def judged(rows: Rows, shares: dict[int, list[float]], diversity: float = 1.0) -> Rows:
    """Rows that scoring has made before: shares of classes at each step, and how far the last samples lie apart."""
    for seed in rows.cell.seed_numbers:
        for step, of_step in shares.items():
            for label, share in enumerate(of_step):
                rows.add(seed, step, "judge_share", share, 40, judge="j", class_=str(label))
        rows.add(seed, LAST, "sample_diversity", diversity, 40)
    return rows


EVEN = {0: [1.0, 0.0, 0.0, 0.0], 100: [0.3, 0.3, 0.2, 0.2], LAST: [0.25, 0.25, 0.25, 0.25]}
GONE = {**EVEN, LAST: [1.0, 0.0, 0.0, 0.0]}


def rows_with(rows: Rows, metric: str, **columns: object) -> list[Measurement]:
    return [row for row in rows.collected if vars(row).items() >= {"metric": metric, **columns}.items()]


def scored(rows: Rows, history: np.ndarray | None = None, recipe: Recipe = RECIPE) -> Rows:
    history = quiet_history(len(rows.cell.seed_numbers)) if history is None else history
    add_stability(rows, trained_of(rows, history), build, recipe, CLASSES, 2)
    to_table(rows.collected)  # units, keys and metrics are those of the one table
    return rows


def stable_of(rows: Rows) -> list[float]:
    return [row.value for row in rows_with(rows, "stable", step=LAST)]


def test_a_quiet_run_that_covers_its_classes_is_stable() -> None:
    rows = scored(judged(rows_of(), EVEN))
    assert stable_of(rows) == [1.0, 1.0]
    coverage = [(row.step, row.value, row.judge) for row in rows_with(rows, "mode_coverage", seed=2)]
    assert coverage == [(0, 0.25, "j"), (100, 1.0, "j"), (LAST, 1.0, "j")]
    assert {row.metric_variant for row in rows_with(rows, "loss_oscillation")} == {"generator", "discriminator"}
    # what an untrained generator covers is no peak to fall from
    shares = {0: [0.25] * 4, 100: [1.0, 0.0, 0.0, 0.0], LAST: [0.25] * 4}
    assert stable_of(scored(judged(rows_of(), shares))) == [1.0, 1.0]


def test_collapsed_repeating_oscillating_and_won_runs_are_not_stable() -> None:
    assert stable_of(scored(judged(rows_of(), GONE))) == [0.0, 0.0]
    assert stable_of(scored(judged(rows_of(), EVEN, diversity=0.1))) == [0.0, 0.0]
    swinging = quiet_history(2)
    swinging[1, :, 1] += 0.6 * np.sin(np.arange(400) / 3)  # the discriminator's loss, of the second seed alone
    rows = scored(judged(rows_of(), EVEN), swinging)
    assert stable_of(rows) == [1.0, 0.0]
    (row,) = rows_with(rows, "loss_oscillation", seed=2, metric_variant="discriminator")
    assert row.value == loss_oscillation(swinging[1, :, 1]) > 0.25
    won = quiet_history(2)
    won[0, :, 1] *= WON  # nats for two images: half the threshold an image
    assert stable_of(scored(judged(rows_of(), EVEN), won)) == [0.0, 1.0]
    halved = replace(RECIPE, discriminator_scale=0.25)  # the same losses are four times as many nats an image
    assert stable_of(scored(judged(rows_of(), EVEN), won, halved)) == [1.0, 1.0]


def test_a_diverged_run_has_no_values() -> None:
    history = quiet_history(2)
    history[1, 300:] = np.nan
    rows = scored(judged(rows_of(diverged={2: 150}), EVEN), history)
    lost = [row for row in rows.collected if row.seed == 2 and row.step == LAST]
    assert {row.metric for row in lost} >= {"stable", "loss_oscillation", "mode_coverage", "collapsed_filters"}
    assert all(math.isnan(row.value) for row in lost)
    assert [row.value for row in rows_with(rows, "stable", seed=1)] == [1.0]


def test_without_a_judge_or_with_a_short_history_there_is_no_word_on_stability() -> None:
    rows = scored(judged(rows_of(), {}))
    counts = Counter(row.metric for row in rows.collected)
    assert (counts["stable"], counts["mode_coverage"], counts["loss_oscillation"]) == (0, 0, 4)
    rows = scored(judged(rows_of(), EVEN), quiet_history(2, 63))
    counts = Counter(row.metric for row in rows.collected)
    assert (counts["stable"], counts["mode_coverage"], counts["loss_oscillation"]) == (0, 6, 0)


def test_a_side_that_moves_later_is_no_divergence() -> None:
    history = quiet_history(2)
    history[:, :7, 1] = np.nan  # a balanced schedule that began with the generator
    assert stable_of(scored(judged(rows_of(), EVEN), history)) == [1.0, 1.0]
    assert since_both_moved(history[0]).shape == (393, 2)
    history[:, 200, 0] = np.nan
    assert stable_of(scored(judged(rows_of(), EVEN), history)) == [0.0, 0.0]


def test_the_filters_are_those_before_the_last_convolution() -> None:
    torch.manual_seed(0)
    networks = build()
    seen = hidden_activations(networks.generator, RECIPE, 3, CLASSES)
    assert seen is not None and seen.shape == (stability.FILTER_SAMPLES, 5, 8, 8)
    body = networks.generator.body
    samples = draw_samples(networks.generator, RECIPE, RECIPE.noise, 3, "filters", stability.FILTER_SAMPLES)[0]
    assert isinstance(body.stack, nn.Sequential)
    torch.testing.assert_close(body.stack[3:](torch.from_numpy(seen)), samples)
    unpooled = build({**NETWORK, "guidelines": {"resampling": "pooling"}, "generator": [[4, 0], [3, 1], [1, 2]]})
    layer = last_hidden(unpooled.generator)
    assert isinstance(layer, nn.ReLU)


def test_a_conditional_generators_filters_are_without_the_label_maps() -> None:
    seen = hidden_activations(build(CONDITIONAL).generator, RECIPE, 3, CLASSES)
    assert seen is not None and seen.shape == (stability.FILTER_SAMPLES, 3, 8, 8)
    dense = {key: value for key, value in CONDITIONAL.items() if key in ("kind", "init_std", "dense")}
    assert hidden_activations(build(dense).generator, RECIPE, 3, CLASSES) is None
    assert last_hidden(build({"kind": "dense", "hidden": [4], "nonlinearity": "tanh"}).generator) is None


def test_dead_filters_are_counted() -> None:
    rows = rows_of("1")
    trained = trained_of(rows, quiet_history(1))
    state = dict(trained.states[LAST])
    gain, shift = (state[f"generator.body.stack.1.{name}"].clone() for name in ("weight", "bias"))
    gain[0, 1], shift[0, 1] = 0.0, -1.0  # one filter of five answers nothing
    state |= {"generator.body.stack.1.weight": gain, "generator.body.stack.1.bias": shift}
    trained.states[LAST] = state
    add_stability(rows, trained, build, RECIPE, CLASSES, 1)
    assert [row.value for row in rows_with(rows, "collapsed_filters")] == [0.0, 0.0, pytest.approx(1 / 5)]
    seen = hidden_activations(trained.networks(build, LAST, 0).generator, RECIPE, 1, CLASSES)
    assert seen is not None and collapsed_filters(seen) == pytest.approx(1 / 5)


def test_spread_and_colours_have_a_row_each() -> None:
    rows, stream = rows_of("1"), np.random.default_rng(0)
    real = stream.integers(0, 256, (50, 1, 8, 8)).astype(np.uint8)
    add_spread(rows, 1, 5, real[:30], real)
    add_spread(rows, 1, 6, np.repeat(real[:1], 30, axis=0), real)
    assert [round(row.value, 1) for row in rows_with(rows, "sample_diversity")] == [1.0, 0.0]
    near, far = (row.value for row in rows_with(rows, "colour_distance"))
    assert near < 0.1 < far


@pytest.mark.slow
def test_a_training_without_batch_norm_at_a_rate_far_too_high_falls_apart(tmp_path: Path) -> None:
    images, options = read_digits(), PARAMS.judges["digits"]
    data = PreparedImages("digits", **images.arrays(), class_names=images.class_names, manifest={})
    values, labels = torch.from_numpy(data.train_images), torch.from_numpy(data.train_labels)
    judge = train_classifier(values, labels, replace(options, epochs=10, seed=0), 10)
    rows = {rate: rows_of("0") for rate in (4e-3, 0.1)}
    for rate, of_rate in rows.items():
        recipe = PARAMS.recipe("dcgan", "digits" if rate < 0.1 else "digits-no-batch-norm", "paper")
        assert recipe.adam is not None
        recipe = replace(recipe, adam=replace(recipe.adam, learning_rate=rate), n_samples=300)
        make = builder("dcgan", recipe, (1, 8, 8))
        done = train_block(make, recipe, (0,), Samples(values), tmp_path / str(rate))
        of_rate.diverged.update({0: step} if (step := done.diverged[0]) >= 0 else {})
        trained = TrainedCell(tuple(sorted(done.snapshots)), done.snapshots, done.history, {})
        score_images(
            ImageCell(of_rate, trained, make, recipe, data, np.arange(len(values)), judge, "j", ProtocolOptions(), 1)
        )
    last = {
        rate: {row.metric: row.value for row in of_rate.collected if row.step == 350 and row.class_ == "all"}
        for rate, of_rate in rows.items()
    }
    # The recipe's own spreads over the data and its classes; the oscillation of its losses is close to the threshold.
    assert last[4e-3]["sample_diversity"] > 0.8 and last[4e-3]["mode_coverage"] > 0.8
    assert not last[0.1]["stable"] > 0 and not last[0.1]["sample_diversity"] > 0.6
