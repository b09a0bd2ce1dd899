"""Toy samples against the mixture they should come from: modes, the void between them, the distance to the density."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.spatial.distance import cdist, pdist
from scipy.special import i0e, i1e

MODE_TOLERANCE = 0.2  # how far a mode's share of the samples may be from its weight
IN_MODE_SHARE = 0.9  # the least share of samples within three standard deviations of some mode
LEAST_OF_MODE = 0.2  # of a mode's weight: with fewer of the samples the mode counts as missed


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

    def mean_distance_to(self, points: np.ndarray) -> float:
        """E|x − Y| over points [n, 2] and Y of the mixture, in closed form."""
        means = _rice_mean(cdist(points, self.means), self.standard_deviation)  # [n, m]
        return float((means @ self.weights).mean())

    @property
    def own_distance(self) -> float:
        """E|Y − Y'| of two independent draws, in closed form."""
        means = _rice_mean(cdist(self.means, self.means), np.sqrt(2) * self.standard_deviation)
        return float(self.weights @ means @ self.weights)


def mode_scores(points: np.ndarray, mixture: Mixture) -> dict[str, float]:
    """Scores of samples [n, 2] by the mixture's modes, which has no void and no imbalance where it has one mode."""
    distance = cdist(points, mixture.means)  # [n, m]
    nearest = distance.argmin(axis=1)
    inside = distance.min(axis=1) <= 3 * mixture.standard_deviation
    counts = np.bincount(nearest[inside], minlength=len(mixture.means))
    shares, held = counts / len(points), held_modes(points, mixture)
    covered = np.abs(shares - mixture.weights) <= MODE_TOLERANCE
    scores = {
        "success": float(covered.all() and inside.mean() >= IN_MODE_SHARE),
        "modes_covered": float(covered.sum()),
        "in_mode_share": float(inside.mean()),
    }
    if len(mixture.means) > 1:
        between = _between(points, mixture.means) & ~inside
        scores["void_share"] = float(between.mean()) if held.all() else 1.0
        scores["mode_imbalance"] = float(np.abs(counts / max(counts.sum(), 1) - mixture.weights).max())
    return scores


def held_modes(points: np.ndarray, mixture: Mixture) -> np.ndarray:
    """bool [m]: whether a mode holds at least a fifth of its weight of samples [n, 2]."""
    near = cdist(points, mixture.means) <= 3 * mixture.standard_deviation
    return near.mean(axis=0) >= LEAST_OF_MODE * mixture.weights


def energy_distance(points: np.ndarray, mixture: Mixture) -> float:
    """2E|X−Y| − E|X−X'| − E|Y−Y'| (Székely & Rizzo) of samples [n, 2] and the mixture Y; unbiased, so it may be < 0."""
    return 2 * mixture.mean_distance_to(points) - float(pdist(points).mean()) - mixture.own_distance


def _between(points: np.ndarray, means: np.ndarray) -> np.ndarray:
    """bool [n]: whether a point's projection on the line through some two modes lies between their means."""
    between = np.zeros(len(points), dtype=bool)
    for first, second in combinations(means, 2):
        line = second - first
        place = (points - first) @ line / (line @ line)
        between |= (place > 0) & (place < 1)
    return between


def _rice_mean(distance: np.ndarray, standard_deviation: float) -> np.ndarray:
    """Mean distance of a Gaussian point in the plane to a point `distance` away from its mean."""
    a = distance**2 / (4 * standard_deviation**2)
    return standard_deviation * np.sqrt(np.pi / 2) * ((1 + 2 * a) * i0e(a) + 2 * a * i1e(a))
