"""Rows and sheet of latent walks, and a generator whose walks are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from replication.config.protocols import LatentWalk, ProtocolOptions
from replication.models.layers.networks import Generator, Networks
from replication.scoring.image_cell import ImageCell
from replication.scoring.latent_space import LatentSpace
from replication.scoring.latent_walk import measure
from replication.table.measurements import to_table
from tests.scoring.small import LAST, rebuilt, small_cell, some_data, values

OPTIONS = ProtocolOptions(latent_walk=LatentWalk(points=3, steps=4, walks=6))


class Levels(nn.Module):
    """One grey level, linear in the first latent; with `sharp` it is black or white by that latent's sign."""

    def __init__(self, sharp: bool) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.sharp = sharp

    def forward(self, latent: Tensor) -> Tensor:
        level = latent[:, 0].sign() if self.sharp else latent[:, 0]
        return (self.scale * level)[:, None, None, None].expand(-1, 1, 8, 8)


def level_cell(sharp: bool) -> ImageCell:
    cell = small_cell(ProtocolOptions(latent_walk=LatentWalk(points=3, steps=4, walks=100)))
    return rebuilt(cell, lambda: Networks(Generator(None, Levels(sharp)), nn.Linear(1, 1)))


def test_rows_by_variant_and_step() -> None:
    cell = small_cell(OPTIONS)
    sheets = measure(cell)
    to_table(cell.rows.collected)  # raises where a row is unknown or occurs twice
    smooth, plausible = (
        {(row.seed, row.metric_variant, row.step): row.n_samples for row in cell.rows.collected if row.metric == metric}
        for metric in ("walk_smoothness", "walk_plausibility")
    )
    places = (("latent", 0), ("latent", 8), ("memorised", 0), ("memorised", 8), ("pixel", 8))
    assert smooth == {(seed, *place): 12 for seed in (0, 1) for place in places}
    counts = {"latent-endpoints": 18, "latent-midpoints": 12}
    last = {**counts, "pixel-midpoints": 12, "real": 60}
    expected = {(seed, name, 0): count for seed in (0, 1) for name, count in counts.items()}
    assert plausible == expected | {(seed, name, 8): count for seed in (0, 1) for name, count in last.items()}
    assert {row.judge for row in cell.rows.collected if row.metric == "walk_plausibility"} == {"rows-classifier"}
    assert sheets["walk"].dtype == np.uint8 and sheets["walk"].shape == (2 + 2, 5, 1, 8, 8)
    assert np.array_equal(sheets["walk"][0, -1], sheets["walk"][1, 0])  # a leg begins where the last one ended


def test_a_generator_linear_in_its_latent_walks_as_a_cross_fade() -> None:
    """But for the rounding of grey levels, which a walk of one grey between levels near each other is all of."""
    cell = level_cell(sharp=False)
    measure(cell)
    points = LatentSpace(cell, LAST, 0).draw("latent walk", 300).reshape(100, 3, 3)[..., 0].astype(float)
    shares = [0, 0.25, 0.5, 0.75, 1]
    each = []
    for first, last in np.concatenate([points[:, :2], points[:, 1:]]):
        changes = np.abs(np.diff([round(127.5 * (1 + first + share * (last - first))) for share in shares]))
        each.append(changes.mean() / changes.max() if changes.max() else 0.0)
    smoothness = values(cell, "walk_smoothness", "latent")[0, LAST]
    assert smoothness == pytest.approx(np.mean(each), abs=2e-3) and smoothness > 0.9
    assert values(cell, "walk_smoothness", "pixel")[0, LAST] == pytest.approx(1.0, abs=0.05)


def test_a_generator_that_jumps_is_as_sharp_as_a_memory() -> None:
    """Of two random points half lie on either side: those legs have one step of change, the others none."""
    cell = level_cell(sharp=True)
    measure(cell)
    sharp = values(cell, "walk_smoothness", "latent")
    assert sharp[0, LAST] == pytest.approx(0.5 / 4, abs=0.04)
    assert values(cell, "walk_smoothness", "memorised")[0, LAST] == pytest.approx(sharp[0, LAST], abs=1e-6)
    unjudged = replace(small_cell(OPTIONS), judge=None, judge_name="")
    measure(unjudged)
    assert {row.metric for row in unjudged.rows.collected} == {"walk_smoothness"}


def test_fades_of_a_conditional_cell_are_within_a_class() -> None:
    network = {"kind": "conditional", "init_std": 0.5, "dense": [8], "generator": [], "discriminator": []}
    data = some_data()
    grey = (60 * data.train_labels + 60).astype(np.uint8).repeat(64).reshape(-1, 1, 8, 8)
    sheet = measure(small_cell(OPTIONS, data=replace(data, train_images=grey), **network))["walk"]
    assert {tuple(np.unique(fade)) for fade in sheet[2:]} == {(60,)}  # the first walk is of the first class
