"""What the keys of a recipe may not say together: a key without effect would be silently ignored."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from replication.config.recipes import Recipe


def conflicts(recipe: Recipe) -> list[tuple[bool, str]]:
    """For each rule whether a recipe breaks it, and the clause that says so."""
    return [*_of_turns(recipe), *_of_losses_and_rates(recipe)]


def _of_turns(recipe: Recipe) -> list[tuple[bool, str]]:
    """Rules of the optimiser, and of whose turn it is."""
    balanced, alternate = recipe.schedule == "balanced", recipe.schedule == "alternate"
    optimisers = [recipe.adam, recipe.sgd, recipe.optimiser]
    return [
        (optimisers.count(None) != 2, "it needs one of adam, sgd and optimiser, and not two"),
        (bool(recipe.optimiser) and recipe.optimiser_name in ("adam", "sgd"), "optimiser: write key adam or sgd"),
        (balanced != (recipe.balance is not None), "balance goes with schedule balanced, and is needed there"),
        (not alternate and recipe.generator_steps > 1, "generator_steps has an effect under schedule alternate alone"),
        (
            recipe.generator_noise == "same" and recipe.generator_steps == 1,
            "generator_noise: same has an effect with generator_steps above 1 alone",
        ),
        (recipe.schedule == "simultaneous" and recipe.inner_steps > 1, "schedule simultaneous has inner_steps 1"),
        (balanced and recipe.updates % recipe.inner_steps > 0, "updates is no multiple of inner_steps"),
        (
            recipe.noise_of_step == "own" and not (balanced and recipe.inner_steps > 1),
            "noise_of_step: own has an effect under schedule balanced alone, with inner_steps above 1",
        ),
    ]


def _of_losses_and_rates(recipe: Recipe) -> list[tuple[bool, str]]:
    """Rules of objectives, averages and learning rates."""
    alternate = recipe.schedule == "alternate"
    objectives = {recipe.objective, recipe.early.objective if recipe.early else recipe.objective}
    matching = "feature-matching" in objectives
    return [
        (
            recipe.early is not None and recipe.early.objective == recipe.objective,
            "early: its objective is that of the rest; leave it out",
        ),
        (
            recipe.parameter_average > 0 and recipe.labels is None,
            "parameter_average: it has an effect where labels are learnt and tested; leave it out, or write labels",
        ),
        (not alternate and recipe.generator_minibatch != "none", "generator_minibatch goes with schedule alternate"),
        (matching != (recipe.feature_matching is not None), "feature_matching goes with objective feature-matching"),
        (
            matching and alternate and recipe.generator_minibatch == "none",
            "objective feature-matching needs real images: write generator_minibatch own or next",
        ),
        (
            recipe.average_start != "zero" and not recipe.parameter_average,
            "average_start has an effect with parameter_average alone",
        ),
        (
            recipe.linear_decay is not None and recipe.geometric_decay is not None,
            "linear_decay and geometric_decay exclude each other",
        ),
        (
            bool(recipe.linear_decay and not recipe.linear_decay.begin < recipe.linear_decay.end),
            "linear_decay ends after it begins",
        ),
        (recipe.scored_shares[-1:] != (1.0,), f"scored_shares end with 1.0, not {list(recipe.scored_shares)}"),
    ]
