"""Protocols that a cell may name beside what every cell is scored by; each adds rows, and may return pictures.

A protocol is a module of `replication.scoring` with `measure(cell: ImageCell) -> dict[str, np.ndarray]`, imported
where it is run. The arrays returned are sheets of pictures: uint8 [rows, columns, C, H, W], by name.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from replication.scoring.image_cell import ImageCell


def run_protocols(cell: ImageCell) -> dict[str, np.ndarray]:
    """Every protocol that the cell names; the sheets of all of them."""
    sheets: dict[str, np.ndarray] = {}
    for name in cell.rows.cell.protocols:
        sheets |= PROTOCOLS[name](cell)
    return sheets


def filters(cell: ImageCell) -> dict[str, np.ndarray]:
    """What the discriminator's last filters respond to, trained and untrained (DCGAN §6.2)."""
    from replication.scoring.filters import measure

    return measure(cell)


def memorisation(cell: ImageCell) -> dict[str, np.ndarray]:
    """Whether samples lie nearer to training images than to held-out ones (DCGAN §4.1)."""
    from replication.scoring.memorisation import measure

    return measure(cell)


def forgetting(cell: ImageCell) -> dict[str, np.ndarray]:
    """Dropping the generator's feature maps of a planted object (DCGAN §6.3.1)."""
    from replication.scoring.forgetting import measure

    return measure(cell)


def components(cell: ImageCell) -> dict[str, np.ndarray]:
    """What a prior's component tells of the class of its samples (DeLiGAN)."""
    from replication.scoring.components import measure

    return measure(cell)


def inception(cell: ImageCell) -> dict[str, np.ndarray]:
    """Scores under the original Inception network (Improved GAN §4, DeLiGAN §5)."""
    from replication.scoring.inception import measure

    return measure(cell)


def latent_walk(cell: ImageCell) -> dict[str, np.ndarray]:
    """Walks between random latent points, beside cross-fades (DCGAN §6.1)."""
    from replication.scoring.latent_walk import measure

    return measure(cell)


def latent_arithmetic(cell: ImageCell) -> dict[str, np.ndarray]:
    """Sums of exemplars' latent vectors, and a turn vector (DCGAN §6.3.2)."""
    from replication.scoring.latent_arithmetic import measure

    return measure(cell)


def nearest_generated(cell: ImageCell) -> dict[str, np.ndarray]:
    """1-NN on labelled samples (DCGAN, Table 3)."""
    from replication.scoring.nearest_generated import measure

    return measure(cell)


PROTOCOLS: dict[str, Callable[[ImageCell], dict[str, np.ndarray]]] = {
    "nearest-generated": nearest_generated,
    "latent-walk": latent_walk,
    "latent-arithmetic": latent_arithmetic,
    "components": components,
    "filters": filters,
    "memorisation": memorisation,
    "forgetting": forgetting,
    "inception": inception,
}
