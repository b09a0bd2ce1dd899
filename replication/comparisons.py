"""Numbers of one comparison: the difference, its 90 % interval, a p-value for each word, the replicates that settle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from replication.claims import Claim
from replication.errors import InputError
from replication.evidence import FEWEST, Replicates, Sides
from replication.intervals import Estimate, mean_estimate, paired_estimate, replicates_to_settle, welch_estimate
from replication.metrics.definitions import METRICS
from replication.rules import (
    Word,
    bound_p_values,
    decide,
    order_p_values,
    rate_p_values,
    share_bound_p_values,
    value_p_values,
)
from replication.shares import difference_interval, share_half_width, share_interval

NAN = float("nan")


@dataclass(frozen=True)
class Comparison:
    """The numbers behind one verdict, in the metric's own units; `better` says on which side the claim lies."""

    metric: str
    better: Literal["higher", "lower"]
    measured: Replicates  # ids, values, n, mean, sd, diverged, unbounded of the measured side
    against: Replicates | None  # the other side (order, rate); None for value and bound
    reference: float | None  # the published value or the bound; None for order and rate
    difference: float  # measured − against or − reference; a difference of shares for a rate
    low: float  # 90 % interval of the difference: two one-sided tests at .05; NaN where there is none
    high: float
    margin: float | None  # equivalence margin (value) or largest negligible difference (order, rate)
    p_values: dict[Word, float]  # p of the test that would give each word; empty where none was run
    n_needed: int | None  # replicates a side at which the expected interval would decide; None: no number, or no need


def compare(claim: Claim, sides: Sides) -> Comparison:
    """Compare one claim's replicates by its kind. Without spread, or with too few values, there is no interval."""
    counted = METRICS[sides.measured.metric].unit == "0/1"
    if claim.kind == "rate":
        return _compare_rates(claim, sides)
    if claim.kind == "bound" and counted:
        return _compare_share_with_bound(claim, sides)
    return _compare_means(claim, sides)


def _compare_means(claim: Claim, sides: Sides) -> Comparison:
    one, two = _with_values(sides)
    reference = _reference(claim)
    bare = _bare(claim, sides, reference)
    if len(one) < 2 or (two is not None and len(two) < 2):
        return bare
    estimate = _estimate(claim, sides.paired, one, two)
    difference = float(estimate.difference)
    if not estimate.standard_error > 0:
        return replace(bare, difference=difference)
    low, high = (float(end) for end in estimate.interval())
    words = _words(claim, estimate.oriented(1 if claim.better == "higher" else -1), bare.metric)
    p_values = {word: float(p) for word, p in words.items()}
    present = max(len(one), len(two) if two is not None else 0)
    return replace(
        bare,
        difference=difference,
        low=low,
        high=high,
        p_values=p_values,
        n_needed=_n_needed(p_values, estimate.half_width, _distance(claim, abs(difference)), present),
    )


def _compare_rates(claim: Claim, sides: Sides) -> Comparison:
    if sides.against is None or sides.paired:
        raise InputError(f"Claim {claim.id} is a rate: it compares two unpaired sides of 0/1 outcomes.")
    one, two = _successes(claim, sides.measured), _successes(claim, sides.against)
    counts = (one, sides.measured.n, two, sides.against.n)
    low, high = difference_interval(counts)
    bare = _bare(claim, sides, None)
    p_values = rate_p_values(counts, claim.better == "higher", claim.margin)
    half_width = partial(share_half_width, counts=(counts[:2], counts[2:]))
    present = max(sides.measured.n, sides.against.n)
    return replace(
        bare,
        low=low,
        high=high,
        p_values=p_values,
        n_needed=_n_needed(p_values, half_width, _distance(claim, abs(bare.difference)), present),
    )


def _compare_share_with_bound(claim: Claim, sides: Sides) -> Comparison:
    bound, n = claim.bound or 0.0, sides.measured.n
    successes = _successes(claim, sides.measured)
    low, high = share_interval(successes, n)
    bare = _bare(claim, sides, bound)
    p_values = share_bound_p_values(successes, n, bound, claim.better == "higher")
    half_width = partial(share_half_width, counts=((successes, n),))
    return replace(
        bare,
        low=low - bound,
        high=high - bound,
        p_values=p_values,
        n_needed=_n_needed(p_values, half_width, abs(bare.difference), n),
    )


def _n_needed(
    p_values: dict[Word, float], half_width: Callable[[int], float], distance: float, present: int
) -> int | None:
    if not p_values or decide(p_values) != "inconclusive":
        return None
    return replicates_to_settle(half_width, distance, present)


def _bare(claim: Claim, sides: Sides, reference: float | None) -> Comparison:
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
    one, two = np.array(sides.measured.values), np.array(sides.against.values)
    both = np.isfinite(one) & np.isfinite(two)
    return one[both], two[both]


def _estimate(claim: Claim, paired: bool, one: np.ndarray, two: np.ndarray | None) -> Estimate:
    overlap = claim.overlap or 0.0
    if two is not None:
        return paired_estimate(one, two, overlap) if paired else welch_estimate(one, two, overlap)
    trainings = claim.published.trainings if claim.kind == "value" and claim.published is not None else None
    return mean_estimate(one, _reference(claim) or 0.0, trainings, overlap)


def _words(claim: Claim, oriented: Estimate, metric: str) -> dict:
    if claim.kind == "value":
        return value_p_values(oriented, claim.margin or 0.0, METRICS[metric].better != "neither")
    if claim.kind == "order":
        return order_p_values(oriented, claim.margin)
    return bound_p_values(oriented) if claim.kind == "bound" else {}


def _distance(claim: Claim, difference: float) -> float:
    """How wide an interval's half may be for the claim to be decided if the difference stays as it is."""
    if claim.kind == "value":
        return abs(difference - (claim.margin or 0.0))
    return max(difference, (claim.margin or 0.0) - difference)


def _successes(claim: Claim, side: Replicates) -> int:
    if claim.overlap:
        raise InputError(f"Claim {claim.id} counts draws that share data; counts need independent runs: use trainings.")
    odd = sorted(set(side.values) - {0.0, 1.0})
    if odd:
        raise InputError(f"Claim {claim.id} counts successes, but {side.metric} holds {odd[:3]}; outcomes are 0 or 1.")
    return int(sum(side.values))


def enough_values(sides: Sides) -> bool:
    """Whether FEWEST replicates of every side (pairs, where paired) have a value."""
    one, two = _with_values(sides)
    return min(len(one), FEWEST if two is None else len(two)) >= FEWEST
