"""Learning curves of two classifiers: random splits, growing training sets in one order, and where the curves cross."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from replication.errors import InputError


def draw_split(
    labels: np.ndarray, test_share: float, per_class: int, stream: np.random.Generator, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on, in the order in which they are added, and rows to test on: int64 each.

    `test_share` of every class is held out. The first training rows are `per_class` of each class; the rest follow in
    random order, so that each training set of a split holds every smaller one.

    Raises:
        InputError: a class is too small for that.
    """
    first, rest, test = [], [], []
    for label in np.unique(labels):
        rows = stream.permutation(np.flatnonzero(labels == label))
        held_out = round(test_share * len(rows))
        if held_out < 1 or len(rows) - held_out < per_class:
            raise InputError(
                f"Class {label} of {name} has {len(rows)} examples: too few to hold out {test_share:.0%}, one at "
                f"least, and to train on {per_class}; lower per_class or change test_share in params.yaml: background."
            )
        test.append(rows[:held_out])
        first.append(rows[held_out : held_out + per_class])
        rest.append(rows[held_out + per_class :])
    ordered = [stream.permutation(np.concatenate(part)) for part in (first, rest)]
    return np.concatenate(ordered), np.sort(np.concatenate(test))


def training_sizes(fewest: int, most: int, count: int) -> list[int]:
    """At most `count` sizes from `fewest` to `most`, both included, evenly spaced in their logarithm."""
    sizes = np.rint(np.geomspace(fewest, most, count)).astype(int)
    return sorted({fewest, most, *sizes.tolist()})


def standardised(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both by the mean and standard deviation of the features of `train` alone; a constant one is only centred."""
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)
    return (train - mean) / scale, (test - mean) / scale


def curves_cross(generative: Sequence[float], discriminative: Sequence[float]) -> bool:
    """Whether the first curve is higher at the smallest size and the second at the largest (accuracies by size)."""
    return generative[0] > discriminative[0] and discriminative[-1] > generative[-1]


def overtaking_size(sizes: Sequence[int], generative: Sequence[float], discriminative: Sequence[float]) -> int | None:
    """The smallest size from which on the second curve stays higher.

    None where it does not end higher, and where it is higher from the first size on, because nothing is overtaken.
    """
    ahead = [two > one for one, two in zip(generative, discriminative, strict=True)]
    behind = [place for place, leads in enumerate(ahead) if not leads]
    if not behind or behind[-1] == len(sizes) - 1:
        return None
    return sizes[behind[-1] + 1]
