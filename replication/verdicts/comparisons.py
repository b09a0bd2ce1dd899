"""Numbers of one comparison: the difference, its 90 % interval, a p-value for each word, the replicates that settle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from replication.foundation.errors import InputError
from replication.table.definitions import METRICS
from replication.verdicts.claims import Claim
from replication.verdicts.evidence import FEWEST, OF_ONE_NETWORK, Number, Replicates, Sides
from replication.verdicts.statistics.intervals import (
    Estimate,
    mean_estimate,
    paired_estimate,
    replicates_to_settle,
    welch_estimate,
)
from replication.verdicts.statistics.rules import (
    Word,
    agreed_p_values,
    bound_p_values,
    decide,
    order_p_values,
    rate_p_values,
    share_bound_p_values,
    value_p_values,
)
from replication.verdicts.statistics.shares import difference_interval, share_half_width, share_interval
from replication.verdicts.statistics.superiority import superiority

NAN = float("nan")
FEWEST_AGREED = 5  # replicates that agree exactly and are evidence: ½ to that number is at most LEVEL


@dataclass(frozen=True)
class Comparison:
    """The numbers behind one verdict, in the metric's own units; `better` says on which side the claim lies."""

    metric: str
    better: Literal["higher", "lower"]
    measured: Replicates  # ids, values, n, mean, sd, diverged, unbounded of the measured side
    against: Replicates | None  # the other side (order, superiority, rate); None for value and bound
    reference: float | None  # the published value or the bound; None where there are two sides
    # measured − against or − reference; of shares for a rate; for superiority P(a measured value is higher) − ½
    difference: Number
    low: Number  # 90 % interval of the difference: two one-sided tests at .05; NaN where there is none
    high: Number
    margin: float | None  # equivalence margin (value) or largest negligible difference (order, superiority, rate)
    p_values: dict[Word, float]  # p of the test that would give each word; empty where none was run
    n_needed: int | None  # replicates a side at which the expected interval would decide; None: no number, or no need

    @property
    def sides(self) -> list[Replicates]:
        return [side for side in (self.measured, self.against) if side is not None]

    @property
    def agreed(self) -> bool:
        """Whether the replicates of each side agree exactly, so that a word has a p but there is no interval."""
        return bool(self.p_values) and bool(np.isnan(self.low))


def compare(claim: Claim, sides: Sides) -> Comparison:
    """Compare one claim's replicates by its kind. Without spread, or with too few values, there is no interval."""
    if claim.kind == "superiority":
        return _compare_superiority(claim, sides)
    if claim.kind == "rate":
        return _compare_rates(claim, sides)
    if claim.kind == "bound" and METRICS[sides.measured.metric].unit == "0/1":
        return _compare_share_with_bound(claim, sides)
    return _compare_means(claim, sides)


def _compare_means(claim: Claim, sides: Sides) -> Comparison:
    values, other_values = _with_values(sides)
    sizes = [len(side) for side in (values, other_values) if side is not None]
    reference, overlap = _reference(claim), claim.overlap or 0.0
    bare = _bare(claim, sides, reference)
    if min(sizes) < 2:
        return bare
    if other_values is None:
        published_n = claim.published_n if claim.kind == "value" else None
        estimate = mean_estimate(values, reference or 0.0, published_n, overlap)
    else:
        estimate = (paired_estimate if sides.paired else welch_estimate)(values, other_values, overlap)
    if not estimate.standard_error > 0:
        subtracted = other_values[0] if other_values is not None else reference or 0.0  # no mean, which would round
        return _agreed(claim, replace(bare, difference=float(values[0] - subtracted)), min(sizes))
    bare = replace(bare, difference=float(estimate.difference))
    p_values = _words(claim, estimate.oriented(_sign(claim)), bare.metric)
    return _judged(claim, bare, estimate.interval(), p_values, estimate.half_width, max(sizes))


def _agreed(claim: Claim, bare: Comparison, n: int) -> Comparison:
    """Replicates that agree exactly: the n of them are a rate, judged by how rarely chance puts them on one side."""
    if claim.kind == "question":
        return bare
    without_error = claim.deterministic or bare.measured.unit == OF_ONE_NETWORK
    chance = 0.0 if without_error else 0.5**n  # a quantity without any error lies where it is seen to lie
    sided = METRICS[bare.metric].better != "neither"
    place = _sign(claim) * bare.difference
    p_values = agreed_p_values(claim.kind, place, claim.margin or 0.0, chance, sided)
    settles = decide({word: 0.0 if p < 1 else p for word, p in p_values.items()}) != "inconclusive"
    return replace(bare, p_values=p_values, n_needed=FEWEST_AGREED if settles and n < FEWEST_AGREED else None)


def _compare_superiority(claim: Claim, sides: Sides) -> Comparison:
    """A run without a value is the worst of all, whatever the others are: a tie with its like, below every other."""
    worst = -_sign(claim) * np.inf
    values, other_values = (
        np.nan_to_num(np.array(side.values), nan=worst, posinf=np.inf, neginf=-np.inf)
        for side in (sides.measured, _other(claim, sides))
    )
    estimate = superiority(values, other_values)
    bare = replace(_bare(claim, sides), difference=float(estimate.estimate.difference))
    p_values = order_p_values(estimate.oriented(_sign(claim)), claim.margin or 0.0)
    present = max(len(values), len(other_values))
    return _judged(claim, bare, estimate.interval(), p_values, estimate.estimate.half_width, present)


def _other(claim: Claim, sides: Sides) -> Replicates:
    if sides.against is None or sides.paired:
        raise InputError(f"Claim {claim.id} is of kind {claim.kind}: it compares two unpaired sides.")
    return sides.against


def _sign(claim: Claim) -> int:
    return 1 if claim.better == "higher" else -1


def _compare_rates(claim: Claim, sides: Sides) -> Comparison:
    other = _other(claim, sides)
    counts = (_successes(claim, sides.measured), sides.measured.n, _successes(claim, other), other.n)
    p_values = rate_p_values(counts, claim.better == "higher", claim.margin or 0.0)
    half_width = partial(share_half_width, counts=(counts[:2], counts[2:]))
    present = max(sides.measured.n, other.n)
    return _judged(claim, _bare(claim, sides), difference_interval(counts), p_values, half_width, present)


def _compare_share_with_bound(claim: Claim, sides: Sides) -> Comparison:
    bound, n = claim.bound or 0.0, sides.measured.n
    successes = _successes(claim, sides.measured)
    low, high = share_interval(successes, n)
    p_values = share_bound_p_values(successes, n, bound, claim.better == "higher")
    half_width = partial(share_half_width, counts=((successes, n),))
    return _judged(claim, _bare(claim, sides, bound), (low - bound, high - bound), p_values, half_width, n)


def _judged(
    claim: Claim,
    bare: Comparison,
    interval: tuple[ArrayLike, ArrayLike],
    p_values: Mapping[Word, ArrayLike],
    half_width: Callable[[int], float],
    present: int,
) -> Comparison:
    """The comparison with its interval and p values; of the inconclusive, also how many replicates would settle it."""
    low, high = (float(np.asarray(end)) for end in interval)
    p: dict[Word, float] = {word: float(np.asarray(of_word)) for word, of_word in p_values.items()}
    difference, margin = abs(bare.difference), claim.margin or 0.0
    # how wide an interval's half may be for the claim to be decided if the difference stays as it is
    distance = abs(difference - margin) if claim.kind == "value" else max(difference, margin - difference)
    undecided = bool(p) and decide(p) == "inconclusive"
    n_needed = replicates_to_settle(half_width, distance, present) if undecided else None
    return replace(bare, low=low, high=high, p_values=p, n_needed=n_needed)


def _bare(claim: Claim, sides: Sides, reference: float | None = None) -> Comparison:
    """The comparison before any interval: means of the replicates that have a value."""
    subtracted = sides.against.mean if sides.against is not None else reference or 0.0
    return Comparison(
        metric=sides.measured.metric,
        better=claim.better,
        measured=sides.measured,
        against=sides.against,
        reference=reference,
        difference=sides.measured.mean - subtracted,
        low=NAN,
        high=NAN,
        margin=claim.margin,
        p_values={},
        n_needed=None,
    )


def _reference(claim: Claim) -> float | None:
    if claim.kind == "value" and claim.published is not None:
        return claim.published.value
    return claim.bound if claim.kind == "bound" else None


def _with_values(sides: Sides) -> tuple[np.ndarray, np.ndarray | None]:
    """Replicates that have a value; of paired sides, the pairs in which both have one."""
    if sides.against is None:
        return sides.measured.finite(), None
    if not sides.paired:
        return sides.measured.finite(), sides.against.finite()
    first, second = np.array(sides.measured.values), np.array(sides.against.values)
    both = np.isfinite(first) & np.isfinite(second)
    return first[both], second[both]


def _words(claim: Claim, oriented: Estimate, metric: str) -> Mapping[Word, ArrayLike]:
    if claim.kind == "value":
        return value_p_values(oriented, claim.margin or 0.0, METRICS[metric].better != "neither")
    if claim.kind == "order":
        return order_p_values(oriented, claim.margin or 0.0)
    return bound_p_values(oriented) if claim.kind == "bound" else {}


def _successes(claim: Claim, side: Replicates) -> int:
    if claim.overlap:
        raise InputError(f"Claim {claim.id} counts draws that share data; counts need independent runs: use trainings.")
    odd = sorted(set(side.values) - {0.0, 1.0})
    if odd:
        raise InputError(f"Claim {claim.id} counts successes, but {side.metric} holds {odd[:3]}; outcomes are 0 or 1.")
    return int(sum(side.values))


def enough_values(sides: Sides) -> bool:
    """Whether FEWEST replicates of every side (pairs, where paired) have a value."""
    return all(len(side) >= FEWEST for side in _with_values(sides) if side is not None)
