"""The verdict rule: which word an estimate earns. A word is given where its one-sided test has p ≤ .05.

Each rule returns p-values by word in the order in which words are tried: an order whose interval lies on the claimed
side of 0 is *replicated* even where the difference is negligible, and the reason then says that it is negligible.
The functions take arrays as well, so that simulations run the rule itself and not a copy of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from replication.intervals import LEVEL, Array, Estimate
from replication.shares import Counts, boschloo_p, difference_p_above, difference_p_below, share_p_values

Word = Literal[
    "replicated",
    "exceeded",
    "not replicated",
    "reversed",
    "no difference",
    "inconclusive",
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
    return {"replicated": within, "exceeded": beyond, "not replicated": short}


def order_p_values(estimate: Estimate, margin: float | None) -> dict[Word, Array]:
    """p by word for a difference oriented so that the claim has it positive; `margin`: the largest negligible one."""
    words: dict[Word, Array] = {"replicated": estimate.p_above(0.0), "reversed": estimate.p_below(0.0)}
    if margin is not None:
        words["no difference"] = np.maximum(estimate.p_above(-margin), estimate.p_below(margin))
    return words


def bound_p_values(estimate: Estimate) -> dict[Word, Array]:
    """p by word for measured − bound, oriented so that the claim has it positive."""
    return {"replicated": estimate.p_above(0.0), "not replicated": estimate.p_below(0.0)}


def rate_p_values(counts: Counts, higher: bool, margin: float | None) -> dict[Word, float]:
    """p by word for two shares of successful runs; `higher`: the claim has the first share above the second."""
    successes, n, other_successes, other_n = counts
    above, below = boschloo_p(*counts), boschloo_p(other_successes, other_n, successes, n)
    words: dict[Word, float] = {"replicated": above if higher else below, "reversed": below if higher else above}
    if margin is not None:
        words["no difference"] = max(difference_p_above(counts, -margin), difference_p_below(counts, margin))
    return words


def share_bound_p_values(successes: int, n: int, bound: float, higher: bool) -> dict[Word, float]:
    """p by word for a share of successful runs against a bound that it must exceed (`higher`) or stay below."""
    above, below = share_p_values(successes, n, bound)
    return {"replicated": above if higher else below, "not replicated": below if higher else above}


def decide(p_values: Mapping[Word, float], level: float = LEVEL) -> Word:
    """The first word whose p is at most `level`, else "inconclusive"."""
    return cast(Word, str(decide_each({word: np.asarray(p) for word, p in p_values.items()}, level)))


def decide_each(p_values: Mapping[Word, Array], level: float = LEVEL) -> NDArray[np.str_]:
    """`decide` for arrays of studies of one shape: the word that each study earns."""
    return np.select([p <= level for p in p_values.values()], list(p_values), "inconclusive")


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p-values, in the order given: no word of a family is wrong with more than LEVEL."""
    count = len(p_values)
    adjusted = [0.0] * count
    reached = 0.0
    for rank, index in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        reached = max(reached, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = reached
    return adjusted
