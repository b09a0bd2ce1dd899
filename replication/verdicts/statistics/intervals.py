"""Intervals and one-sided tests of a mean and of a difference of means.

Functions take replicates on the last axis and return arrays over the axes before it, so that the rule which judges one
study also judges ten thousand simulated ones. Every test is one-sided at LEVEL, hence intervals of 1 − 2·LEVEL = 90 %.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

LEVEL = 0.05
FEW = 5  # below it, on either side, Welch's degrees of freedom let a test err in up to 6 % of studies
MOST_REPLICATES = 10_000  # nobody trains more; a claim that needs more is called unsettled by any number
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A difference (or a mean) with Student's t around it. Fields share one shape: () for one study."""

    difference: Array
    standard_error: Array  # 0 where all replicates agree: no t-test exists there, and p-values are NaN
    degrees: Array
    variance: Array  # what one more replicate a side divides: standard_error² = variance / n + floor
    floor: Array  # what no number of replicates removes: shared data, the published mean's own error
    sides: int  # samples that grow together; degrees of freedom at n ≥ FEW are sides · (n − 1)

    def interval(self) -> tuple[Array, Array]:
        """Two-sided interval of 1 − 2·LEVEL; each end is the one-sided bound of 1 − LEVEL."""
        half = stdtrit(self.degrees, 1 - LEVEL) * self.standard_error
        return self.difference - half, self.difference + half

    def p_above(self, threshold: float) -> Array:
        """p of the one-sided test of "difference ≤ threshold": small where it lies above."""
        return stdtr(self.degrees, -self._statistic(threshold))

    def p_below(self, threshold: float) -> Array:
        """p of the one-sided test of "difference ≥ threshold": small where it lies below."""
        return stdtr(self.degrees, self._statistic(threshold))

    def half_width(self, n: int) -> float:
        """Expected half width of the interval with n replicates a side of the same spread."""
        degrees = (self.sides if n >= FEW else 1) * (n - 1)
        return float(stdtrit(degrees, 1 - LEVEL) * np.sqrt(self.variance / n + self.floor))

    def oriented(self, sign: int) -> Estimate:
        """The same estimate with the difference's sign turned where `sign` is −1."""
        return replace(self, difference=sign * self.difference)

    def _statistic(self, threshold: float) -> Array:
        spread = np.where(self.standard_error > 0, self.standard_error, np.nan)
        return (self.difference - threshold) / spread


def mean_estimate(
    values: ArrayLike, reference: ArrayLike = 0.0, reference_n: int | None = None, overlap: float = 0.0
) -> Estimate:
    """Mean of (..., n) values minus a reference that is exact, or itself the mean of `reference_n` such values.

    The standard error is s·√(1/n + overlap + (1 + overlap)/reference_n). `overlap` is the test/train ratio of
    draws that share data (Nadeau and Bengio 2003, the corrected resampled t); 0 for independent replicates.
    """
    array = np.asarray(values, dtype=np.float64)
    return mean_of_moments(array.mean(axis=-1), _variance(array), array.shape[-1], reference, reference_n, overlap)


def mean_of_moments(
    mean: ArrayLike,
    variance: Array,
    n: int,
    reference: ArrayLike = 0.0,
    reference_n: int | None = None,
    overlap: float = 0.0,
) -> Estimate:
    """`mean_estimate` from the mean and the sample variance of n values."""
    # draws that share data spread by less than their own SD, which is what the published mean has
    floor = variance * (overlap + ((1 + overlap) / reference_n if reference_n else 0.0))
    difference = np.asarray(mean, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    degrees = np.full_like(variance, n - 1)
    return Estimate(difference, np.sqrt(variance / n + floor), degrees, variance, floor, sides=1)


def paired_estimate(first: ArrayLike, second: ArrayLike, overlap: float = 0.0) -> Estimate:
    """Mean of first − second within each replicate, both (..., n) in the same order."""
    return mean_estimate(np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64), overlap=overlap)


def welch_estimate(first: ArrayLike, second: ArrayLike, overlap: float = 0.0) -> Estimate:
    """Mean of (..., n) minus mean of (..., m), variances unequal, degrees of freedom after Welch and Satterthwaite.

    With fewer than FEW values on a side, the degrees are those of the smaller side, which never errs too often.
    """
    arrays = (np.asarray(side, dtype=np.float64) for side in (first, second))
    sides = [(array.mean(axis=-1), _variance(array), array.shape[-1]) for array in arrays]
    return welch_of_moments(sides[0], sides[1], overlap)


def welch_of_moments(
    first: tuple[Array, Array, int], second: tuple[Array, Array, int], overlap: float = 0.0
) -> Estimate:
    """`welch_estimate` from (mean, sample variance, n) of either side."""
    (mean_one, variance_one, n), (mean_two, variance_two, m) = first, second
    part_one, part_two = variance_one * (1 / n + overlap), variance_two * (1 / m + overlap)
    squared = part_one + part_two
    below = part_one**2 / (n - 1) + part_two**2 / (m - 1)
    degrees = np.where(below > 0, squared**2 / np.where(below > 0, below, 1.0), n + m - 2)
    if min(n, m) < FEW:
        degrees = np.full_like(degrees, min(n, m) - 1)
    variance = variance_one + variance_two
    return Estimate(mean_one - mean_two, np.sqrt(squared), degrees, variance, variance * overlap, sides=2)


def _variance(array: Array) -> Array:
    """Sample variance, exactly 0 where values differ by no more than rounding."""
    span = np.ptp(array, axis=-1)
    scale = np.abs(array).max(axis=-1)
    return np.where(span > 1e-12 * scale, array.var(axis=-1, ddof=1), 0.0)


def replicates_to_settle(half_width: Callable[[int], float], distance: float, present: int) -> int | None:
    """Smallest n a side above `present` whose expected half width is at most `distance`.

    If the estimate stays where it is, an interval that wide just decides: the chance of settling there is about
    even. None where no n up to MOST_REPLICATES is enough.
    """
    if not half_width(MOST_REPLICATES) <= distance:
        return None
    candidates = range(present + 1, MOST_REPLICATES)
    return present + 1 + bisect_left(candidates, True, key=lambda n: half_width(n) <= distance)
