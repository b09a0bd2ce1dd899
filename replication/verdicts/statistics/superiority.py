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
        kept = self.trials - self.losses
        if threshold < 0:
            p = np.where(kept > self.wins, _at_least(kept, self.trials, 1 + 2 * threshold), p)
        p = np.where(self.trials > 0, p, self.estimate.p_above(threshold))
        return np.maximum(p, self.exact_above) if threshold == 0 else p

    def p_below(self, threshold: float) -> Array:
        """p of "P − ½ ≥ threshold": small where P lies below."""
        return self.oriented(-1).p_above(-threshold)

    def interval(self, level: float = LEVEL) -> tuple[Array, Array]:
        """Interval of P − ½, of 1 − 2·level; it holds 0 wherever the exact test does not exclude it."""
        low, high = (np.clip(end, -0.5, 0.5) for end in self.estimate.interval(level))
        low = np.where(self.trials > 0, self._least(level) - 0.5, low)
        high = np.where(self.trials > 0, 0.5 - self.oriented(-1)._least(level), high)
        low = np.where(self.p_above(0.0) <= level, np.maximum(low, 0.0), np.minimum(low, 0.0))
        return low, np.where(self.p_below(0.0) <= level, np.minimum(high, 0.0), np.maximum(high, 0.0))

    def oriented(self, sign: int) -> Superiority:
        """The same with the sides exchanged where `sign` is −1."""
        counts = (self.wins, self.losses)[::sign]
        exact = (self.exact_above, self.exact_below)[::sign]
        return Superiority(self.estimate.oriented(sign), self.trials, *counts, *exact)

    def _least(self, level: float) -> Array:
        """The smallest P that the counts allow."""
        kept = self.trials - self.losses
        won, half = _least_share(self.wins, self.trials, level), _least_share(kept, self.trials, level) / 2
        return np.where((kept > self.wins) & (won < 0.5), half, won)


def _at_least(count: Array, trials: Array, share: float) -> Array:
    """The binomial chance of so many of the trials or more."""
    positive = np.maximum(count, 1.0)
    chance = betainc(positive, np.maximum(trials - positive, 0.0) + 1, min(max(share, 0.0), 1.0))
    return np.where(count > 0, chance, 1.0)


def _least_share(count: Array, trials: Array, level: float) -> Array:
    """The lower end of Clopper and Pearson's interval: the share at which `_at_least` is `level`."""
    positive = np.maximum(count, 1.0)
    return np.where(count > 0, betaincinv(positive, np.maximum(trials - positive, 0.0) + 1, level), 0.0)


def superiority(first: ArrayLike, second: ArrayLike) -> Superiority:
    """Of (..., n) against (..., m) outcomes, more is better; −∞ is worse than any other and a tie with itself."""
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    n, m = one.shape[-1], two.shape[-1]
    wins, losses = _placements(one, two)
    share = wins.mean(axis=-1)
    variance, other_variance = (
        np.where(np.ptp(side, axis=-1) > 0, side.var(axis=-1, ddof=1), 0.0) for side in (wins, losses)
    )
    estimate = welch_of_moments((share, variance, n), (np.full_like(share, 0.5), other_variance, m))
    counts = _counts(wins, losses, variance == 0, other_variance == 0)
    none = np.zeros_like(share)
    exact = (mann_whitney_p(one, two), mann_whitney_p(two, one)) if n * m <= EXACT else (none, none)
    return Superiority(estimate, *counts, *exact)


def _counts(wins: Array, losses: Array, alike: Bools, others_alike: Bools) -> tuple[Array, Array, Array]:
    """Trials, wins and losses of the first side: runs of the side that is not alike, of the smaller if both are."""
    n, m = wins.shape[-1], losses.shape[-1]
    of_one = (wins == 1).sum(axis=-1), (wins == 0).sum(axis=-1)
    of_two = (losses == 0).sum(axis=-1), (losses == 1).sum(axis=-1)
    second = alike & (~others_alike | (m < n))
    trials = np.where(alike | others_alike, np.where(second, m, n), 0)
    won, lost = (np.where(second, two, one) * (trials > 0) for one, two in zip(of_one, of_two, strict=True))
    return trials.astype(np.float64), won.astype(np.float64), lost.astype(np.float64)


def _placements(one: Array, two: Array) -> tuple[Array, Array]:
    """(..., n) and (..., m): for each value the share of the other sample's that it is above, ties by half."""
    joint = np.concatenate([one, two], axis=-1)
    order = np.argsort(joint, axis=-1, kind="stable")
    ranked = np.take_along_axis(joint, order, axis=-1)
    from_one = order < one.shape[-1]
    equal = ranked[..., 1:] == ranked[..., :-1]
    shares = []
    for values, its in ((one, from_one), (two, ~from_one)):
        upto = np.cumsum(~its, axis=-1)  # values of the other sample up to and with this place
        beaten = _middle(upto, ~its, equal) if equal.any() else upto
        shares.append(np.reshape(beaten[its], values.shape) / (joint.shape[-1] - values.shape[-1]))
    return shares[0], shares[1]


def _middle(upto: Array, counted: Bools, equal: Bools) -> Array:
    """`upto` at the middle of each run of equal values: half way between what is below it and what is at its end."""
    edge = np.ones_like(equal[..., :1])
    places = np.broadcast_to(np.arange(upto.shape[-1]), upto.shape)
    start = np.maximum.accumulate(np.where(np.concatenate([edge, ~equal], axis=-1), places, 0), axis=-1)
    last = np.where(np.concatenate([~equal, edge], axis=-1), places, places.shape[-1] - 1)
    end = np.flip(np.minimum.accumulate(np.flip(last, axis=-1), axis=-1), axis=-1)
    below = np.take_along_axis(upto - counted, start, axis=-1)
    return (below + np.take_along_axis(upto, end, axis=-1)) / 2


def mann_whitney_p(one: Array, two: Array) -> Array:
    """Exact p of "the first sample is not above the second", over all ways to deal the values into two samples."""
    n, m = one.shape[-1], two.shape[-1]
    joint = np.concatenate([one, two], axis=-1)
    doubled = np.rint(_placements(one, two)[0].sum(axis=-1) * m * 2).astype(np.int64)  # 2 U
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
