"""Toy samples against the mixture they should come from: modes, and the energy distance to the true density."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

MODE_TOLERANCE = 0.2  # how far a mode's share of the samples may be from its weight
IN_MODE_SHARE = 0.9  # the least share of samples within three standard deviations of some mode


@dataclass(frozen=True)
class Mixture:
    """Isotropic Gaussians of one standard deviation: means [m, 2], weights [m]."""

    means: np.ndarray
    standard_deviation: float
    weights: np.ndarray

    def draw(self, count: int, stream: np.random.Generator) -> np.ndarray:
        """float64 [count, 2] fresh points."""
        mode = stream.choice(len(self.weights), size=count, p=self.weights)
        return self.means[mode] + self.standard_deviation * stream.standard_normal((count, self.means.shape[1]))

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """log p(x) of points [n, 2], in nats."""
        variance = self.standard_deviation**2
        squared = cdist(points, self.means, "sqeuclidean")  # [n, m]
        logs = np.log(self.weights) - squared / (2 * variance) - np.log(2 * np.pi * variance)
        return np.logaddexp.reduce(logs, axis=1)


def mode_scores(points: np.ndarray, mixture: Mixture) -> dict[str, float]:
    """`success`, `modes_covered` and `in_mode_share` of samples [n, 2], as `metrics.definitions` has them."""
    distance = cdist(points, mixture.means)  # [n, m]
    nearest = distance.argmin(axis=1)
    inside = distance.min(axis=1) <= 3 * mixture.standard_deviation
    shares = np.bincount(nearest[inside], minlength=len(mixture.means)) / len(points)
    covered = np.abs(shares - mixture.weights) <= MODE_TOLERANCE
    return {
        "success": float(covered.all() and inside.mean() >= IN_MODE_SHARE),
        "modes_covered": float(covered.sum()),
        "in_mode_share": float(inside.mean()),
    }


def energy_distance(points: np.ndarray, real: np.ndarray, of_real: float | None = None) -> float:
    """2E|X−Y| − E|X−X'| − E|Y−Y'| (Székely & Rizzo) of [n, d] and [m, d]; unbiased, so it may fall below 0.

    `of_real` is `own_distance(real)` where it is known already.
    """
    of_real = own_distance(real) if of_real is None else of_real
    return 2 * mean_distance(points, real) - own_distance(points) - of_real


def mean_distance(first: np.ndarray, second: np.ndarray) -> float:
    """E|X−Y| of [n, d] and [m, d]."""
    from replication.metrics.summed_distances import between  # numba, which takes a second to import

    return between(_columns(first), _columns(second)) / (len(first) * len(second))


def own_distance(points: np.ndarray) -> float:
    """E|X−X'| over the pairs of [n, d]; a point is no pair with itself."""
    from replication.metrics.summed_distances import within

    return within(_columns(points)) / (len(points) * (len(points) - 1) / 2)


def _columns(points: np.ndarray) -> np.ndarray:
    """float64 [d, n], so that a loop over points is one over neighbours in memory."""
    return np.ascontiguousarray(points.T, dtype=np.float64)
