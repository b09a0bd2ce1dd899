"""A recipe at a share of its updates: the schedule keeps its shape, and nothing else of the recipe changes."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from replication.errors import InputError
from replication.recipes import Recipe


def with_budget(recipe: Recipe, share: float) -> Recipe:
    """The recipe trained for `share` of its updates, rounded to whole units of its schedule and at least one.

    What the recipe counts in updates is scaled by the same ratio, so that the run goes through the same course in
    fewer updates: where the rate, the momentum and the objective change and how often they do, and how often a
    stopping rule compares, which it therefore does as many times. The geometric decay ends at the rate that it would
    have ended at, and the moving average forgets the beginning as far. What counts within a unit, or losses in a row,
    or draws of data, stays.

    Raises:
        InputError: the share is not above 0 and at most 1, or leaves a schedule without length.
    """
    check_share(share, "A budget")
    if share == 1:
        return recipe
    steps = recipe.inner_steps if recipe.schedule == "balanced" else 1  # of a unit, which is never cut
    updates = max(1, round(share * recipe.updates / steps)) * steps
    ratio = Fraction(updates, recipe.updates)
    linear, geometric, sgd, early, stopping = (
        recipe.linear_decay,
        recipe.geometric_decay,
        recipe.sgd,
        recipe.early,
        recipe.stopping,
    )
    if linear:
        begin, end, every = round(linear.begin * ratio), round(linear.end * ratio), _at_least_one(linear.every, ratio)
        linear = replace(linear, begin=begin, end=end, every=every)
    if geometric:
        geometric = replace(geometric, factor=geometric.factor ** float(1 / ratio))
    if sgd:
        rising, every = _at_least_one(sgd.momentum_updates, ratio), _at_least_one(sgd.every, ratio)
        sgd = replace(sgd, momentum_updates=rising, every=every)
    return replace(
        recipe,
        updates=updates,
        linear_decay=linear,
        geometric_decay=geometric,
        sgd=sgd,
        early=replace(early, updates=_at_least_one(early.updates, ratio)) if early else None,
        stopping=replace(stopping, every=_at_least_one(stopping.every, ratio)) if stopping else None,
        parameter_average=1.0 - (1.0 - recipe.parameter_average) ** float(1 / ratio),
    )


def check_share(share: float, what: str) -> None:
    """Raise InputError where a share is not above 0 and at most 1; `what` begins the sentence."""
    if not 0 < share <= 1:
        raise InputError(f"{what} is {share}: write the share of the recipe's updates, above 0 and at most 1.")


def in_percent(share: float) -> str:
    """0.1 → "10 %", 0.0125 → "1.25 %"."""
    return f"{100 * share:.6g} %"


def _at_least_one(count: int, ratio: Fraction) -> int:
    return max(1, round(count * ratio))
