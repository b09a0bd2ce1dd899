"""A toy recipe as the plain numbers that compiled code takes."""

from __future__ import annotations

from dataclasses import fields
from typing import NamedTuple

import numpy as np

from replication.errors import InputError
from replication.models.layers.networks import Networks
from replication.recipes import Recipe


class Plan(NamedTuple):
    """What is the same for every seed and step; the prior's μ and σ lead the generator's weights."""

    balanced: bool
    inner: int
    saturating: bool
    scale: float
    regulariser: float
    components: int  # of the mixture
    one_hot: int  # components whose code lies beside the noise
    ensemble: int  # generators, stacked layer by layer
    units_an_epoch: int
    g_sizes: np.ndarray
    d_sizes: np.ndarray
    thresholds: np.ndarray  # raise count, raise by, ceiling, lower count, lower by, floor count, floor by, least floor
    adam: np.ndarray


def plan_of(networks: Networks, recipe: Recipe, units_an_epoch: int) -> Plan:
    """The recipe as plain numbers.

    Raises:
        InputError: a layer other than tanh and dense, or weight decay.
    """
    hidden = [type(m).__name__ for net in networks for m in net.modules() if not list(m.children())]
    a = recipe.adam
    if set(hidden) - {"Linear", "Tanh", "MixturePrior", "OneHotPrior", "EnsembleLayer"} or a is None or _beyond(recipe):
        raise InputError(
            "params.yaml: engine kernel trains dense tanh networks of points with plain Adam, by the game's two losses "
            "and without labels; write engine: eager."
        )
    sizes = [
        [p.shape[-1] for n, p in net.named_parameters() if n.endswith("weight")]
        + [[p.shape[-2] for n, p in net.named_parameters() if n.endswith("weight")][-1]]
        for net in networks
    ]
    b = recipe.balance
    thresholds = (
        [b.raise_count, b.raise_by, b.ceiling, b.lower_count, b.lower_by, b.floor_count, b.floor_by, b.floor_least]
        if b
        else [0.0] * 8
    )
    balanced = recipe.schedule == "balanced"
    return Plan(
        balanced,
        recipe.inner_steps + (0 if balanced else 1),
        recipe.objective == "saturating",
        recipe.discriminator_scale,
        recipe.prior.regulariser,
        _components(recipe, "mixture"),
        _components(recipe, "one-hot"),
        _components(recipe, "ensemble"),
        units_an_epoch,
        np.array(sizes[0]),
        np.array(sizes[1]),
        np.array(thresholds, np.float64),
        np.array([a.learning_rate, a.beta1, a.beta2, a.epsilon]),
    )


def _components(recipe: Recipe, form: str) -> int:
    return recipe.prior.components if recipe.prior.form == form else 0


def _beyond(recipe: Recipe) -> bool:
    """Whether the recipe has a key that this engine would silently ignore."""
    plain = {f.name: f.default for f in fields(Recipe)}  # type: ignore[arg-type]
    absent = ("early", "feature_matching", "real_target", "historical_averaging", "parameter_average", "labels")
    fixed = ("initial_images", "linear_decay", "geometric_decay", "stopping", "generator_steps", "generator_minibatch")
    other = ("noise_of_step", "minibatches", "pixels")
    changed = any(getattr(recipe, name) != plain[name] for name in (*absent, *fixed, *other))
    adam, balance = recipe.adam, recipe.balance
    adam_beyond = adam is not None and (adam.l2 or adam.epsilon_inside)
    balance_beyond = balance is not None and (balance.in_a_row or balance.extra_rate or balance.judged_with == "batch")
    return bool(changed or adam_beyond or balance_beyond or recipe.schedule == "simultaneous")
