"""The verdict rule: which word an estimate earns. A word is given where its one-sided test has p ≤ .05.

Each rule returns p-values by word in the order in which words are tried. "No difference" comes first: an order whose
whole interval lies inside the negligible margin has no difference, also where the interval lies beside 0.
The functions take arrays as well, so that simulations run the rule itself and not a copy of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from replication.verdicts.statistics.intervals import LEVEL, Array, Estimate
from replication.verdicts.statistics.shares import (
    Counts,
    boschloo_p,
    difference_p_above,
    difference_p_below,
    share_p_values,
)
from replication.verdicts.statistics.superiority import Superiority

Word = Literal[
    "replicated",
    "differs, better",
    "not replicated",
    "reversed",
    "no difference",
    "inconclusive",
    "underpowered",
    "not assessed",
    "answered",
]


def value_p_values(estimate: Estimate, margin: float, sided: bool) -> dict[Word, Array]:
    """p by word for measured − published, oriented so that better is positive; not `sided`: no side is better."""
    within = np.maximum(estimate.p_above(-margin), estimate.p_below(margin))
    beyond, short = estimate.p_above(margin), estimate.p_below(-margin)
    if not sided:  # one word for both sides: the tails are added, which only a margin narrow beside the error notices
        outside = np.minimum(beyond + estimate.p_above(-margin), short + estimate.p_below(margin))
        return {"replicated": within, "not replicated": outside}
    return {"replicated": within, "differs, better": beyond, "not replicated": short}


def order_p_values(estimate: Estimate | Superiority, margin: float) -> dict[Word, Array]:
    """p by word for a difference, or for P − ½, oriented so that the claim has it positive.

    `margin` is the largest negligible difference.
    """
    return {
        "no difference": np.maximum(estimate.p_above(-margin), estimate.p_below(margin)),
        "replicated": estimate.p_above(0.0),
        "reversed": estimate.p_below(0.0),
    }


def bound_p_values(estimate: Estimate) -> dict[Word, Array]:
    """p by word for measured − bound, oriented so that the claim has it positive."""
    return {"replicated": estimate.p_above(0.0), "not replicated": estimate.p_below(0.0)}


def rate_p_values(counts: Counts, higher: bool, margin: float) -> dict[Word, float]:
    """p by word for two shares of successful runs; `higher`: the claim has the first share above the second."""
    successes, n, other_successes, other_n = counts
    above, below = boschloo_p(*counts), boschloo_p(other_successes, other_n, successes, n)
    return {
        "no difference": max(difference_p_above(counts, -margin), difference_p_below(counts, margin)),
        "replicated": above if higher else below,
        "reversed": below if higher else above,
    }


def share_bound_p_values(successes: int, n: int, bound: float, higher: bool) -> dict[Word, float]:
    """p by word for a share of successful runs against a bound that it must exceed (`higher`) or stay below."""
    above, below = share_p_values(successes, n, bound)
    return {"replicated": above if higher else below, "not replicated": below if higher else above}


def share_bound_table(n: int, bound: float) -> dict[Word, Array]:
    """(n + 1,) p by word for every count of successes, of a bound that the share must exceed."""
    counts = [share_bound_p_values(successes, n, bound, higher=True) for successes in range(n + 1)]
    return {word: np.array([p_values[word] for p_values in counts]) for word in counts[0]}


def agreed_p_values(kind: str, place: float, margin: float, chance: float, sided: bool) -> dict[Word, float]:
    """p by word where the replicates of each side agree exactly, so that no interval exists.

    All replicates then lie on one side of the bound, of the margin or of the other side's value. If either side were
    as likely, the `chance` of that would be ½ to the number of replicates: the p of the word for where they lie.
    `place` is the difference, oriented so that better is positive; `sided`: one side of a published value is better.
    """
    if kind == "bound":
        p_values: dict[Word, float] = {"replicated": 1.0, "not replicated": 1.0}
        word: Word | None = "replicated" if place > 0 else "not replicated" if place < 0 else None
    elif kind == "value":
        p_values = {"replicated": 1.0, "differs, better": 1.0, "not replicated": 1.0}
        beyond: Word = "differs, better" if sided and place > 0 else "not replicated"
        word = "replicated" if abs(place) <= margin else beyond
    else:
        p_values = {"no difference": 1.0, "replicated": 1.0, "reversed": 1.0}
        word = "no difference" if abs(place) <= margin else "replicated" if place > 0 else "reversed"
    return {**p_values, word: chance} if word else p_values


def decide(p_values: Mapping[Word, float]) -> Word:
    """The first word whose p is at most LEVEL, else "inconclusive"."""
    small: list[Word] = [word for word, p in p_values.items() if p <= LEVEL]
    return small[0] if small else "inconclusive"


def decide_each(p_values: Mapping[Word, Array]) -> NDArray[np.str_]:
    """`decide` for arrays of studies of one shape: the word that each study earns."""
    return np.select([p <= LEVEL for p in p_values.values()], list(p_values), "inconclusive")


def holm(p_values: ArrayLike) -> Array:
    """Holm's (1979) adjusted p-values of (claims, …): no word of a family is wrong with more than LEVEL."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, axis=0, kind="stable")
    factors = np.arange(len(p), 0, -1).reshape(-1, *[1] * (p.ndim - 1))
    reached = np.maximum.accumulate(np.minimum(np.take_along_axis(p, order, axis=0) * factors, 1.0), axis=0)
    adjusted = np.empty_like(reached)
    np.put_along_axis(adjusted, order, reached, axis=0)
    return adjusted
