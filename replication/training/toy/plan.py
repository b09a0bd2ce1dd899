"""A toy recipe as the plain numbers that compiled code takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from replication.config.recipes import Adam, Balance, GeometricDecay, LinearDecay, Noise, Prior, Recipe
from replication.foundation.errors import InputError
from replication.models.layers.networks import Networks
from replication.training.toy.kernel import Layer
from replication.training.toy.lanes import padded

# What compiled loops compute, or what is settled before them: every other key must be at its default.
COMPUTED: Mapping[type, frozenset[str]] = {
    Recipe: frozenset(
        "engine objective discriminator_scale schedule inner_steps generator_steps generator_noise updates batch "
        "latent_dim noise network adam prior balance linear_decay geometric_decay".split()
    ),
    Noise: frozenset(("distribution", "scale")),
    Prior: frozenset("components form component mean_range sigma_init sigma_start regulariser learnt".split()),
    Adam: frozenset(("learning_rate", "beta1", "beta2", "epsilon")),
    LinearDecay: frozenset(("begin", "end", "every")),
    GeometricDecay: frozenset(("factor", "floor")),
    Balance: frozenset(
        "threshold ceiling floor raise_count raise_by lower_count lower_by floor_count floor_by floor_least".split()
    ),
}
# Of those, the words that they compute, where a recipe may have others.
WORDS = {
    "objective": ("non-saturating", "saturating"),
    "schedule": ("alternate", "balanced"),
    "prior.form": ("mixture", "one-hot", "ensemble"),
}
# What scoring alone reads.
SCORED = frozenset(("display_noise", "sampled_with", "scored_shares", "n_samples"))
LAYERS = frozenset(("Linear", "Tanh", "MixturePrior", "OneHotPrior", "EnsembleLayer"))


class Network(NamedTuple):
    """A network's place in flat arrays; the prior's μ and σ lead the generator's weights."""

    layers: np.ndarray  # int64 [layers, fields of kernel.Layer]
    order: np.ndarray  # int64 [weights]: where the state's weights lie, one after another, in the flat array
    weights: int  # length of the flat array of weights, pads among them
    body: int  # where the first layer begins in it
    row: int  # length of the flat array of activations


class Plan(NamedTuple):
    """What is the same for every seed and step."""

    balanced: bool
    inner: int  # turns of a unit
    of_discriminator: int  # how many of them come first, where no loss decides
    saturating: bool
    scale: float
    regulariser: float
    components: int  # of the mixture
    learns_mean: bool
    learns_sigma: bool
    units_an_epoch: int
    g: Network
    d: Network
    thresholds: np.ndarray  # raise count, raise by, ceiling, lower count, lower by, floor count, floor by, least floor
    adam: np.ndarray


def plan_of(networks: Networks, recipe: Recipe, units_an_epoch: int) -> Plan:
    """The recipe as plain numbers; InputError: a key or layer that loops do not compute, or no hidden layer."""
    layers = {type(m).__name__ for net in networks for m in net.modules() if not list(m.children())}
    beyond = [*_uncomputed(recipe), *(f"network: {name}" for name in sorted(layers - LAYERS))]
    if beyond:
        raise InputError(f"params.yaml: engine kernel does not compute {', '.join(beyond)}; write engine: eager.")
    assert recipe.adam is not None  # sgd is not computed
    generator, discriminator = (_sizes(net) for net in networks)
    if min(len(generator), len(discriminator)) < 3:
        raise InputError(
            "params.yaml: engine kernel trains networks of one hidden layer or more, but network leaves one without; "
            "write engine: eager."
        )
    forms = ("mixture", "one-hot", "ensemble")
    mixture, codes, members = (recipe.prior.components if recipe.prior.form == form else 0 for form in forms)
    a, b, balanced, thresholds = recipe.adam, recipe.balance, recipe.schedule == "balanced", [0] * 8
    if b is not None:
        thresholds = [b.raise_count, b.raise_by, b.ceiling, b.lower_count, b.lower_by]
        thresholds += [b.floor_count, b.floor_by, b.floor_least]
    return Plan(
        balanced,
        recipe.inner_steps + (0 if balanced else recipe.generator_steps),
        recipe.inner_steps,
        recipe.objective == "saturating",
        recipe.discriminator_scale,
        recipe.prior.regulariser,
        mixture,
        recipe.prior.learnt in ("both", "mean"),
        recipe.prior.learnt in ("both", "sigma"),
        units_an_epoch,
        place(generator, recipe.batch, codes, members, [mixture * recipe.latent_dim] * 2 if mixture else []),
        place(discriminator, recipe.batch),
        np.array(thresholds, np.float64),
        np.array([a.learning_rate, a.beta1, a.beta2, a.epsilon]),
    )


def place(sizes: Sequence[int], batch: int, codes: int = 0, members: int = 0, leading: Sequence[int] = ()) -> Network:
    """Where dense layers of `sizes` = (inputs, hidden units …, outputs) keep their numbers, as `kernel.Layer` says.

    The last `codes` of the inputs are a one-hot code, which has no activations; `members` networks are stacked, unless
    it is 0; numbers `leading` the layers in the state lead the flat array too, each group padded.
    """
    columns, at, order, layers = padded(batch), 0, [], []
    for count in leading:
        order.append(np.arange(at, at + count))
        at += padded(count)
    body, source, last = at, 0, len(sizes) - 2
    stack = np.arange(max(members, 1))[:, None, None]
    for number, (inputs, outputs) in enumerate(pairwise(sizes)):
        o, i = np.arange(outputs)[:, None], np.arange(inputs)
        wide = padded(inputs if number == last else outputs)
        stride = padded(outputs) + outputs * wide if number == last else (inputs + 1) * wide
        within = o * wide + i if number == last else (i + 1) * wide + o
        bias = outputs * wide + np.arange(outputs) if number == last else np.arange(outputs)
        order += [(at + stack * stride + within).ravel(), (at + stack[:, :, 0] * stride + bias).ravel()]
        coded = codes if number == 0 else 0
        apart, along = (1, columns) if number == 0 else (padded(inputs), 1)
        target = source + ((inputs - coded) * columns if number == 0 else batch * padded(inputs))
        fields = (at, stride if members else 0, coded, source, apart, along, inputs - coded, target, wide, outputs)
        layers.append(Layer(*fields))
        at, source = at + max(members, 1) * stride, target
    return Network(np.array(layers), np.concatenate(order), at, body, source + sizes[-1] * columns)


def _sizes(network: nn.Module) -> list[int]:
    """Inputs, hidden units of each layer, outputs."""
    shapes = [p.shape for name, p in network.named_parameters() if name.endswith("weight")]
    return [*(shape[-1] for shape in shapes), shapes[-1][-2]]


def _uncomputed(settings: Any, within: str = "") -> Iterator[str]:
    """Keys with their values, of a recipe or of a part of it, that compiled loops would silently ignore."""
    for field in fields(settings):
        value, key = getattr(settings, field.name), within + field.name
        known = field.name in COMPUTED.get(type(settings), ()) or key in SCORED
        default = field.default if field.default_factory is MISSING else field.default_factory()
        ignored = value not in WORDS.get(key, (value,)) if known else value != default
        if ignored:
            yield f"{key}: {value}"
        elif known and is_dataclass(value):
            yield from _uncomputed(value, f"{key}.")
