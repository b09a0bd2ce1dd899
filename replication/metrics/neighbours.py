"""Nearest neighbours by Euclidean distance, in float64: repeated samples, and samples that repeat training images."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

DUPLICATE_PERCENTILE = 1.0
BLOCK = 4096  # rows compared at once: a large set of photographs does not fit into memory as floats
NEIGHBOURS = 3  # a ball reaches to the third (Kynkäänniemi 2019)
ROUNDING = 1e-9  # of squared norms: closer than float64 tells, so the same place
NOISE = 8.0  # standard deviation, in levels of 255, by which a memoriser's copies differ from training images


def squared_distances(first: Tensor, second: Tensor) -> Tensor:
    """[n, m] between rows of float64 [n, d] and [m, d], by way of dot products: exact for whole numbers."""
    squares = first.square().sum(dim=1)[:, None] + second.square().sum(dim=1)
    return squares.addmm_(first, second.T, alpha=-2).clamp_min_(0.0)


def nearest(samples: np.ndarray, images: np.ndarray, device: str = "cpu") -> tuple[np.ndarray, np.ndarray]:
    """For each of n samples the squared distance, float64 [n], and the index, int64 [n], of the nearest image."""
    points = _flat(samples, device)
    least = torch.full((len(points),), torch.inf, dtype=torch.float64, device=device)
    index = torch.zeros(len(points), dtype=torch.int64, device=device)
    for start in range(0, len(images), BLOCK):
        values, places = squared_distances(points, _flat(images[start : start + BLOCK], device)).min(dim=1)
        index = torch.where(values < least, start + places, index)
        least = torch.minimum(least, values)
    return least.cpu().numpy(), index.cpu().numpy()


def duplicate_rate(samples: np.ndarray, real: np.ndarray) -> tuple[float, int]:
    """The share of samples as near to another sample as the nearest 1 % of as many real images are to another, and n.

    Both sets are uint8 [n, C, H, W] and are cut to the size of the smaller, as distances shrink with n.
    """
    count = min(len(samples), len(real))
    return share_within(samples[:count], duplicate_threshold(real, count)), count


def duplicate_threshold(real: np.ndarray, count: int) -> float:
    """Distance within which the nearest 1 % of `count` real images have another one: evenly spaced ones of `real`."""
    return float(np.percentile(_to_other(every(real, count)), DUPLICATE_PERCENTILE))


def share_within(samples: np.ndarray, threshold: float) -> float:
    """Share of samples that have another one within a distance."""
    return float((_to_other(samples) <= threshold).mean())


def every(rows: np.ndarray, limit: int) -> np.ndarray:
    """At most `limit` rows, evenly spaced."""
    return rows if len(rows) <= limit else rows[np.arange(limit) * len(rows) // limit]


def ball_radii(features: Tensor) -> Tensor:
    """float64 [n]: the squared distance of each of float64 [n, d] to its third nearest other one."""
    # The nearest of all is itself.
    parts = (feature_distances(part, features) for part in features.split(BLOCK))
    return torch.cat([part.kthvalue(NEIGHBOURS + 1, dim=1).values for part in parts])


def feature_distances(first: Tensor, second: Tensor) -> Tensor:
    """Squared distances [n, m] of features float64, exactly 0 between those that are the same but for rounding."""
    squared = squared_distances(first, second)
    norms = first.square().sum(dim=1)[:, None] + second.square().sum(dim=1)
    return squared.masked_fill_(squared <= norms.mul_(ROUNDING), 0.0)


def _to_other(images: np.ndarray) -> np.ndarray:
    """Distance of each image to its nearest other one; a set's own image is not its neighbour."""
    flat, parts = _flat(images), []
    for start in range(0, len(flat), BLOCK):
        squared = squared_distances(flat[start : start + BLOCK], flat)
        squared[:, start:].fill_diagonal_(torch.inf)
        parts.append(squared.amin(dim=1))
    return torch.cat(parts).sqrt().numpy()


def _flat(images: np.ndarray, device: str = "cpu") -> Tensor:
    return torch.from_numpy(images.reshape(len(images), -1)).to(device, torch.float64)


def memorisation_share(
    samples: np.ndarray, training: np.ndarray, held_out: np.ndarray, device: str = "cpu"
) -> tuple[float, int]:
    """The share of samples nearer to a training image than to any held-out one, were both sets equally large; and n.

    All are uint8 [n, C, H, W]. In one population the nearest of N training and M held-out images is a training image
    with probability N / (N + M), so the odds observed are divided by N / M. 0.5 is no memorising; 1 is every sample
    nearer to training. Equal distances count as chance has them.
    """
    to_training, to_held_out = (nearest(samples, images, device)[0] for images in (training, held_out))
    chance = len(training) / (len(training) + len(held_out))
    nearer = np.where(to_training == to_held_out, chance, to_training < to_held_out).mean()
    weighted = nearer * (1.0 - chance)
    return float(weighted / (weighted + (1.0 - nearer) * chance)), len(samples)


def memorised(training: np.ndarray, count: int, stream: np.random.Generator, noise: float = NOISE) -> np.ndarray:
    """What a memoriser makes: `count` random training images with Gaussian noise of `noise` levels, uint8."""
    copies = training[stream.integers(len(training), size=count)]
    return np.rint(copies + noise * stream.standard_normal(copies.shape)).clip(0, 255).astype(np.uint8)
