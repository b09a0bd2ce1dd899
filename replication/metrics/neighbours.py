"""Pixel-space neighbours: does a generator repeat itself, and what is the training image nearest to a sample?"""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestNeighbors

from replication.metrics.distribution import every

DUPLICATE_PERCENTILE = 1.0
BLOCK = 20_000  # images compared at once: a large set of photographs does not fit into memory as floats


def nearest(samples: np.ndarray, images: np.ndarray) -> np.ndarray:
    """int64 [n]: for each of n samples the index of the nearest image, by Euclidean distance of pixels."""
    starts = range(0, len(images), BLOCK)
    found = [
        NearestNeighbors(n_neighbors=1).fit(_flat(images[s : s + BLOCK])).kneighbors(_flat(samples)) for s in starts
    ]
    distances, places = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))  # [n, blocks]
    block = distances.argmin(axis=1)
    return block * BLOCK + places[np.arange(len(samples)), block]


def duplicate_rate(samples: np.ndarray, real: np.ndarray) -> tuple[float, int]:
    """The share of samples as near to another sample as the nearest 1 % of as many real images are to another real one.

    Both are uint8 [n, C, H, W]; of the larger set fewer are used, because distances shrink with n. Real images have a
    rate of about one per cent by construction. Returns the rate and n.
    """
    count = min(len(samples), len(real))
    return share_within(samples[:count], duplicate_threshold(real, count)), count


def duplicate_threshold(real: np.ndarray, count: int) -> float:
    """Distance within which the nearest 1 % of `count` real images have another one: evenly spaced ones of `real`."""
    return float(np.percentile(_to_other(every(real, count)), DUPLICATE_PERCENTILE))


def share_within(samples: np.ndarray, threshold: float) -> float:
    """Share of samples that have another one within a distance."""
    return float((_to_other(samples) <= threshold).mean())


def _to_other(images: np.ndarray) -> np.ndarray:
    """Distance of each image to its nearest other one; a set's own image is not its neighbour."""
    return NearestNeighbors(n_neighbors=1).fit(_flat(images)).kneighbors()[0][:, 0]


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float64)
