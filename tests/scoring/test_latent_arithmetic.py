"""Sums and turns of a generator whose thickness and slant are linear in its latents, and of ones that have none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from replication.config.protocols import LatentArithmetic, ProtocolOptions
from replication.metrics.arithmetic import stroke_attributes
from replication.models.layers.networks import Conditional, Generator, Networks
from replication.models.layers.samples import as_images
from replication.scoring.image_cell import ImageCell
from replication.scoring.latent_arithmetic import SUMS, measure
from replication.table.measurements import to_table
from tests.scoring.small import rebuilt, small_cell, some_data

SIDE = 20
OPTIONS = ProtocolOptions(latent_arithmetic=LatentArithmetic(pool=240, trials=30))


class Strokes(nn.Module):
    """Strokes as wide as the first latent says, as slanted as the second, and placed by the third."""

    def __init__(self, reach: float) -> None:
        super().__init__()
        self.reach = nn.Parameter(torch.tensor(reach))

    def forward(self, latent: Tensor) -> Tensor:
        wide, lean, place = (self.reach * latent[:, :3]).T[:, :, None, None]
        height, across = torch.meshgrid(9.5 - torch.arange(SIDE), torch.arange(SIDE) - 9.5, indexing="ij")
        shear = 0.4 * lean
        away = (across - place - shear * height).abs() / (1 + shear**2).sqrt()
        ink = (1.5 + 0.6 * wide - away + 0.5).clamp(0, 1) * (height.abs() <= 7)
        return 2 * ink[:, None] - 1


class MarkedStrokes(Conditional):
    """The same with a faint mark in the last row, at the place of the label."""

    def __init__(self, reach: float) -> None:
        super().__init__()
        self.strokes = Strokes(reach)

    def forward(self, latent: Tensor, labels: Tensor) -> Tensor:
        images = self.strokes(latent)
        images[torch.arange(len(labels)), 0, -1, labels] = -1 + 2 * 20 / 255
        return images


def stroke_cell(reach: float = 1.0, marked: bool = False, seeds: str = "0-1") -> ImageCell:
    """A cell whose generator is `Strokes`, trained on strokes, its judge one that sees pixels and is sure of all."""
    latents = torch.from_numpy(np.random.default_rng(0).uniform(-1.5, 1.5, (700, 3)).astype(np.float32))
    images = as_images(Strokes(1.0)(latents).detach()).numpy()
    data = replace(some_data(600, 100), train_images=images[:600], test_images=images[600:])
    cell = small_cell(OPTIONS, data=data, generator=[[2, 0], [2, 1], [1, 1]], seeds=seeds)
    layer = nn.Linear(SIDE * SIDE, 3)
    nn.init.zeros_(layer.weight)
    strokes = MarkedStrokes if marked else Strokes
    cell = rebuilt(cell, lambda: Networks(Generator(None, strokes(reach)), nn.Linear(1, 1)))
    return replace(cell, judge=nn.Sequential(nn.Flatten(), layer))


def mean(cell: ImageCell, metric: str, variant: str) -> float:
    rows = [row.value for row in cell.rows.collected if (row.metric, row.metric_variant) == (metric, variant)]
    assert len(rows) == len(cell.seeds)
    return float(np.mean(rows))


def test_where_attributes_are_linear_arithmetic_does_what_it_says() -> None:
    cell = stroke_cell()
    sheets = measure(cell)
    to_table(cell.rows.collected)
    success = {name: mean(cell, "arithmetic_success", name) for name in SUMS}
    assert success["three-exemplars"] > 0.7
    assert success["random"] < 0.3 and success["pixel"] < 0.3
    assert mean(cell, "arithmetic_success", "samples-of-concept") > 0.8
    spread = {name: mean(cell, "arithmetic_spread", name) for name in SUMS}
    assert spread["three-exemplars"] < spread["one-exemplar"] < spread["random"] + 0.5
    assert mean(cell, "turn_monotonicity", "exemplars") > 0.95
    assert abs(mean(cell, "turn_monotonicity", "random")) < 0.5
    assert mean(cell, "turn_slope", "exemplars") > 2 * abs(mean(cell, "turn_slope", "random"))
    assert {row.step for row in cell.rows.collected} == {8}
    assert sheets["arithmetic"].shape == (6, 14, 1, SIDE, SIDE) and sheets["turn"].shape == (8, 9, 1, SIDE, SIDE)


def test_the_sheets_show_concepts_and_turns() -> None:
    sheets = measure(stroke_cell(seeds="0"))
    attributes = stroke_attributes(sheets["arithmetic"].reshape(-1, 1, SIDE, SIDE)).reshape(6, 14, 2)
    thick, slanted = attributes[..., 0], attributes[..., 1]
    assert thick[:, :6].min() > thick[:, 6:9].max()  # two thick concepts and a thin one
    assert slanted[:, :3].min() > slanted[:, 3:9].max()
    turned = stroke_attributes(sheets["turn"].reshape(-1, 1, SIDE, SIDE))[:, 1].reshape(8, 9)
    assert (turned[:6, -1] > turned[:6, 0]).all()
    assert np.array_equal(sheets["turn"][:2, 0], sheets["turn"][6:, 0])  # the same samples before a random direction


def test_a_generator_of_one_image_holds_no_exemplars() -> None:
    cell = stroke_cell(reach=0.0)
    assert measure(cell) == {}
    assert mean(cell, "arithmetic_success", "three-exemplars") == 0.0
    assert np.isnan(mean(cell, "arithmetic_spread", "three-exemplars"))
    assert mean(cell, "turn_monotonicity", "exemplars") == 0.0
    counts = {row.metric_variant: row.n_samples for row in cell.rows.collected if row.metric == "arithmetic_success"}
    assert counts == dict.fromkeys(SUMS, 30 * 9) | {"pixel": 30, "samples-of-concept": 0}


def test_a_conditional_generator_adds_within_a_class() -> None:
    cell = stroke_cell(marked=True)
    sheets = measure(cell)
    for sheet in sheets.values():
        marks = sheet[:, :, 0, -1, :3]  # [lines, columns, 3]: of each image, and after a sum of pixels too
        assert (marks == marks[:, :1]).all()
        assert {int(line.argmax()) for line in marks[:, 0]} == {0, 1, 2}
    assert sheets["arithmetic"].shape[0] == 6 and sheets["turn"].shape[0] == 8
    counts = {row.metric_variant: row.n_samples for row in cell.rows.collected if row.metric == "arithmetic_success"}
    assert counts["three-exemplars"] == 30 * 9 and counts["pixel"] == 30
