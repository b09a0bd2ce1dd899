"""Whose turn it is, on what, and at which rate: a recipe's schedule as plain numbers, without a look at any loss."""

from __future__ import annotations

from typing import NamedTuple

from replication.config.recipes import Recipe

SIDES = ("generator", "discriminator")


class Turn(NamedTuple):
    """One step inside a unit: an iteration (k D updates and those of G, or one of both), or a balanced minibatch."""

    sides: tuple[str, ...]  # updated from one state; under a balanced schedule G's loss says which of the two
    noise: int  # which of the unit's draws of noise it takes
    rows: int | None  # which of the unit's minibatches; None where it sees no real sample


class Rates(NamedTuple):
    learning_rate: float
    momentum: float  # of SGD


def turns(recipe: Recipe) -> tuple[Turn, ...]:
    """The steps of every unit, in order."""
    if recipe.schedule == "simultaneous":
        return (Turn(SIDES, 0, 0),)
    if recipe.schedule == "balanced":
        anew = recipe.noise_of_step == "own"
        return tuple(Turn(SIDES, step if anew else 0, 0) for step in range(recipe.inner_steps))
    k, sees = recipe.inner_steps, recipe.generator_minibatch != "none"
    draws = [k + step if recipe.generator_noise == "own" else k for step in range(recipe.generator_steps)]
    generator = [Turn((SIDES[0],), draw, k + step if sees else None) for step, draw in enumerate(draws)]
    return (*(Turn((SIDES[1],), step, step) for step in range(k)), *generator)


def unit_steps(recipe: Recipe) -> int:
    """How many of the recipe's `updates` one unit counts for."""
    return recipe.inner_steps if recipe.schedule == "balanced" else 1


def units_of(recipe: Recipe) -> int:
    """How many units the whole run has."""
    return recipe.updates // unit_steps(recipe)


def minibatches_of_unit(recipe: Recipe) -> int:
    """How many minibatches of the discriminator's order a unit consumes."""
    if recipe.schedule != "alternate":
        return 1
    return recipe.inner_steps + (recipe.generator_steps if recipe.generator_minibatch == "next" else 0)


def update_counts(recipe: Recipe) -> dict[str, int | None]:
    """Updates of each network over the whole run, and of both together; None where losses decide between them."""
    if recipe.schedule == "balanced":
        return {"generator": None, "discriminator": None, "together": recipe.updates}
    generator, discriminator = recipe.generator_steps * recipe.updates, recipe.inner_steps * recipe.updates
    return {"generator": generator, "discriminator": discriminator, "together": generator + discriminator}


def rates_at(recipe: Recipe, unit: int) -> Rates:
    """Learning rate and momentum of the unit numbered from 0."""
    update, rate = unit * unit_steps(recipe), recipe.descent.learning_rate
    if recipe.linear_decay:
        decay = recipe.linear_decay
        done = (update // decay.every * decay.every - decay.begin) / (decay.end - decay.begin)
        rate *= 1.0 - min(max(done, 0.0), 1.0)
    if recipe.geometric_decay:
        rate = max(rate * recipe.geometric_decay.factor**-update, recipe.geometric_decay.floor)
    if recipe.sgd is None:
        return Rates(rate, 0.0)
    sgd = recipe.sgd
    share = min(update // sgd.every * sgd.every / sgd.momentum_updates, 1.0)
    return Rates(rate, sgd.momentum + share * (sgd.final_momentum - sgd.momentum))


def objective_at(recipe: Recipe, unit: int) -> str:
    """The generator's objective in the unit numbered from 0."""
    if recipe.early and unit * unit_steps(recipe) < recipe.early.updates:
        return recipe.early.objective
    return recipe.objective


def objectives_of(recipe: Recipe) -> tuple[str, ...]:
    """Every objective of the generator that some unit has."""
    return (recipe.objective, *([recipe.early.objective] if recipe.early else []))
