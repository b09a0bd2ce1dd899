"""Protocols that a cell may name beside what every cell is scored by; each adds rows, and may return pictures.

A protocol is a module of `replication.scoring` with `measure(cell: ImageCell) -> dict[str, np.ndarray]`. The arrays
returned are sheets of pictures: uint8 [rows, columns, C, H, W], by name.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from replication.scoring import (
    components,
    filters,
    forgetting,
    inception,
    latent_arithmetic,
    latent_walk,
    memorisation,
    nearest_generated,
)
from replication.scoring.image_cell import ImageCell

MODULES = (nearest_generated, latent_walk, latent_arithmetic, components, filters, memorisation, forgetting, inception)
PROTOCOLS: dict[str, Callable[[ImageCell], dict[str, np.ndarray]]] = {
    module.__name__.rpartition(".")[2].replace("_", "-"): module.measure for module in MODULES
}


def run_protocols(cell: ImageCell) -> dict[str, np.ndarray]:
    """Every protocol that the cell names; the sheets of all of them."""
    sheets: dict[str, np.ndarray] = {}
    for name in cell.rows.cell.protocols:
        sheets |= PROTOCOLS[name](cell)
    return sheets
