"""Sums and differences of concepts, a concept being samples of one attribute or two (DCGAN §6.3.2).

Attributes are float [n, 2], thickness and slant; a sample has one to a low or a high degree where it lies in the outer
tercile of its pool.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

LOW, HIGH = 0, 1
TERCILES = (100 / 3, 200 / 3)
# (thickness, slant): thick slanted − thick upright + thin upright is to be thin slanted.
TERMS = ((HIGH, HIGH), (HIGH, LOW), (LOW, LOW))
NAMED = (LOW, HIGH)


def tercile_cuts(attributes: np.ndarray) -> np.ndarray:
    """float [2, k]: what bounds the lower and the upper tercile of each of k attributes [n, k]; NaN are left out."""
    known = np.where(np.isnan(attributes).all(axis=0), 0.0, attributes)
    return np.nanpercentile(known, TERCILES, axis=0)


def has(attributes: np.ndarray, cuts: np.ndarray, degrees: tuple[int, ...]) -> np.ndarray:
    """bool [n]: which have each attribute to its degree, strictly: where all are alike none has."""
    each = [
        attributes[:, place] > cuts[HIGH, place] if degree == HIGH else attributes[:, place] < cuts[LOW, place]
        for place, degree in enumerate(degrees)
    ]
    return np.all(each, axis=0)  # NaN is neither


def draw_exemplars(
    concepts: list[np.ndarray], count: int, trials: int, stream: np.random.Generator
) -> np.ndarray | None:
    """int64 [trials, concepts, count]: rows of `count` exemplars of each of `concepts`, the rows that have it.

    None where a concept has too few.
    """
    if min(len(rows) for rows in concepts) < count:
        return None
    drawn = [[stream.choice(rows, count, replace=False) for rows in concepts] for _ in range(trials)]
    return np.array(drawn, dtype=np.int64)


def combine(exemplars: np.ndarray) -> np.ndarray:
    """Mean of the first concept − of the second + of the third: vectors or images [t, 3, count, …] → [t, …]."""
    means = exemplars.mean(axis=2)
    return means[:, 0] - means[:, 1] + means[:, 2]


def with_noise(centres: np.ndarray, results: int, scale: float, stream: np.random.Generator) -> np.ndarray:
    """float32 [t, results, D]: each of `centres` [t, D], then the same with uniform noise from ± scale added."""
    noise = stream.uniform(-scale, scale, (len(centres), results, *centres.shape[1:])).astype(np.float32)
    noise[:, 0] = 0.0
    return centres[:, None] + noise


def relative_spread(results: np.ndarray, pool: np.ndarray) -> float:
    """Root mean square over attributes of the results' standard deviation, in those of the pool; both [n, k].

    NaN where an attribute does not vary in the pool, or fewer than two results have it.
    """
    if not len(results) or (np.isfinite(results).sum(axis=0) < 2).any() or (np.isfinite(pool).sum(axis=0) < 2).any():
        return float("nan")
    of_results, of_pool = np.nanstd(results, axis=0), np.nanstd(pool, axis=0)
    return float(np.sqrt(np.mean((of_results / of_pool) ** 2))) if of_pool.min() > 0 else float("nan")


def monotonicity(shares: np.ndarray, measured: np.ndarray) -> float:
    """Spearman's correlation of `measured` [n, k] with `shares` [k], row by row, averaged.

    A row that does not change, or has a NaN, counts as 0.
    """
    order = np.asarray(rankdata(shares)) - (len(shares) + 1) / 2
    whole = np.all(np.isfinite(measured), axis=1, keepdims=True)
    ranks = np.asarray(rankdata(np.where(whole, measured, 0.0), axis=1)) - (len(shares) + 1) / 2
    norms = np.sqrt((ranks**2).sum(axis=1) * (order**2).sum())
    return float(np.divide(ranks @ order, norms, out=np.zeros(len(ranks)), where=norms > 0).mean())


def mean_slope(shares: np.ndarray, measured: np.ndarray) -> float:
    """Least-squares slope of `measured` [n, k] over `shares` [k], averaged over rows without NaN; NaN for none."""
    whole = measured[np.isfinite(measured).all(axis=1)]
    centred = shares - shares.mean()
    return float((whole @ centred / (centred @ centred)).mean()) if len(whole) else float("nan")
