"""A seed that diverged keeps every row of every protocol, without a value from its step on."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest

from replication.config.params import Probe
from replication.config.protocols import Filters, Inception, LatentArithmetic, LatentWalk, Memorisation, ProtocolOptions
from replication.scoring import components, filters, inception, latent_arithmetic, latent_walk, memorisation
from replication.scoring.image_cell import ImageCell
from replication.scoring.images import score_images
from replication.scoring.probe import probe_cell
from tests.scoring.conftest import PlantedInception
from tests.scoring.small import LAST, by_key, small_cell
from tests.scoring.test_components import components_cell

OPTIONS = ProtocolOptions(
    filters=Filters(filters=2, images=40),
    inception=Inception("planted", splits=3, n_samples=60, modified_samples=30, manifold_samples=50),
    latent_arithmetic=LatentArithmetic(pool=240, trials=30),
    latent_walk=LatentWalk(points=3, steps=4, walks=6),
    memorisation=Memorisation(samples=50),
)
PROTOCOLS: dict[str, Callable[[ImageCell], object]] = {
    "components": components.measure,
    "filters": filters.measure,
    "inception": inception.measure,
    "arithmetic": latent_arithmetic.measure,
    "walk": latent_walk.measure,
    "memorisation": memorisation.measure,
    "images": score_images,
    "probe": lambda cell: probe_cell(cell, Probe((1e-4,), 0.25, 1, (2,), 2), (0, LAST)),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_diverged_seed_keeps_its_rows_without_values(protocol: str, planted: PlantedInception) -> None:
    make = partial(components_cell, "0-1") if protocol == "components" else partial(small_cell, OPTIONS)
    lost, whole = make(diverged={1: 3}), make()
    for cell in (lost, whole):
        PROTOCOLS[protocol](cell)
    columns = ("seed", "step", "metric", "metric_variant", "replicate", "class_")
    rows, expected = (by_key(cell.rows.collected, *columns) for cell in (lost, whole))
    assert {key for key in expected if key[-1] == "all"} <= rows.keys()  # a class that has no samples has no score
    for key, row in rows.items():
        if key[:2] == (1, LAST):
            assert math.isnan(row.value)
        else:
            assert row.value == pytest.approx(expected[key].value, nan_ok=True)
