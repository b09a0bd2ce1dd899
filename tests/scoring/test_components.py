"""Rows and sheet of protocol `components`: whose samples they are of, what a diverged seed and a plain prior do."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score
from torch import nn

from replication.config.params import Cell
from replication.config.protocols import Components, ProtocolOptions
from replication.config.recipes import Noise, Prior
from replication.data.reading import PreparedImages
from replication.models import load
from replication.models.layers.networks import Networks
from replication.models.layers.samples import as_images
from replication.scoring.classifier import judged
from replication.scoring.components import measure, sheet_of
from replication.scoring.image_cell import ImageCell
from replication.scoring.protocols import PROTOCOLS
from replication.scoring.rows import Rows
from replication.scoring.trained import TrainedCell
from replication.table.measurements import to_table
from replication.training.sampling import draw_with_components
from replication.training.state import initial_state, weights_of
from tests.in_small import own_params

RECIPE = replace(
    own_params().recipe("deligan", "digits", "paper"),
    batch=6,
    latent_dim=3,
    network={"convolutional": {"start": 4, "generator": [[4, 3, 2], [1, 3, 1]], "discriminator": [[2, 3, 2]], "pool": 1,
                               "minibatch": [2, 2]}},
    prior=Prior(components=6, component="row", sigma_init=0.05, mean_range=3.0),
)  # fmt: skip
CLASSES = 3
COUNT = 42


def judge_of() -> nn.Sequential:
    """Logits are the brightness of the first three rows of an image."""
    layer = nn.Linear(64, CLASSES, bias=False)
    layer.weight.data = torch.eye(8)[:CLASSES].repeat_interleave(8, dim=1)
    return nn.Sequential(nn.Flatten(), layer)


def build() -> Networks:
    return load("deligan").build(RECIPE.network, RECIPE.prior, RECIPE.latent_dim, (1, 8, 8))


def cell_of(seeds: str = "1-2", diverged: dict[int, int] | None = None, steps: tuple[int, ...] = (0, 8)) -> ImageCell:
    """Untrained networks at every step, the weights of diverged seeds NaN from their step on."""
    cell = Cell("deligan2017", "deligan", "digits", "rows", "full", "paper", seeds, key="cpu-rows")
    rows = Rows("cpu", cell, 9, diverged or {})
    numbers = cell.seed_numbers
    start = weights_of(initial_state(build, RECIPE, numbers))
    states = {step: {name: tensor.clone() for name, tensor in start.items()} for step in steps}
    for seed, lost in rows.diverged.items():
        for step in (step for step in steps if step >= lost):
            for tensor in (tensor for tensor in states[step].values() if tensor.is_floating_point()):
                tensor[numbers.index(seed)] = torch.nan
    trained = TrainedCell(steps, states, np.ones((len(numbers), 1, 2), np.float32), {})
    images = np.zeros((9, 1, 8, 8), np.uint8)
    data = PreparedImages("rows", images, np.arange(9) % 3, images, np.arange(9) % 3, ("a", "b", "c"), {})
    options = ProtocolOptions(components=Components(samples=COUNT, permutations=10))
    return ImageCell(rows, trained, build, RECIPE, data, np.arange(9), judge_of(), "rows-judge", options, 2)


def test_rows_are_of_the_samples_drawn_with_their_components() -> None:
    cell = cell_of()
    sheets = PROTOCOLS["components"](cell)
    to_table(cell.rows.collected)  # raises where a row is unknown or occurs twice
    variants = {"measured", "chance", "chance-95", "above-chance"}
    expected = {("component_information", v) for v in variants} | {("component_p_value", "")}
    expected |= {("component_class_share", v) for v in ("measured", "above-chance")}
    diversity = {("component_variance_share", "training-noise"), ("component_duplicate_rate", "training-noise")}
    for seed, step in ((1, 0), (1, 8), (2, 0), (2, 8)):
        own = {(r.metric, r.metric_variant): r for r in cell.rows.collected if (r.seed, r.step) == (seed, step)}
        assert set(own) == expected | diversity
        assert {row.n_samples for row in own.values()} == {COUNT}
        assert {own[key].judge for key in expected} == {"rows-judge"} and {own[key].judge for key in diversity} == {""}
        generator = cell.networks(step, seed - 1).generator
        samples, components = draw_with_components(generator, RECIPE, RECIPE.noise, seed, "components", COUNT)
        images = as_images(samples)
        classes = judged(judge_of(), images.numpy()).classes
        measured = own["component_information", "measured"].value
        assert measured == pytest.approx(mutual_info_score(components, classes), abs=1e-9)
        assert measured > 0.3  # components of small σ lie apart, so that each has a class of its own
        above = own["component_information", "above-chance"].value
        assert above == pytest.approx(measured - own["component_information", "chance"].value)
        pixels = images.numpy().reshape(COUNT, -1).astype(float)
        within = sum(((part - part.mean(axis=0)) ** 2).sum() for part in (pixels[i::6] for i in range(6)))
        share = within / (COUNT - 6) / (((pixels - pixels.mean(axis=0)) ** 2).sum() / (COUNT - 1))
        assert own["component_variance_share", "training-noise"].value == pytest.approx(share)
        assert share < 0.3  # σ is small beside what lies between the components
        shares = np.bincount(classes) / COUNT
        entropy = -sum(p * math.log(p) for p in shares if p)
        assert own["component_class_share", "above-chance"].value == pytest.approx(above / entropy)
    assert sheets["components"].shape == (6, 10, 1, 8, 8) and sheets["components"].dtype == np.uint8
    np.testing.assert_array_equal(sheets["components"][2, :7], first_seed(cell)[2::6])


def first_seed(cell: ImageCell) -> np.ndarray:
    samples, _ = draw_with_components(cell.networks(8, 0).generator, RECIPE, RECIPE.noise, 1, "components", COUNT)
    return as_images(samples).numpy()


def test_a_diverged_seed_keeps_its_rows_without_values() -> None:
    cell = cell_of(diverged={2: 8})
    measure(cell)
    for row in cell.rows.collected:
        assert math.isnan(row.value) == (row.seed == 2 and row.step == 8)
    assert len(cell.rows.collected) == 2 * 2 * 9


def test_diversity_is_measured_under_the_noise_of_display_too() -> None:
    cell = cell_of()
    shown = replace(cell, recipe=replace(RECIPE, display_noise=Noise("normal", 40.0)))
    measure(shown)
    values = {(r.metric, r.metric_variant): r.value for r in shown.rows.collected if (r.seed, r.step) == (1, 8)}
    narrow, wide = (values["component_variance_share", v] for v in ("training-noise", "display-noise"))
    assert wide > narrow  # forty times the noise makes samples of a component as different as of any two


def test_a_seed_measures_the_same_in_any_block() -> None:
    together, alone = cell_of("0-2"), cell_of("1")
    measure(together)
    measure(alone)
    values = {(r.seed, r.step, r.metric, r.metric_variant): r.value for r in together.rows.collected}
    assert all(
        row.value == pytest.approx(values[row.seed, row.step, row.metric, row.metric_variant], abs=1e-9)
        for row in alone.rows.collected
    )


def test_without_an_untrained_step_there_is_the_last_alone() -> None:
    cell = cell_of(steps=(4, 8))
    measure(cell)
    assert {row.step for row in cell.rows.collected} == {8}


def test_a_sheet_holds_components_evenly_chosen_and_black_where_samples_lack() -> None:
    images = np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1)
    sheet = sheet_of(images, np.arange(100) % 50, 50)
    assert sheet[:, 0, 0, 0, 0].tolist() == [0, 5, 11, 16, 22, 27, 33, 38, 44, 49]
    assert sheet[1, :, 0, 0, 0].tolist() == [5, 55, *[0] * 8]
    assert sheet_of(images, np.zeros(100, int), 1).shape == (1, 10, 1, 1, 1)
