"""Rows and sheet of latent walks, and a generator whose walks are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from replication.config.protocols import LatentWalk, ProtocolOptions
from replication.models.layers.networks import Generator, Networks
from replication.scoring.latent_space import LatentSpace
from replication.scoring.latent_walk import measure
from replication.table.measurements import to_table
from replication.training.state import initial_state, weights_of

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


def level_cell(small_cells: Any, sharp: bool) -> Any:
    cell = small_cells(ProtocolOptions(latent_walk=LatentWalk(points=3, steps=4, walks=100)))

    def build() -> Networks:
        return Networks(Generator(None, Levels(sharp)), nn.Linear(1, 1))

    states = dict.fromkeys((0, 8), weights_of(initial_state(build, cell.recipe, cell.seeds)))
    return replace(cell, build=build, trained=replace(cell.trained, states=states))


def test_rows_by_variant_and_step(small_cells: Any) -> None:
    cell = small_cells(OPTIONS)
    sheets = measure(cell)
    to_table(cell.rows.collected)  # raises where a row is unknown or occurs twice
    smooth, plausible = (
        {(row.seed, row.metric_variant, row.step): row.n_samples for row in cell.rows.collected if row.metric == metric}
        for metric in ("walk_smoothness", "walk_plausibility")
    )
    both = (("latent", 0), ("latent", 8), ("memorised", 0), ("memorised", 8), ("pixel", 8))
    assert smooth == {(seed, *one): 12 for seed in (0, 1) for one in both}
    counts = {"latent-endpoints": 18, "latent-midpoints": 12}
    last = {**counts, "pixel-midpoints": 12, "real": 60}
    expected = {(seed, name, 0): count for seed in (0, 1) for name, count in counts.items()}
    assert plausible == expected | {(seed, name, 8): count for seed in (0, 1) for name, count in last.items()}
    assert {row.judge for row in cell.rows.collected if row.metric == "walk_plausibility"} == {"rows-classifier"}
    assert sheets["walk"].dtype == np.uint8 and sheets["walk"].shape == (2 + 2, 5, 1, 8, 8)
    assert np.array_equal(sheets["walk"][0, -1], sheets["walk"][1, 0])  # a leg begins where the last one ended


def test_a_generator_linear_in_its_latent_walks_as_a_cross_fade(small_cells: Any) -> None:
    """But for the rounding of grey levels, which a walk of one grey between levels near each other is all of."""
    cell = level_cell(small_cells, sharp=False)
    measure(cell)
    points = LatentSpace(cell, 8, 0).draw("latent walk", 300).reshape(100, 3, 3)[..., 0].astype(float)
    shares = [0, 0.25, 0.5, 0.75, 1]
    each = []
    for first, last in np.concatenate([points[:, :2], points[:, 1:]]):
        changes = np.abs(np.diff([round(127.5 * (1 + first + share * (last - first))) for share in shares]))
        each.append(changes.mean() / changes.max() if changes.max() else 0.0)
    found = small_cells.values(cell, "walk_smoothness", "latent")[0, 8]
    assert found == pytest.approx(np.mean(each), abs=2e-3) and found > 0.9
    assert small_cells.values(cell, "walk_smoothness", "pixel")[0, 8] == pytest.approx(1.0, abs=0.05)


def test_a_generator_that_jumps_is_as_sharp_as_a_memory(small_cells: Any) -> None:
    """Of two random points half lie on either side: those legs have one step of change, the others none."""
    cell = level_cell(small_cells, sharp=True)
    measure(cell)
    sharp = small_cells.values(cell, "walk_smoothness", "latent")
    assert sharp[0, 8] == pytest.approx(0.5 / 4, abs=0.04)
    assert small_cells.values(cell, "walk_smoothness", "memorised")[0, 8] == pytest.approx(sharp[0, 8], abs=1e-6)


def test_without_a_judge_walks_are_smooth_or_not_and_no_more(small_cells: Any) -> None:
    cell = replace(small_cells(OPTIONS), judge=None, judge_name="")
    measure(cell)
    assert {row.metric for row in cell.rows.collected} == {"walk_smoothness"}


def test_a_diverged_seed_reads_nan(small_cells: Any) -> None:
    cell = small_cells(OPTIONS, diverged={1: 3})
    measure(cell)
    found = small_cells.values(cell, "walk_smoothness", "latent")
    assert np.isnan(found[1, 8]) and np.isfinite([found[0, 8], found[1, 0]]).all()


def test_fades_of_a_conditional_cell_are_within_a_class(small_cells: Any) -> None:
    network = {"kind": "conditional", "init_std": 0.5, "dense": [8], "generator": [], "discriminator": []}
    data = small_cells.data()
    data = replace(data, train_images=(60 * data.train_labels + 60).astype(np.uint8)[:, None, None, None]
                   * np.ones((1, 1, 8, 8), np.uint8))  # fmt: skip
    sheet = measure(small_cells(OPTIONS, data=data, **network))["walk"]
    assert {tuple(np.unique(fade)) for fade in sheet[2:]} == {(60,)}  # the first walk is of the first class
