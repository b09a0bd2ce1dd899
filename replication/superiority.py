"""P(a run of one side is better than a run of the other) + ½ P(equal), for outcomes that are heavy-tailed or two-moded.

The interval has DeLong's variance (1988) and Student's t with the degrees of Brunner and Munzel (2000). Small samples
must pass the exact Mann–Whitney test too. Where all comparisons go one way, or all are ties, there is no variance; the
chance of such a study is bounded exactly over the pairs of runs, which are independent.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from replication.intervals import LEVEL, Array, Estimate, welch_of_moments

EXACT = 400  # comparisons, n · m, up to which the exact test is asked for too


@dataclass(frozen=True)
class Superiority:
    """P − ½ for samples of n and m runs. Fields have one shape: () for one study."""

    estimate: Estimate  # of P − ½; its standard error is 0 where all comparisons agree
    pairs: int  # min(n, m): comparisons that share no run
    exact_above: Array  # exact Mann–Whitney p of "the first is not better", 0 where n · m is beyond EXACT
    exact_below: Array

    def p_above(self, threshold: float) -> Array:
        """p of "P − ½ ≤ threshold": small where P lies above."""
        p = np.where(self.estimate.standard_error > 0, self.estimate.p_above(threshold), self._agreed(threshold))
        return np.maximum(p, self.exact_above) if threshold == 0 else p

    def p_below(self, threshold: float) -> Array:
        """p of "P − ½ ≥ threshold": small where P lies below."""
        return self.oriented(-1).p_above(-threshold)

    def interval(self, level: float = LEVEL) -> tuple[Array, Array]:
        """Interval of P − ½, of 1 − 2·level; it holds 0 wherever the exact test does not exclude it."""
        low, high = (np.clip(end, -0.5, 0.5) for end in self.estimate.interval(level))
        chance = level ** (1 / self.pairs)  # the least chance of a pair that all pairs agreeing leaves open
        place, agreed = self.estimate.difference, self.estimate.standard_error == 0
        low = np.where(agreed, np.where(place > 0, chance - 0.5, np.where(place < 0, -0.5, (chance - 1) / 2)), low)
        high = np.where(agreed, np.where(place < 0, 0.5 - chance, np.where(place > 0, 0.5, (1 - chance) / 2)), high)
        low = np.where(self.p_above(0.0) <= level, np.maximum(low, 0.0), np.minimum(low, 0.0))
        return low, np.where(self.p_below(0.0) <= level, np.minimum(high, 0.0), np.maximum(high, 0.0))

    def oriented(self, sign: int) -> Superiority:
        """The same with the sides exchanged where `sign` is −1."""
        exact = (self.exact_above, self.exact_below)[::sign]
        return Superiority(self.estimate.oriented(sign), self.pairs, *exact)

    def _agreed(self, threshold: float) -> Array:
        """The largest chance that every pair agrees as all do here, where P − ½ is at most `threshold`."""
        win, tie = min(max(0.5 + threshold, 0.0), 1.0), 1 + 2 * min(threshold, 0.0)
        place = self.estimate.difference
        return np.where(place > 0, win**self.pairs, np.where(place < 0, 1.0, tie**self.pairs))


def superiority(first: ArrayLike, second: ArrayLike) -> Superiority:
    """Of (..., n) against (..., m) finite outcomes, more is better."""
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    n, m = one.shape[-1], two.shape[-1]
    wins, losses = _placements(one, two)
    share = wins.mean(axis=-1)
    variances = (
        (np.where(np.ptp(wins, axis=-1) > 0, wins.var(axis=-1, ddof=1), 0.0)),
        (np.where(np.ptp(losses, axis=-1) > 0, losses.var(axis=-1, ddof=1), 0.0)),
    )
    estimate = welch_of_moments((share, variances[0], n), (np.full_like(share, 0.5), variances[1], m))
    if n * m > EXACT:
        none = np.zeros_like(share)
        return Superiority(estimate, min(n, m), none, none)
    return Superiority(estimate, min(n, m), mann_whitney_p(one, two), mann_whitney_p(two, one))


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


def _middle(upto: Array, counted: Array, equal: Array) -> Array:
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
