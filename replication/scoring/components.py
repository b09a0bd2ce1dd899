"""Protocol `components`: whether each component of a prior owns a part of the distribution (DeLiGAN)."""

from __future__ import annotations

import numpy as np
import torch

from replication.errors import InputError
from replication.metrics.classifier import classify
from replication.metrics.components import component_information
from replication.models.layers.samples import as_images
from replication.protocol_options import Components
from replication.runtime import side_by_side
from replication.scoring.image_cell import ImageCell
from replication.scoring.rows import Rows
from replication.seeding import generator as stream_of
from replication.training.sampling import draw_with_components

SHEET = "components"
SHOWN = 10  # components on the sheet, and samples of each
SHARES = ("measured", "above-chance")  # variants that are given as shares of the classes' entropy too


def measure(cell: ImageCell) -> dict[str, np.ndarray]:
    """Rows of every seed, trained and untrained; a sheet with a line of samples for each of some components.

    Samples are drawn with the noise of training; their class is the judge's.

    Raises:
        InputError: the recipe's prior has no components, or no judge knows the data set.
    """
    key = cell.rows.cell.key
    if not cell.recipe.prior.components:
        raise InputError(
            f"Cell {key} names protocol components, but the prior of its recipe has none: take components out of its "
            "protocols."
        )
    judge = cell.judge
    if judge is None:
        raise InputError(
            f"Cell {key} names protocol components, but no judge tells the classes of {cell.rows.cell.dataset} apart: "
            "add one to judges in params.yaml, or take components out of its protocols."
        )
    options, steps = cell.options.components, (cell.trained.steps[-1], 0)
    if cell.trained.steps[0] != 0:
        steps = steps[:1]

    def score_seed(place: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        step, index = place
        images, components = _draw(cell, step, index, options.samples)
        classes = classify(judge, torch.from_numpy(images)).numpy().argmax(axis=1)
        add_information(cell.rows, cell.seeds[index], step, components, classes, options, cell.judge_name)
        return images, components

    places = [(step, index) for step in steps for index in range(len(cell.seeds))]
    images, components = side_by_side(score_seed, places, cell.threads)[0]  # of the first seed, trained
    return {SHEET: sheet_of(images, components, cell.recipe.prior.components)}


def add_information(
    rows: Rows, seed: int, step: int, components: np.ndarray, classes: np.ndarray, options: Components, judge: str = ""
) -> None:
    """Rows of one seed at one step, from components and classes int [n] of its samples."""
    stream = stream_of(seed, "permuted classes", step)
    found = component_information(components, classes, options.permutations, stream)
    values = {
        "measured": found.information,
        "chance": found.chance,
        "chance-95": found.chance_beyond,
        "above-chance": found.above_chance,
    }
    for variant, nats in values.items():
        given = {"metric_variant": variant, "judge": judge}
        rows.add(seed, step, "component_information", nats, len(classes), **given)
        if variant in SHARES:
            rows.add(seed, step, "component_class_share", found.of_entropy(nats), len(classes), **given)
    rows.add(seed, step, "component_p_value", found.p_value, len(classes), judge=judge)


def sheet_of(images: np.ndarray, components: np.ndarray, of: int) -> np.ndarray:
    """uint8 [rows, columns, C, H, W]: a row for each of some of the `of` components, evenly chosen, with samples of it.

    A component of fewer samples than columns leaves black pictures behind them.
    """
    chosen = np.unique(np.linspace(0, of - 1, min(of, SHOWN)).round().astype(int))
    sheet = np.zeros((len(chosen), SHOWN, *images.shape[1:]), np.uint8)
    for line, component in zip(sheet, chosen, strict=True):
        own = images[components == component][:SHOWN]
        line[: len(own)] = own
    return sheet


def _draw(cell: ImageCell, step: int, index: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 images [count, C, H, W] of one seed, and their components."""
    generator, recipe = cell.networks(step, index).generator, cell.recipe
    drawn = draw_with_components(generator, recipe, recipe.noise, cell.seeds[index], "components", count, cell.classes)
    return as_images(torch.nan_to_num(drawn[0]), recipe.pixels).cpu().numpy(), drawn[1]
