"""P(a run of one side is better than a run of the other) + ½ P(equal), for outcomes that are heavy-tailed or two-moded.

The interval has DeLong's variance (1988) and Student's t with the degrees of Brunner and Munzel (2000). Small samples
must pass the exact Mann–Whitney test too. Where the runs of one side are alike, in that each is better than as many
of the other's, the runs of the other are wins, ties and losses: their counts are tested exactly, as a share is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincinv
from scipy.stats import rankdata

from replication.verdicts.statistics.intervals import LEVEL, Array, Estimate, welch_of_moments

Bools = NDArray[np.bool_]
EXACT = 400  # comparisons, n · m, up to which the exact test is asked for too


@dataclass(frozen=True)
class Superiority:
    """P − ½ for samples of n and m runs. Fields have one shape: () for one study."""

    estimate: Estimate  # of P − ½
    trials: Array  # runs to count, where those of one side are alike; 0 where no side's are
    wins: Array  # of the trials
    losses: Array
    exact_above: Array  # exact Mann–Whitney p of "the first is not better", 0 where n · m is beyond EXACT
    exact_below: Array

    def p_above(self, threshold: float) -> Array:
        """p of "P − ½ ≤ threshold": small where P lies above."""
        # P ≤ ½ + t allows a win at most that often; with t < 0 it also allows no loss at most 1 + 2t of the time
        p = _at_least(self.wins, self.trials, 0.5 + threshold)
        not_lost = self.trials - self.losses
        if threshold < 0:
            p = np.where(not_lost > self.wins, _at_least(not_lost, self.trials, 1 + 2 * threshold), p)
        p = np.where(self.trials > 0, p, self.estimate.p_above(threshold))
        return np.maximum(p, self.exact_above) if threshold == 0 else p

    def p_below(self, threshold: float) -> Array:
        """p of "P − ½ ≥ threshold": small where P lies below."""
        return self.oriented(-1).p_above(-threshold)

    def interval(self) -> tuple[Array, Array]:
        """Interval of P − ½, of 1 − 2·LEVEL; it holds 0 wherever the exact test does not exclude it."""
        low, high = (np.clip(end, -0.5, 0.5) for end in self.estimate.interval())
        low = np.where(self.trials > 0, self._least() - 0.5, low)
        high = np.where(self.trials > 0, 0.5 - self.oriented(-1)._least(), high)
        low = np.where(self.p_above(0.0) <= LEVEL, np.maximum(low, 0.0), np.minimum(low, 0.0))
        return low, np.where(self.p_below(0.0) <= LEVEL, np.minimum(high, 0.0), np.maximum(high, 0.0))

    def oriented(self, sign: int) -> Superiority:
        """The same with the sides exchanged where `sign` is −1."""
        counts = (self.wins, self.losses)[::sign]
        exact = (self.exact_above, self.exact_below)[::sign]
        return Superiority(self.estimate.oriented(sign), self.trials, *counts, *exact)

    def _least(self) -> Array:
        """The smallest P that the counts allow."""
        not_lost = self.trials - self.losses
        won, half = _least_share(self.wins, self.trials), _least_share(not_lost, self.trials) / 2
        return np.where((not_lost > self.wins) & (won < 0.5), half, won)


def _at_least(count: Array, trials: Array, share: float) -> Array:
    """The binomial chance of so many of the trials or more."""
    positive = np.maximum(count, 1.0)
    chance = betainc(positive, np.maximum(trials - positive, 0.0) + 1, min(max(share, 0.0), 1.0))
    return np.where(count > 0, chance, 1.0)


def _least_share(count: Array, trials: Array) -> Array:
    """The lower end of Clopper and Pearson's interval: the share at which `_at_least` is LEVEL."""
    positive = np.maximum(count, 1.0)
    return np.where(count > 0, betaincinv(positive, np.maximum(trials - positive, 0.0) + 1, LEVEL), 0.0)


def superiority(first: ArrayLike, second: ArrayLike) -> Superiority:
    """Of (..., n) against (..., m) outcomes, more is better; −∞ is worse than any other and a tie with itself."""
    values, other_values = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    n, m = values.shape[-1], other_values.shape[-1]
    wins, losses = _placements(values, other_values)
    share = wins.mean(axis=-1)
    variance, other_variance = (
        np.where(np.ptp(side, axis=-1) > 0, side.var(axis=-1, ddof=1), 0.0) for side in (wins, losses)
    )
    estimate = welch_of_moments((share, variance, n), (np.full_like(share, 0.5), other_variance, m))
    counts = _counts(wins, losses, variance == 0, other_variance == 0)
    if n * m > EXACT:
        return Superiority(estimate, *counts, np.zeros_like(share), np.zeros_like(share))
    exact = mann_whitney_p(values, other_values), mann_whitney_p(other_values, values)
    return Superiority(estimate, *counts, *exact)


def _counts(wins: Array, losses: Array, alike: Bools, others_alike: Bools) -> tuple[Array, Array, Array]:
    """Trials, wins and losses of the first side: runs of the side that is not alike, of the smaller if both are."""
    n, m = wins.shape[-1], losses.shape[-1]
    first_counts = (wins == 1).sum(axis=-1), (wins == 0).sum(axis=-1)
    second_counts = (losses == 0).sum(axis=-1), (losses == 1).sum(axis=-1)
    second = alike & (~others_alike | (m < n))
    trials = np.where(alike | others_alike, np.where(second, m, n), 0)
    won, lost = (
        np.where(second, of_second, of_first) * (trials > 0)
        for of_first, of_second in zip(first_counts, second_counts, strict=True)
    )
    return trials.astype(np.float64), won.astype(np.float64), lost.astype(np.float64)


def _placements(first: Array, other: Array) -> tuple[Array, Array]:
    """(..., n) and (..., m), ascending: for each value the share of the other sample that it is above, ties by half."""
    n, m = first.shape[-1], other.shape[-1]
    ranks = np.asarray(rankdata(np.concatenate([first, other], axis=-1), axis=-1))
    above = (ranks[..., :n] - rankdata(first, axis=-1)) / m, (ranks[..., n:] - rankdata(other, axis=-1)) / n
    return np.sort(above[0], axis=-1), np.sort(above[1], axis=-1)


def mann_whitney_p(first: Array, other: Array) -> Array:
    """Exact p of "the first sample is not above the second", over all ways to deal the values into two samples."""
    n, m = first.shape[-1], other.shape[-1]
    joint = np.concatenate([first, other], axis=-1)
    doubled = np.rint(_placements(first, other)[0].sum(axis=-1) * m * 2).astype(np.int64)  # 2 U
    ordered = np.sort(joint, axis=-1)
    if not (ordered[..., 1:] == ordered[..., :-1]).any():
        return _upper_tail((1,) * (n + m), n)[doubled]
    flat, counts = ordered.reshape(-1, n + m), doubled.reshape(-1)
    p = [_upper_tail(tuple(Counter(row.tolist()).values()), n)[u] for row, u in zip(flat, counts, strict=True)]
    return np.reshape(p, doubled.shape)


@lru_cache(maxsize=256)
def _upper_tail(ties: tuple[int, ...], n: int) -> Array:
    """(2nm + 1,) the chance that 2 U is at least each value, where runs of equal values have these lengths."""
    m = sum(ties) - n
    ranks, before = [], 0
    for length in ties:  # twice the mean rank of a run of equal values
        ranks += [2 * before + length + 1] * length
        before += length
    ways = np.zeros((n + 1, sum(ranks) + 1))  # ways to choose k of the values so far whose doubled ranks have this sum
    ways[0, 0] = 1.0
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank].copy()
    least = n * (n + 1)  # 2 × the smallest rank sum, at which U is 0
    chances = ways[n, least : least + 2 * n * m + 1]
    return np.cumsum(chances[::-1])[::-1] / chances.sum()
