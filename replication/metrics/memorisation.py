"""Whether a generator repeats its training images: its samples' neighbours among them and among held-out images."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from replication.foundation.errors import InputError

BLOCK = 10_000  # images compared at once
NOISE = 8.0  # standard deviation, in levels of 255, by which a memoriser's copies differ from training images


def nearest_distances(samples: np.ndarray, images: np.ndarray, device: str = "cpu") -> np.ndarray:
    """float64 [n]: squared Euclidean distance of pixels from each of n samples to its nearest image; both are uint8.

    Whole numbers in float64, so that equal distances are equal and a copy is at zero.
    """
    points = _flat(samples, device)
    found = torch.full((len(points),), torch.inf, dtype=torch.float64, device=device)
    for start in range(0, len(images), BLOCK):
        block = _flat(images[start : start + BLOCK], device)
        squares = block.square().sum(dim=1) - 2.0 * (points @ block.T)  # [n, BLOCK]
        found = torch.minimum(found, squares.amin(dim=1))
    return (found + points.square().sum(dim=1)).cpu().numpy()


def memorisation_share(
    samples: np.ndarray, training: np.ndarray, held_out: np.ndarray, device: str = "cpu"
) -> tuple[float, int]:
    """The share of samples nearer to a training image than to any held-out one, were the two sets equally large.

    uint8 [n, C, H, W] each. Of N training and M held-out images from one population the nearest to an image drawn
    independently is a training image with probability N / (N + M), so the odds observed are divided by N / M: 0.5 is no
    memorising, 1 every sample nearer to training, whatever the sizes. Equal distances count as chance has them.
    Returns the share and n.

    Raises:
        InputError: a set is empty.
    """
    if not len(samples) or not len(training) or not len(held_out):
        raise InputError(
            f"Neighbours of {len(samples)} samples among {len(training)} training and {len(held_out)} held-out images: "
            "give at least one of each; a split that leaves images out has some to hold out."
        )
    to_training, to_held_out = (nearest_distances(samples, images, device) for images in (training, held_out))
    chance = len(training) / (len(training) + len(held_out))
    nearer = np.where(to_training == to_held_out, chance, to_training < to_held_out).mean()
    weighted = nearer * (1.0 - chance)
    return float(weighted / (weighted + (1.0 - nearer) * chance)), len(samples)


def memorised(training: np.ndarray, count: int, stream: np.random.Generator, noise: float = NOISE) -> np.ndarray:
    """What a memoriser makes: `count` random training images with Gaussian noise of `noise` levels, uint8."""
    copies = training[stream.integers(len(training), size=count)]
    return np.rint(copies + noise * stream.standard_normal(copies.shape)).clip(0, 255).astype(np.uint8)


def _flat(images: np.ndarray, device: str) -> Tensor:
    return torch.from_numpy(images.reshape(len(images), -1)).to(device, torch.float64)
