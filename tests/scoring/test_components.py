"""Rows and sheet of protocol `components`: whose samples they are of, and what a plain prior and other noise do."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from replication.config.params import Cell
from replication.config.protocols import Components, ProtocolOptions
from replication.config.recipes import Noise, Prior
from replication.models.layers.samples import as_images
from replication.scoring.classifier import judged
from replication.scoring.components import measure, sheet_of
from replication.scoring.image_cell import ImageCell
from replication.scoring.protocols import PROTOCOLS
from replication.scoring.rows import Rows
from replication.training.sampling import draw_samples
from tests.in_small import builder, own_params
from tests.scoring.small import LAST, brightness_judge, by_key, some_data, trained_cell

RECIPE = replace(
    own_params().recipe("deligan", "digits", "paper"),
    batch=6,
    latent_dim=3,
    network={"convolutional": {"start": 4, "generator": [[4, 3, 2], [1, 3, 1]], "discriminator": [[2, 3, 2]], "pool": 1,
                               "minibatch": [2, 2]}},
    prior=Prior(components=6, component="row", sigma_init=0.05, mean_range=3.0),
)  # fmt: skip
COUNT = 42
build = builder("deligan", RECIPE, (1, 8, 8))


def components_cell(
    seeds: str = "1-2", diverged: dict[int, int] | None = None, steps: tuple[int, ...] = (0, LAST)
) -> ImageCell:
    cell = Cell("deligan2017", "deligan", "digits", "rows", "full", "paper", seeds, key="cpu-rows")
    rows, data = Rows("cpu", cell, 9, diverged or {}), some_data(9, 9)
    trained = trained_cell(build, RECIPE, rows, steps)
    options = ProtocolOptions(components=Components(samples=COUNT, permutations=10))
    return ImageCell(rows, trained, build, RECIPE, data, np.arange(9), brightness_judge(1.0), "rows-judge", options, 2)


def test_rows_are_of_the_samples_drawn_with_their_components() -> None:
    cell = components_cell()
    sheets = PROTOCOLS["components"](cell)
    rows = by_key(cell.rows.collected, "seed", "step", "metric", "metric_variant")
    expected = {("component_information", v) for v in ("measured", "chance", "chance-95", "above-chance")}
    expected |= {("component_class_share", v) for v in ("measured", "above-chance")} | {("component_p_value", "")}
    diversity = {("component_variance_share", "training-noise"), ("component_duplicate_rate", "training-noise")}
    for seed, step in ((1, 0), (1, LAST), (2, 0), (2, LAST)):
        of_seed = {key[2:]: row for key, row in rows.items() if key[:2] == (seed, step)}
        assert set(of_seed) == expected | diversity
        assert {row.n_samples for row in of_seed.values()} == {COUNT}
        assert {key: row.judge for key, row in of_seed.items()} == dict.fromkeys(
            expected, "rows-judge"
        ) | dict.fromkeys(diversity, "")
        generator = cell.networks(step, seed - 1).generator
        samples, components = draw_samples(generator, RECIPE, RECIPE.noise, seed, "components", COUNT)
        images = as_images(samples)
        classes = judged(brightness_judge(1.0), images.numpy()).classes
        measured = of_seed["component_information", "measured"].value
        assert measured == pytest.approx(mutual_info_score(components, classes), abs=1e-9)
        assert measured > 0.3  # components of small σ lie apart, so that each has a class of its own
        above = of_seed["component_information", "above-chance"].value
        assert above == pytest.approx(measured - of_seed["component_information", "chance"].value)
        pixels = images.numpy().reshape(COUNT, -1).astype(float)
        within = sum(((part - part.mean(axis=0)) ** 2).sum() for part in (pixels[i::6] for i in range(6)))
        share = within / (COUNT - 6) / (((pixels - pixels.mean(axis=0)) ** 2).sum() / (COUNT - 1))
        assert of_seed["component_variance_share", "training-noise"].value == pytest.approx(share)
        assert share < 0.3  # σ is small beside what lies between the components
        shares = np.bincount(classes) / COUNT
        entropy = -sum(p * math.log(p) for p in shares if p)
        assert of_seed["component_class_share", "above-chance"].value == pytest.approx(above / entropy)
        if (seed, step) == (1, LAST):
            np.testing.assert_array_equal(sheets["components"][2, :7], images.numpy()[2::6])
    assert sheets["components"].shape == (6, 10, 1, 8, 8) and sheets["components"].dtype == np.uint8


def test_diversity_is_measured_under_the_noise_of_display_too() -> None:
    cell = replace(components_cell(), recipe=replace(RECIPE, display_noise=Noise("normal", 40.0)))
    measure(cell)
    rows = by_key(cell.rows.collected, "seed", "step", "metric", "metric_variant")
    narrow, wide = (rows[1, LAST, "component_variance_share", v].value for v in ("training-noise", "display-noise"))
    assert wide > narrow  # forty times the noise makes samples of a component as different as of any two


def test_a_seed_measures_the_same_in_any_block_and_a_cell_without_an_untrained_step_at_the_last_alone() -> None:
    together, alone, trained = components_cell("0-2"), components_cell("1"), components_cell(steps=(4, LAST))
    for cell in (together, alone, trained):
        measure(cell)
    columns = ("seed", "step", "metric", "metric_variant")
    expected = by_key(together.rows.collected, *columns)
    for key, row in by_key(alone.rows.collected, *columns).items():
        assert row.value == pytest.approx(expected[key].value, abs=1e-9)
    assert {row.step for row in trained.rows.collected} == {LAST}


def test_a_sheet_holds_components_evenly_chosen_and_black_where_samples_lack() -> None:
    images = np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1)
    sheet = sheet_of(images, np.arange(100) % 50, 50)
    assert sheet[:, 0, 0, 0, 0].tolist() == [0, 5, 11, 16, 22, 27, 33, 38, 44, 49]
    assert sheet[1, :, 0, 0, 0].tolist() == [5, 55, *[0] * 8]
    assert sheet_of(images, np.zeros(100, int), 1).shape == (1, 10, 1, 1, 1)
