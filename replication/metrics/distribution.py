"""Distances between two sets of features: Fréchet and kernel distance, precision and recall.

Only Inception's features make them FID or KID. They are computed here because a reference set then costs its share
once, a singular covariance has no complex roots, and samples that repeat an image lie at a distance of exactly 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from replication.foundation.errors import InputError
from replication.foundation.seeding import generator
from replication.metrics.neighbours import BLOCK, NEIGHBOURS, ball_radii, every, feature_distances

FEWEST = NEIGHBOURS + 2  # samples that distances are taken of


@dataclass(frozen=True)
class Gaussian:
    mean: np.ndarray  # float64 [d]
    covariance: np.ndarray  # float64 [d, d], n − 1 in the denominator


@dataclass(frozen=True)
class Reference:
    """A set of features float64 [n, d] that samples are compared with, and what of it need be computed once."""

    features: np.ndarray
    gaussian: Gaussian
    root: np.ndarray  # of the covariance, symmetric
    radii: Tensor  # [n] squared distance to the third nearest other one

    def __len__(self) -> int:
        return len(self.features)


@dataclass(frozen=True)
class Distances:
    frechet: float
    kernel: float
    precision: float
    recall: float


def reference_of(features: np.ndarray, limit: int) -> Reference:
    """A reference of features [n, d]: the Gaussian of all, the rest of at most `limit`; errors as `fit_gaussian`."""
    gaussian = fit_gaussian(features)
    compared = every(features, limit).astype(np.float64)
    return Reference(compared, gaussian, _root(gaussian.covariance), ball_radii(torch.from_numpy(compared)))


def references_of(sets: Mapping[str, np.ndarray], limit: int) -> dict[str, Reference]:
    """The reference of each set of features [n, d] by its name; a set of too few features is left out."""
    return {name: reference_of(features, limit) for name, features in sets.items() if len(features) >= FEWEST}


def distances(samples: np.ndarray, reference: Reference, subsets: int, size: int, seed: int, limit: int) -> Distances:
    """All four of features [n, d]; of precision and recall `limit` samples at most. InputError as `fit_gaussian`."""
    gaussian = fit_gaussian(samples)
    kernel = kernel_distance(samples, reference.features, subsets, size, seed)
    compared = torch.from_numpy(every(samples, limit).astype(np.float64))
    near = _precision_recall(compared, torch.from_numpy(reference.features), reference.radii)
    return Distances(_frechet(gaussian, reference.gaussian, reference.root), kernel, *near)


def fit_gaussian(features: np.ndarray) -> Gaussian:
    """Mean and covariance of features [n, d]; InputError: they are not finite, or of fewer than five samples."""
    if len(features) < FEWEST:
        raise InputError(f"Distances need {FEWEST} samples or more, and there are {len(features)}: draw more.")
    if not np.isfinite(features).all():
        raise InputError("Features are NaN or infinite: the network or the images are broken; make them again.")
    mean = features.mean(axis=0, dtype=np.float64)
    centred = features - mean
    return Gaussian(mean, centred.T @ centred / (len(features) - 1))


def kernel_distance(first: np.ndarray, second: np.ndarray, subsets: int, size: int, seed: int) -> float:
    """Mean over random subsets of the unbiased squared MMD under the kernel (x·y/d + 1)³ (Bińkowski 2018 §4).

    Subsets have `size` of each side's features [n, d] and [m, d], or as many as the smaller side has; where that is
    all of both there is one subset. Below zero by chance where the sides are alike.
    """
    size = min(size, len(first), len(second))
    whole = size == len(first) == len(second)
    values = []
    for subset in range(1 if whole else subsets):
        stream = generator(seed, "kernel distance", subset)
        sides = [side[stream.choice(len(side), size, replace=False)].astype(np.float64) for side in (first, second)]
        values.append(_mmd(*sides))
    return float(np.mean(values))


def _frechet(first: Gaussian, second: Gaussian, root: np.ndarray) -> float:
    """‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2√(Σ₁Σ₂)) (Heusel 2017, eq. 6); the root has the trace of √(√Σ₂ Σ₁ √Σ₂)."""
    product = root @ first.covariance @ root
    trace = np.sqrt(np.linalg.eigvalsh((product + product.T) / 2).clip(0)).sum()
    apart = first.mean - second.mean
    return float(apart @ apart + np.trace(first.covariance) + np.trace(second.covariance) - 2 * trace)


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


def _mmd(first: np.ndarray, second: np.ndarray) -> float:
    width, count = first.shape[1], len(first)

    def kernel(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        values = left @ right.T / width + 1
        return values * values * values  # NumPy's power of 3 is twenty times as slow

    within = sum((side.sum() - np.trace(side)) for side in (kernel(first, first), kernel(second, second)))
    return float(within / (count * (count - 1)) - 2 * kernel(first, second).mean())


def _precision_recall(samples: Tensor, real: Tensor, real_radii: Tensor) -> tuple[float, float]:
    """Share of samples inside the real manifold, and of real features inside the samples' (Kynkäänniemi 2019).

    A manifold is the balls around its features [n, d] that reach to the third nearest other one.
    """
    inside, reached = [], torch.zeros(len(real), dtype=torch.bool)
    for part, radii in zip(samples.split(BLOCK), ball_radii(samples).split(BLOCK), strict=True):
        squared = feature_distances(part, real)
        inside.append((squared <= real_radii).any(dim=1))
        reached |= (squared <= radii[:, None]).any(dim=0)
    return float(torch.cat(inside).double().mean()), float(reached.double().mean())
