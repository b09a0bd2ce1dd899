"""Whether a generator repeats its training images: its samples' neighbours among them and among held-out images."""

from __future__ import annotations

import numpy as np

from replication.metrics.neighbours import nearest

NOISE = 8.0  # standard deviation, in levels of 255, by which a memoriser's copies differ from training images


def memorisation_share(
    samples: np.ndarray, training: np.ndarray, held_out: np.ndarray, device: str = "cpu"
) -> tuple[float, int]:
    """The share of samples nearer to a training image than to any held-out one, were the two sets equally large.

    uint8 [n, C, H, W] each. Of N training and M held-out images from one population the nearest to an image drawn
    independently is a training image with probability N / (N + M), so the odds observed are divided by N / M: 0.5 is no
    memorising, 1 every sample nearer to training, whatever the sizes. Equal distances count as chance has them.
    Returns the share and n.
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
