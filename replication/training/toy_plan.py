"""A toy recipe as the plain numbers that compiled code takes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from replication.errors import InputError
from replication.models.layers import Networks
from replication.recipes import Recipe


class Plan(NamedTuple):
    """What is the same for every seed and step; the prior's μ and σ lead the generator's weights."""

    balanced: bool
    inner: int
    saturating: bool
    scale: float
    regulariser: float
    components: int
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
    if set(hidden) - {"Linear", "Tanh", "MixturePrior"} or recipe.adam.l2:
        raise InputError("params.yaml: engine kernel trains dense tanh networks without l2 only; write engine: eager.")
    sizes = [
        [p.shape[1] for n, p in net.named_parameters() if n.endswith("weight")]
        + [[p.shape[0] for n, p in net.named_parameters() if n.endswith("weight")][-1]]
        for net in networks
    ]
    b, a = recipe.balance, recipe.adam
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
        recipe.prior.components,
        units_an_epoch,
        np.array(sizes[0]),
        np.array(sizes[1]),
        np.array(thresholds, np.float64),
        np.array([a.learning_rate, a.beta1, a.beta2, a.epsilon]),
    )
