"""Exact intervals and tests of shares of successful runs; every test is one-sided, as in `replication.intervals`.

The word of a rate claim comes from Boschloo's test, which asks only whether the shares differ. The interval of their
difference, and the test of a negligible difference, invert the exact unconditional score test (Chan and Zhang 1999).
The two tests agree on all but a few outcomes; there the interval is made to touch zero as Boschloo's test says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import binom, binomtest, boschloo_exact

from replication.intervals import LEVEL

Counts = tuple[int, int, int, int]  # successes, n, other successes, other n
NUISANCE_POINTS = 200  # the supremum over the unknown share is taken over a grid of this many


def share_interval(successes: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Exact (Clopper and Pearson 1934) interval of a share, of at least 1 − 2·level."""
    interval = binomtest(successes, n).proportion_ci(1 - 2 * level, method="exact")
    return float(interval.low), float(interval.high)


def share_p_values(successes: int, n: int, bound: float) -> tuple[float, float]:
    """Exact binomial p of "share ≤ bound" (small: above) and of "share ≥ bound" (small: below)."""
    above, below = (binomtest(successes, n, bound, alternative=side).pvalue for side in ("greater", "less"))
    return float(above), float(below)


@lru_cache(maxsize=4096)
def boschloo_p(successes: int, n: int, other_successes: int, other_n: int) -> float:
    """p of Boschloo's (1970) exact unconditional test of "share ≤ other share": small where it is greater."""
    if successes * other_n <= other_successes * n:
        return 1.0  # no evidence at all; SciPy's value there (about .5) decides nothing and costs time
    table = [[successes, other_successes], [n - successes, other_n - other_successes]]
    return float(boschloo_exact(table, alternative="greater").pvalue)


def difference_p_above(counts: Counts, threshold: float) -> float:
    """Exact unconditional p of "share − other share ≤ threshold", ordered by the score statistic."""
    successes, n, other_successes, other_n = counts
    low, high = max(0.0, -threshold), min(1.0, 1.0 - threshold)
    statistic = _score_statistics(n, other_n, threshold)
    extreme = statistic >= statistic[successes, other_successes] - 1e-9
    other_share = np.linspace(low, high, NUISANCE_POINTS)
    share = np.clip(other_share + threshold, 0.0, 1.0)
    chance = binom.pmf(np.arange(n + 1)[:, None], n, share)  # (n + 1, points)
    other_chance = binom.pmf(np.arange(other_n + 1)[:, None], other_n, other_share)
    return float(min(1.0, (chance * (extreme.astype(float) @ other_chance)).sum(axis=0).max()))


def difference_p_below(counts: Counts, threshold: float) -> float:
    """Exact unconditional p of "share − other share ≥ threshold"."""
    successes, n, other_successes, other_n = counts
    return difference_p_above((other_successes, other_n, successes, n), -threshold)


@lru_cache(maxsize=512)
def difference_interval(counts: Counts, level: float = LEVEL) -> tuple[float, float]:
    """Interval of share − other share, of at least 1 − 2·level, that never contradicts Boschloo's test about zero."""
    successes, n, other_successes, other_n = counts
    swapped = (other_successes, other_n, successes, n)
    return _lower_end(counts, level), -_lower_end(swapped, level)


def _lower_end(counts: Counts, level: float) -> float:
    successes, n, other_successes, other_n = counts
    outside, inside = -1.0, successes / n - other_successes / other_n
    for _ in range(24):
        middle = (outside + inside) / 2
        rejected = difference_p_above(counts, middle) <= level
        outside, inside = (middle, inside) if rejected else (outside, middle)
    above_zero = boschloo_p(*counts) <= level
    return max(inside, 0.0) if above_zero else min(inside, 0.0)


@lru_cache(maxsize=512)
def _score_statistics(n: int, other_n: int, threshold: float) -> NDArray[np.float64]:
    """(n + 1, other_n + 1): the difference minus threshold over its standard error, shares fitted under threshold."""
    successes, other = np.meshgrid(np.arange(n + 1.0), np.arange(other_n + 1.0), indexing="ij")
    low = np.full(successes.shape, max(0.0, -threshold))
    high = np.full(successes.shape, min(1.0, 1.0 - threshold))
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(45):  # the likelihood's slope falls in the other share: bisect for its root
            middle = (low + high) / 2
            share = middle + threshold
            slope = (
                successes / share - (n - successes) / (1 - share) + other / middle - (other_n - other) / (1 - middle)
            )
            low, high = np.where(slope > 0, middle, low), np.where(slope > 0, high, middle)
    fitted = (low + high) / 2
    share = np.clip(fitted + threshold, 0.0, 1.0)
    variance = share * (1 - share) / n + fitted * (1 - fitted) / other_n
    distance = successes / n - other / other_n - threshold
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = distance / np.sqrt(variance)
    return np.where(np.abs(distance) < 1e-12, 0.0, statistic)


def share_half_width(n: int, counts: Sequence[tuple[int, int]]) -> float:
    """Normal half width of a share, or of a difference of two, with n runs a side.

    `counts` are (successes, runs) so far; shares are pulled off 0 and 1, where the normal width would vanish.
    """
    shares = [(successes + 1) / (size + 2) for successes, size in counts]
    return float(ndtri(1 - LEVEL)) * math.sqrt(sum(share * (1 - share) for share in shares) / n)
