"""A seed that diverged keeps every row of every protocol, without a value from its step on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from replication.config.params import Probe
from replication.config.protocols import Filters, LatentArithmetic, LatentWalk, Memorisation, ProtocolOptions
from replication.scoring import filters, latent_arithmetic, latent_walk, memorisation
from replication.scoring.image_cell import ImageCell
from replication.scoring.images import score_images
from replication.scoring.probe import probe_cell
from replication.table.measurements import Measurement

OPTIONS = ProtocolOptions(
    filters=Filters(filters=2, images=40),
    latent_arithmetic=LatentArithmetic(pool=240, trials=30),
    latent_walk=LatentWalk(points=3, steps=4, walks=6),
    memorisation=Memorisation(samples=50),
)


def probed(cell: ImageCell) -> None:
    probe_cell(cell, Probe((1e-4,), 0.25, 1, (2,), 2), (0, 8))


def key_of(row: Measurement) -> tuple[int | str, ...]:
    return row.seed, row.step, row.metric, row.metric_variant, row.replicate, row.class_


@pytest.mark.parametrize(
    "measure",
    [filters.measure, latent_arithmetic.measure, latent_walk.measure, memorisation.measure, score_images, probed],
    ids=["filters", "arithmetic", "walk", "memorisation", "images", "probe"],
)
def test_a_diverged_seed_keeps_its_rows_without_values(
    small_cells: Any, measure: Callable[[ImageCell], object]
) -> None:
    lost, whole = small_cells(OPTIONS, diverged={1: 3}), small_cells(OPTIONS)
    for cell in (lost, whole):
        measure(cell)
    rows, expected = ({key_of(row): row.value for row in cell.rows.collected} for cell in (lost, whole))
    overall = {key for key in expected if key[-1] == "all"}  # a class that has no samples has no score
    assert overall <= rows.keys()
    for (seed, step, *rest), value in rows.items():
        if (seed, step) == (1, 8):
            assert math.isnan(value)
        else:
            assert value == pytest.approx(expected[seed, step, *rest], nan_ok=True)
