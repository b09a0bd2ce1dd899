"""Learning curves of naive Bayes, which is fitted here, and its partner: random splits, growing training sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from replication.foundation.errors import InputError


@dataclass(frozen=True)
class LinearRule:
    """Chooses the class of the largest `features · weights + bias`: weights [F, K], bias [K], classes [K]."""

    classes: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Labels [n] of features [n, F]."""
        return self.classes[(features @ self.weights + self.bias).argmax(axis=1)]


def fit_shared_variance(features: np.ndarray, labels: np.ndarray, pseudo_examples: float) -> LinearRule:
    """Means by class, variances of the features [n, F] around them, priors as frequent as the labels [n].

    With equal variances in every class the quadratic terms cancel (Ng & Jordan 2001, §2). `pseudo_examples` of the
    overall variance keep a feature that does not vary within the classes of a small set from deciding alone.
    """
    classes, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    indicator = np.eye(len(classes))[places]  # [n, K]
    centre = features.mean(axis=0)
    centred = features - centre
    means = (indicator.T @ centred) / counts[:, None]  # [K, F]
    within = np.square(centred - means[places]).sum(axis=0)
    overall = centred.var(axis=0)
    variance = (within + pseudo_examples * overall) / (len(labels) + pseudo_examples)  # deviation background-4
    precision = np.divide(1.0, variance, out=np.zeros_like(variance), where=overall > 0)
    weights = (means * precision).T
    bias = np.log(counts / len(labels)) - 0.5 * (np.square(means) * precision).sum(axis=1)
    return LinearRule(classes, weights, bias - centre @ weights)


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


def lead_p_value(leader: np.ndarray, other: np.ndarray) -> float:
    """One-sided p of accuracies [splits] against `other`'s on the same splits, independent given the one data set."""
    difference = leader - other
    mean, error = difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))
    if error == 0:
        return 0.0 if mean > 0 else 1.0
    return float(t.sf(mean / error, len(difference) - 1))


def curves_cross(generative: np.ndarray, discriminative: np.ndarray, level: float = 0.05) -> bool:
    """Whether the first curve leads beyond noise at some size, and the second at the largest (accuracies [splits, T]).

    The level is shared out among the sizes at which the first may lead.
    """
    sizes = range(generative.shape[1] - 1)
    leads = [lead_p_value(generative[:, size], discriminative[:, size]) for size in sizes]
    end = lead_p_value(discriminative[:, -1], generative[:, -1])
    return min(leads, default=1.0) <= level / max(len(leads), 1) and end <= level


def labels_needed(sizes: Sequence[int], accuracies: Sequence[float], within: float = 0.01) -> float:
    """The size at which a curve, linear in the logarithm of the size, first comes `within` its last accuracy."""
    wanted = accuracies[-1] - within
    place = next(place for place, accuracy in enumerate(accuracies) if accuracy >= wanted)
    if place == 0:
        return float(sizes[0])
    below, above = accuracies[place - 1], accuracies[place]
    share = (wanted - below) / (above - below)
    return float(sizes[place - 1] * (sizes[place] / sizes[place - 1]) ** share)


def overtaking_size(sizes: Sequence[int], generative: Sequence[float], discriminative: Sequence[float]) -> int | None:
    """The smallest size from which on the second curve stays higher; None for none, and where it is the first size."""
    ahead = [second > first for first, second in zip(generative, discriminative, strict=True)]
    behind = [place for place, leads in enumerate(ahead) if not leads]
    if not behind or behind[-1] == len(sizes) - 1:
        return None
    return sizes[behind[-1] + 1]
