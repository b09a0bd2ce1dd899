"""A small image cell for tests of protocols: untrained networks for 8×8 images of three classes, at two steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from replication.config.params import Cell
from replication.config.protocols import ProtocolOptions
from replication.data.reading import PreparedImages
from replication.models import load
from replication.models.layers.networks import Networks
from replication.scoring.image_cell import ImageCell
from replication.scoring.rows import Rows
from replication.scoring.trained import TrainedCell
from replication.training.state import initial_state, weights_of
from tests.in_small import own_params

CLASSES, LAST = 3, 8
NETWORK = {"kernel": 3, "init_std": 0.3, "generator": [[6, 0], [5, 2], [1, 1]], "discriminator": [[2, 1], [4, 2]]}
RECIPE = replace(own_params().recipe("dcgan", "digits", "paper"), batch=20, latent_dim=3, n_samples=40, network=NETWORK)


def some_data(train: int = 60, test: int = 60, side: int = 8) -> PreparedImages:
    """Noisy images, each class with a bright row of its own."""
    stream, count = np.random.default_rng(0), train + test
    labels = np.arange(count) % CLASSES
    images = stream.integers(0, 120, (count, 1, side, side))
    images[np.arange(count), 0, labels] += 100
    images = images.astype(np.uint8)
    return PreparedImages(
        "rows", images[:train], labels[:train], images[train:], labels[train:], tuple("abc"[:CLASSES]), {}
    )


def judge_of(side: int = 8) -> nn.Sequential:
    """Logits are the brightness of the first three rows of an image."""
    layer = nn.Linear(side * side, CLASSES, bias=False)
    layer.weight.data = 20 * torch.eye(side)[:CLASSES].repeat_interleave(side, dim=1)
    return nn.Sequential(nn.Flatten(), layer)


@dataclass(frozen=True)
class SmallCells:
    """Makes small image cells, and reads their rows."""

    last: int = LAST

    def data(self, train: int = 60, test: int = 60, side: int = 8) -> PreparedImages:
        """As `some_data`."""
        return some_data(train, test, side)

    def __call__(
        self,
        options: ProtocolOptions | None = None,
        seeds: str = "0-1",
        diverged: dict[int, int] | None = None,
        data: PreparedImages | None = None,
        **network: Any,
    ) -> ImageCell:
        """A cell at steps 0 and LAST with the same weights; those of diverged seeds are NaN at the last."""
        data, recipe = data or some_data(), replace(RECIPE, network=network if "kind" in network else NETWORK | network)
        chosen, shape = np.arange(len(data.train_images)), data.train_images.shape[1:]
        named = Cell("dcgan2015", "dcgan", "digits", "rows", "full", "paper", seeds)
        rows = Rows("cpu", named, len(chosen), diverged or {})

        def build() -> Networks:
            return load("dcgan").build(recipe.network, recipe.prior, recipe.latent_dim, shape, CLASSES)

        start = weights_of(initial_state(build, recipe, rows.cell.seed_numbers))
        states = {0: start, LAST: {name: tensor.clone() for name, tensor in start.items()}}
        for seed in rows.diverged:
            for tensor in (tensor for tensor in states[LAST].values() if tensor.is_floating_point()):
                tensor[rows.cell.seed_numbers.index(seed)] = torch.nan
        trained = TrainedCell((0, LAST), states, np.ones((len(rows.cell.seed_numbers), 1, 2), np.float32), {})
        given = options or ProtocolOptions()
        return ImageCell(rows, trained, build, recipe, data, chosen, judge_of(), "rows-classifier", given, 2)

    def values(self, cell: ImageCell, metric: str, variant: str) -> dict[tuple[int, int], float]:
        """(seed, step) → value."""
        return {
            (row.seed, row.step): row.value
            for row in cell.rows.collected
            if (row.metric, row.metric_variant) == (metric, variant)
        }


@pytest.fixture(scope="session")
def small_cells() -> SmallCells:
    """`small_cells(options, …)` is a cell to measure."""
    return SmallCells()
