"""Test errors against counting, ensembles against the mean of their members, and what a cell's rows say."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from replication.config.params import Cell
from replication.config.protocols import ProtocolOptions
from replication.config.recipes import Labels
from replication.models.layers.networks import Judged
from replication.scoring.classification import add_test_errors, class_probabilities, classify_cell
from replication.scoring.image_cell import ImageCell
from replication.scoring.rows import Rows
from replication.table.measurements import to_table
from replication.training.state import AVERAGED
from tests.in_small import builder, own_params
from tests.scoring.small import CLASSES, LAST, by_key, some_data, trained_cell

RECIPE = replace(
    own_params().recipe("improved_gan", "digits", "code"),
    batch=8, latent_dim=3, labels=Labels(2), initial_images=0,
    network={"dense": {"generator": [4], "discriminator": [5], "input_noise": 0.3, "hidden_noise": 0.5}},
)  # fmt: skip
TRUTH = np.array([0, 1, 2, 0])
build = builder("improved_gan", RECIPE, (1, 4, 4), CLASSES)


def rows_of(seeds: str, diverged: dict[int, int] | None = None) -> Rows:
    cell = Cell("improved_gan2016", "improved_gan", "digits", "rows", "full", "code", seeds)
    return Rows("cpu", cell, 60, diverged or {})


def wrong(*places: int) -> np.ndarray:
    """Probabilities that miss the truth by a little at these places."""
    probabilities = np.eye(CLASSES, dtype=np.float32)[TRUTH]
    for place in places:
        probabilities[place] = [0.4, 0.4, 0.4]
        probabilities[place, TRUTH[place]] = 0.2
    return probabilities


def test_a_seed_of_its_own_draw_has_one_row_and_all_labels_are_no_draw() -> None:
    rows, whole = rows_of("0-2"), rows_of("0-1")
    add_test_errors(rows, 9, (0, 1, 2), [wrong(), wrong(1), wrong(0, 1, 3)], TRUTH, Labels(2), 6)
    to_table(rows.collected)
    assert [(row.seed, row.value, row.replicate) for row in rows.collected] == [(0, 0.0, 0), (1, 0.25, 1), (2, 0.75, 2)]
    assert {(row.metric_variant, row.replicate_kind, row.n_samples) for row in rows.collected} == {
        ("6-labels", "label draw", 4)}  # fmt: skip
    add_test_errors(whole, 9, (0, 1), [wrong(), wrong(1)], TRUTH, Labels(0), 60)
    assert {(row.replicate_kind, row.metric_variant) for row in whole.collected} == {("training", "60-labels")}


def test_an_ensemble_is_the_mean_of_its_members_and_has_a_draw_of_its_own() -> None:
    rows, members = rows_of("0-3"), [wrong(1), wrong(1, 2), wrong(0), wrong(0, 3)]
    add_test_errors(rows, 9, (0, 1, 2, 3), members, TRUTH, Labels(2, trainings_per_draw=2), 6)
    measured = by_key(rows.collected, "seed", "metric_variant")
    assert [measured[seed, "6-labels"].replicate for seed in range(4)] == [0, 0, 1, 1]
    # the second draw's members are sure of the right class at place 3 (1 against .4) and both miss place 0
    first, second = (measured[seed, "6-labels-ensemble"] for seed in (0, 2))
    assert (first.value, first.replicate, second.value, second.replicate) == (0.25, 0, 0.25, 1) and len(measured) == 6


def test_half_an_ensemble_has_no_row_and_a_diverged_member_none_with_a_value() -> None:
    rows = rows_of("0-2", {1: 5})
    add_test_errors(rows, 9, (0, 1, 2), [wrong()] * 3, TRUTH, Labels(2, trainings_per_draw=2), 6)
    measured = by_key(rows.collected, "seed", "metric_variant")
    assert (2, "6-labels-ensemble") not in measured
    assert math.isnan(measured[0, "6-labels-ensemble"].value) and measured[0, "6-labels"].value == 0.0


class Counting(nn.Module):
    """Logits that name the size of the batch an image was seen in, and the image's brightness."""

    def forward(self, samples: Tensor, labels: Tensor | None = None, noise: object = None) -> Judged:
        assert noise is None
        bright = samples.flatten(1).mean(1)
        return Judged(torch.stack([bright, torch.full_like(bright, len(samples))], 1), ())


@pytest.mark.parametrize("count", [3, 8, 20])
def test_images_are_seen_in_whole_batches_and_keep_their_order(count: int) -> None:
    images = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 4, 4)
    probabilities = class_probabilities(Counting(), images, 8, "unit")
    bright, size = np.arange(count) / 255, min(count, 8)
    np.testing.assert_allclose(probabilities[:, 0], 1 / (1 + np.exp(size - bright)), rtol=1e-5)


@pytest.fixture
def cell() -> ImageCell:
    """Averages of its weights are not the weights themselves."""
    rows, stream = rows_of("0-1"), torch.Generator().manual_seed(1)
    trained = trained_cell(build, RECIPE, rows)
    for state in trained.states.values():
        state |= {n: torch.randn(t.shape, generator=stream) for n, t in state.items() if n.startswith(AVERAGED)}
    return ImageCell(rows, trained, build, RECIPE, some_data(60, 30, 4), np.arange(60), None, "", ProtocolOptions(), 1)


def test_a_cell_is_scored_with_its_averaged_weights_at_every_step_but_the_first(cell: ImageCell) -> None:
    classify_cell(cell)
    measured = by_key(cell.rows.collected, "seed", "step", "metric_variant")
    assert list(measured) == [(0, LAST, "6-labels"), (1, LAST, "6-labels")]
    for index, row in enumerate(measured.values()):
        of_seed = {name: tensor[index] for name, tensor in cell.trained.states[LAST].items()}
        errors = []
        for prefix in ("", AVERAGED):
            judge = build().discriminator
            names = {name: f"discriminator.{name}" for name in judge.state_dict()}
            judge.load_state_dict({name: of_seed.get(prefix + full, of_seed[full]) for name, full in names.items()})
            logits = judge(torch.from_numpy(cell.data.test_images) / 255).logits
            errors.append((logits.argmax(1).numpy() != cell.data.test_labels).mean())
        assert row.value == pytest.approx(errors[1]) and errors[0] != errors[1]


def test_where_nothing_can_be_classified_there_are_no_rows(cell: ImageCell) -> None:
    classify_cell(replace(cell, recipe=replace(RECIPE, labels=None, parameter_average=0.0)))
    classify_cell(replace(cell, data=some_data(60, 0, 4)))
    assert cell.rows.collected == []
