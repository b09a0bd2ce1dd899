"""What the component that a sample was drawn from tells of it: its class, held against chance, and its very pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

from replication.foundation.errors import InputError
from replication.metrics.neighbours import share_within

BEYOND = 0.95  # of the permutations: what chance alone seldom exceeds
ROUNDING = 1e-12


@dataclass(frozen=True)
class ComponentInformation:
    """Mutual information I between component and class of n samples, in nats, and what permutations give.

    The estimate from counts is too high: where both are independent, by about (components − 1)·(classes − 1)/(2n)
    nats, as the mean over permutations is; where the two depend on each other the difference errs on the low side.
    """

    information: float
    class_entropy: float  # nats; the most that I can be
    chance: float  # mean of I over permutations
    chance_beyond: float  # 95th percentile of I over permutations
    p_value: float  # of the permutation test; never below 1/(permutations + 1)

    @property
    def above_chance(self) -> float:
        """I less its mean over permutations, in nats; below 0 where it is less than chance gives."""
        return self.information - self.chance

    def of_entropy(self, nats: float) -> float:
        """`nats` as a share of the classes' entropy; 0 where all samples are of one class, and nothing can be told."""
        return nats / self.class_entropy if self.class_entropy > ROUNDING else 0.0


def component_information(
    components: np.ndarray, classes: np.ndarray, permutations: int, stream: np.random.Generator
) -> ComponentInformation:
    """Mutual information of labels int [n] each, beside that of components with permuted classes."""
    components, classes = (np.unique(labels, return_inverse=True)[1] for labels in (components, classes))
    lines = [classes, *(stream.permutation(classes) for _ in range(permutations))]
    measured, *permuted = _information(components, np.stack(lines))
    return ComponentInformation(
        float(measured),
        _entropy(np.bincount(classes)),
        float(np.mean(permuted)),
        float(np.quantile(permuted, BEYOND)),
        float((1 + (np.array(permuted) >= measured - ROUNDING).sum()) / (1 + permutations)),
    )


def variance_share(samples: np.ndarray, components: np.ndarray) -> float:
    """Variance of samples [n, …] within their component, int [n], over that of all samples: sums over pixels.

    Both are unbiased, so that components which tell nothing give 1 on average, and components of a single image each
    give 0; NaN where all samples are equal. A component counts by its samples less one.

    Raises:
        InputError: no component has two samples, or one array is longer than the other.
    """
    components = np.unique(components, return_inverse=True)[1]
    flat = samples.reshape(len(samples), -1).astype(np.float64)
    counts = np.bincount(components)
    if counts.max() < 2:
        raise InputError("No component has two samples, so nothing can be told of the variance within: draw more.")
    order = np.argsort(components, kind="stable")
    sums = np.add.reduceat(flat[order], np.cumsum(counts) - counts)  # [components, pixels]
    squares = np.square(flat).sum()
    within = (squares - (np.square(sums).sum(axis=1) / counts).sum()) / (counts - 1).sum()
    whole = (squares - np.square(flat.sum(axis=0)).sum() / len(flat)) / (len(flat) - 1)
    return float(within / whole) if whole > ROUNDING * squares else float("nan")


def duplicates_within(samples: np.ndarray, components: np.ndarray, threshold: float) -> float:
    """Share of samples [n, …] that have another of the same component, int [n], within a distance of pixels."""
    near = 0.0
    for component in np.unique(components):
        members = samples[components == component]
        near += len(members) * share_within(members, threshold) if len(members) > 1 else 0.0
    return near / len(samples)


def _information(components: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """[p] nats: of components [n] with every line of classes [p, n], all of them at once."""
    lines, count = classes.shape
    shape = lines, components.max() + 1, classes.max() + 1
    places = (np.arange(lines)[:, None] * shape[1] + components) * shape[2] + classes
    joint = np.bincount(places.ravel(), minlength=int(np.prod(shape))).reshape(shape)
    # No permutation changes the counts of either side.
    sides = _entropy(joint[0].sum(axis=0)) + _entropy(joint[0].sum(axis=1))
    within = np.log(count) - xlogy(joint, joint).sum(axis=(1, 2)) / count
    return np.maximum(sides - within, 0.0)  # never negative but for rounding


def _entropy(counts: np.ndarray) -> float:
    return float(np.log(counts.sum()) - xlogy(counts, counts).sum() / counts.sum())
