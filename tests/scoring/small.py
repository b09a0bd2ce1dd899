"""Small cells for tests of protocols: untrained networks, the same at each step, and 8×8 images of three classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from replication.config.params import Cell
from replication.config.protocols import ProtocolOptions
from replication.config.recipes import Recipe
from replication.data.reading import PreparedImages
from replication.models.layers.networks import Networks
from replication.scoring.image_cell import ImageCell
from replication.scoring.rows import Rows
from replication.scoring.trained import TrainedCell
from replication.table.measurements import Measurement, to_table
from replication.training.state import initial_state, weights_of
from tests.in_small import builder, own_params

CLASSES, LAST = 3, 8
NETWORK = {"kernel": 3, "init_std": 0.3, "generator": [[6, 0], [5, 2], [1, 1]], "discriminator": [[2, 1], [4, 2]]}
RECIPE = replace(own_params().recipe("dcgan", "digits", "paper"), batch=20, latent_dim=3, n_samples=40, network=NETWORK)
Build = Callable[[], Networks]


def some_data(train: int = 60, test: int = 60, side: int = 8) -> PreparedImages:
    """Noisy images, each class with a bright row of its own."""
    stream, count = np.random.default_rng(0), train + test
    labels = np.arange(count) % CLASSES
    images = stream.integers(0, 120, (count, 1, side, side))
    images[np.arange(count), 0, labels] += 100
    images = images.astype(np.uint8)
    return PreparedImages("rows", images[:train], labels[:train], images[train:], labels[train:], tuple("abc"), {})


def brightness_judge(scale: float = 20.0, side: int = 8) -> nn.Sequential:
    """Logits are the brightness of the first three rows of an image."""
    layer = nn.Linear(side * side, CLASSES, bias=False)
    layer.weight.data = scale * torch.eye(side)[:CLASSES].repeat_interleave(side, dim=1)
    return nn.Sequential(nn.Flatten(), layer)


def initial_weights(build: Build, recipe: Recipe, seeds: tuple[int, ...]) -> dict[str, torch.Tensor]:
    return weights_of(initial_state(build, recipe, seeds))


def trained_cell(
    build: Build, recipe: Recipe, rows: Rows, steps: tuple[int, ...] = (0, LAST), history: np.ndarray | None = None
) -> TrainedCell:
    """Initial weights at every step; those of a seed that diverged are NaN from its step on."""
    seeds = rows.cell.seed_numbers
    start = initial_weights(build, recipe, seeds)
    states = {step: {name: tensor.clone() for name, tensor in start.items()} for step in steps}
    for seed, lost in rows.diverged.items():
        for tensor in (tensor for step in steps if step >= lost for tensor in states[step].values()):
            if tensor.is_floating_point():
                tensor[seeds.index(seed)] = torch.nan
    return TrainedCell(steps, states, np.ones((len(seeds), 1, 2), np.float32) if history is None else history, {})


def small_cell(
    options: ProtocolOptions | None = None,
    seeds: str = "0-1",
    diverged: dict[int, int] | None = None,
    data: PreparedImages | None = None,
    **network: Any,
) -> ImageCell:
    """A cell of DCGAN at steps 0 and LAST, trained on all images; `network` changes the recipe's."""
    data, recipe = data or some_data(), replace(RECIPE, network=network if "kind" in network else NETWORK | network)
    chosen, shape = np.arange(len(data.train_images)), data.train_images.shape[1:]
    rows = Rows(
        "cpu", Cell("dcgan2015", "dcgan", "digits", "rows", "full", "paper", seeds), len(chosen), diverged or {}
    )
    build = builder("dcgan", recipe, shape, CLASSES)
    trained, options = trained_cell(build, recipe, rows), options or ProtocolOptions()
    return ImageCell(rows, trained, build, recipe, data, chosen, brightness_judge(), "rows-classifier", options, 2)


def rebuilt(cell: ImageCell, build: Build) -> ImageCell:
    """The same cell with other networks."""
    return replace(cell, build=build, trained=trained_cell(build, cell.recipe, cell.rows))


def values(cell: ImageCell, metric: str, variant: str) -> dict[tuple[int, int], float]:
    """(seed, step) → value."""
    rows = (row for row in cell.rows.collected if (row.metric, row.metric_variant) == (metric, variant))
    return {(row.seed, row.step): row.value for row in rows}


def by_key(rows: list[Measurement], *columns: str) -> dict[Any, Measurement]:
    """Rows by the columns that tell them apart; it raises where a row is unknown or occurs twice."""
    to_table(rows)
    keyed = {tuple(getattr(row, column) for column in columns): row for row in rows}
    assert len(keyed) == len(rows)
    return keyed
