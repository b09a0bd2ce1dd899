"""Exact intervals and tests of shares of successful runs; every test is one-sided, as in `statistics.intervals`.

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
from scipy.special import gammaln, ndtri, xlog1py, xlogy
from scipy.stats import binomtest, hypergeom

from replication.verdicts.statistics.intervals import LEVEL

Counts = tuple[int, int, int, int]  # successes, n, other successes, other n
MANY = 2000  # tables, n · m, beyond which an interval's end is sought near the normal one
PRECISION = 1e-5  # of the ends of an interval of a difference, always on the wide side
NUISANCE_POINTS = 201  # the supremum over the unknown share is taken over a grid of this many


def share_interval(successes: int, n: int) -> tuple[float, float]:
    """Exact (Clopper and Pearson 1934) interval of a share, of at least 1 − 2·LEVEL."""
    interval = binomtest(successes, n).proportion_ci(1 - 2 * LEVEL, method="exact")
    return float(interval.low), float(interval.high)


def share_p_values(successes: int, n: int, bound: float) -> tuple[float, float]:
    """Exact binomial p of "share ≤ bound" (small: above) and of "share ≥ bound" (small: below)."""
    above, below = (binomtest(successes, n, bound, alternative=side).pvalue for side in ("greater", "less"))
    return float(above), float(below)


@lru_cache(maxsize=4096)
def boschloo_p(successes: int, n: int, other_successes: int, other_n: int) -> float:
    """p of Boschloo's (1970) exact unconditional test of "share ≤ other share": small where it is greater."""
    if successes * other_n <= other_successes * n:
        return 1.0  # no evidence at all; the test's own value there (about .5) decides nothing
    fisher = fisher_p(n, other_n)
    return min(1.0, _largest_chance(fisher <= fisher[successes, other_successes] * (1 + 1e-9), 0.0))


@lru_cache(maxsize=64)
def fisher_p(n: int, other_n: int) -> NDArray[np.float64]:
    """(n + 1, other_n + 1) p of Fisher's exact test of every table: small where the first share is greater."""
    first, total = np.arange(n + 1)[:, None], np.arange(n + 1)[:, None] + np.arange(other_n + 1)
    return hypergeom.sf(first - 1, n + other_n, total, n)


@lru_cache(maxsize=16)
def boschloo_table(n: int, other_n: int) -> NDArray[np.float64]:
    """(n + 1, other_n + 1) p of Boschloo's test for every table: what `boschloo_p` gives where the first is greater."""
    fisher = fisher_p(n, other_n)
    order = np.argsort(fisher, axis=None)
    rows, columns = np.unravel_index(order, fisher.shape)
    chance, other_chance = _chances(n, other_n, 0.0)
    largest = np.zeros(order.shape)
    for point in range(chance.shape[1]):
        np.maximum(largest, np.cumsum(chance[rows, point] * other_chance[columns, point]), out=largest)
    ranked = fisher[rows, columns]
    p_values = np.empty(fisher.shape)
    p_values[rows, columns] = largest[np.searchsorted(ranked, ranked * (1 + 1e-9), side="right") - 1]
    return np.minimum(p_values, 1.0)


@lru_cache(maxsize=256)
def difference_rejected(n: int, other_n: int, threshold: float) -> NDArray[np.bool_]:
    """(n + 1, other_n + 1): the tables for which `difference_p_above(…, threshold)` is at most LEVEL."""
    statistic = _score_statistics(n, other_n, threshold)
    return -statistic <= _critical(-statistic, threshold)


def _critical(order: NDArray[np.float64], threshold: float) -> float:
    """The largest value of `order` (small: extreme) up to which all tables together stay within LEVEL."""
    values = np.unique(order)
    low, high = -1, len(values)  # values[low] is within LEVEL, values[high] is not
    while high - low > 1:
        middle = (low + high) // 2
        within = _largest_chance(order <= values[middle] + 1e-9 * abs(values[middle]), threshold) <= LEVEL
        low, high = (middle, high) if within else (low, middle)
    return float(values[low] + 1e-9 * abs(values[low])) if low >= 0 else -math.inf


def _largest_chance(extreme: NDArray[np.bool_], threshold: float) -> float:
    """The chance of the `extreme` tables where the shares differ by `threshold`, at the worst of a grid of shares."""
    n, other_n = extreme.shape[0] - 1, extreme.shape[1] - 1
    chance, other_chance = _chances(n, other_n, threshold)
    return float((chance * (extreme.astype(np.float64) @ other_chance)).sum(axis=0).max())


@lru_cache(maxsize=64)
def _chances(n: int, other_n: int, threshold: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Binomial chances (n + 1, points) and (other_n + 1, points), the first share `threshold` above the other."""
    low, high = max(0.0, -threshold), min(1.0, 1.0 - threshold)
    other_share = np.linspace(low, high, NUISANCE_POINTS)
    share = np.clip(other_share + threshold, 0.0, 1.0)
    return _binomial(n, share), _binomial(other_n, other_share)


def _binomial(n: int, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n + 1, points): the chance of each count at each share; `binom.pmf` takes three times as long."""
    counts = np.arange(n + 1)[:, None]
    choose = gammaln(n + 1) - gammaln(counts + 1) - gammaln(n - counts + 1)
    return np.exp(choose + xlogy(counts, share) + xlog1py(n - counts, -share))


def difference_p_above(counts: Counts, threshold: float) -> float:
    """Exact unconditional p of "share − other share ≤ threshold", ordered by the score statistic."""
    successes, n, other_successes, other_n = counts
    statistic = _score_statistics(n, other_n, threshold)
    extreme = statistic >= statistic[successes, other_successes] - 1e-9
    return min(1.0, _largest_chance(extreme, threshold))


def difference_p_below(counts: Counts, threshold: float) -> float:
    """Exact unconditional p of "share − other share ≥ threshold"."""
    successes, n, other_successes, other_n = counts
    return difference_p_above((other_successes, other_n, successes, n), -threshold)


@lru_cache(maxsize=512)
def difference_interval(counts: Counts) -> tuple[float, float]:
    """Interval of share − other share, of at least 1 − 2·LEVEL, that never contradicts Boschloo's test about zero."""
    successes, n, other_successes, other_n = counts
    return _lower_end(counts), -_lower_end((other_successes, other_n, successes, n))


def _lower_end(counts: Counts) -> float:
    successes, n, other_successes, other_n = counts
    outside, inside = -1.0, successes / n - other_successes / other_n
    if n * other_n > MANY:
        outside, inside = _bracket(counts)
    while inside - outside > PRECISION:
        middle = (outside + inside) / 2
        rejected = difference_p_above(counts, middle) <= LEVEL
        outside, inside = (middle, inside) if rejected else (outside, middle)
    return max(inside, 0.0) if boschloo_p(*counts) <= LEVEL else min(inside, 0.0)


def _bracket(counts: Counts) -> tuple[float, float]:
    """A difference that is rejected, or −1, and one above it that is not, around the normal interval's end."""
    successes, n, other_successes, other_n = counts
    estimate = successes / n - other_successes / other_n
    shares = [((count + 1) / (size + 2), size) for count, size in (counts[:2], counts[2:])]
    normal = float(ndtri(1 - LEVEL)) * math.sqrt(sum(share * (1 - share) / size for share, size in shares))
    outside, inside = max(-1.0, estimate - 1.3 * normal), max(-1.0, estimate - 0.7 * normal)
    if difference_p_above(counts, inside) <= LEVEL:
        return inside, estimate
    while outside > -1 and difference_p_above(counts, outside) > LEVEL:
        outside, inside = max(-1.0, outside - normal), outside
    return outside, inside


@lru_cache(maxsize=512)
def _score_statistics(n: int, other_n: int, threshold: float) -> NDArray[np.float64]:
    """(n + 1, other_n + 1): the difference minus threshold over its standard error, shares fitted under threshold."""
    successes, other = np.meshgrid(np.arange(n + 1.0), np.arange(other_n + 1.0), indexing="ij")
    share = np.clip(_fitted_share(successes / n, other / other_n, other_n / n, threshold), 0.0, 1.0)
    fitted = np.clip(share - threshold, 0.0, 1.0)
    share = np.clip(fitted + threshold, 0.0, 1.0)
    variance = share * (1 - share) / n + fitted * (1 - fitted) / other_n
    distance = successes / n - other / other_n - threshold
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = distance / np.sqrt(variance)
    return np.where(np.abs(distance) < 1e-12, 0.0, statistic)


def _fitted_share(
    first: NDArray[np.float64], second: NDArray[np.float64], ratio: float, threshold: float
) -> NDArray[np.float64]:
    """The first share fitted by likelihood where it is `threshold` above the second (Farrington and Manning 1990)."""
    cubic = 1 + ratio
    square = -(1 + ratio + first + ratio * second + threshold * (ratio + 2)) / (3 * cubic)
    line = (threshold**2 + threshold * (2 * first + ratio + 1) + first + ratio * second) / (3 * cubic)
    constant = -first * threshold * (1 + threshold) / (2 * cubic)
    v = square * square * square - 1.5 * square * line + constant
    u = np.where(v < 0, -1.0, 1.0) * np.sqrt(np.maximum(square * square - line, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = np.where(u == 0, 0.0, np.clip(v / (u * u * u), -1.0, 1.0))
    return 2 * u * np.cos((np.pi + np.arccos(cosine)) / 3) - square


def share_half_width(n: int, counts: Sequence[tuple[int, int]]) -> float:
    """Normal half width of a share, or of a difference of two, with n runs a side.

    `counts` are (successes, runs) so far; shares are pulled off 0 and 1, where the normal width would vanish.
    """
    shares = [(successes + 1) / (size + 2) for successes, size in counts]
    return float(ndtri(1 - LEVEL)) * math.sqrt(sum(share * (1 - share) for share in shares) / n)
