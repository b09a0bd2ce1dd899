"""Keys of a recipe that need something of its networks or data, without which they would be silently ignored."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import torch
from torch import nn

from replication.config.recipes import Recipe
from replication.foundation.errors import InputError
from replication.models.layers.networks import Build, Judged, LayerNoise, Networks
from replication.models.layers.weight_norm import WeightNorm
from replication.training.draws import labelled_rows
from replication.training.initialise import Samples, StartsFromInput, StartsFromSamples, real_samples
from replication.training.objectives import named
from replication.training.optimisers import optimiser_of
from replication.training.schedule import objectives_of


def check_training(build: Build, recipe: Recipe, data: Samples, held_out: int, name: str) -> None:
    """Hold a recipe against what it trains, with `held_out` samples left for a stopping rule; `name` begins a sentence.

    Raises:
        InputError: too few samples, no labels or held-out samples that the recipe needs, a key that has no effect on
            such networks or data, or what its engine does not compute.
    """
    check_objectives(recipe, name)
    networks = build()
    of_data = _of_data(recipe, data, held_out, networks.generator.conditional)
    if wrong := next(chain(of_data, _of_layers(networks, recipe), _of_judgement(networks, recipe, data)), ""):
        raise InputError(f"{name}: {wrong}.")
    try:
        if recipe.labels and data.labels is not None:
            labelled_rows(recipe.labels, data.labels.numpy(), 0)
        if recipe.engine == "kernel":
            from replication.training.toy.plan import plan_of  # with Numba, which few cells need

            plan_of(networks, recipe, 1)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def check_objectives(recipe: Recipe, name: str) -> None:
    """Hold a recipe against its objectives and its optimiser, as they are registered; `name` begins the sentence.

    Raises:
        InputError: an objective, the optimiser or an option of it is unknown, or a key that none reads is set.
    """
    try:
        entries, _ = [named(objective) for objective in objectives_of(recipe)], optimiser_of(recipe)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    words = f"objective {recipe.objective}"
    if recipe.real_target != 1.0 and not any(entry.smooths for entry in entries):
        raise InputError(f"{name}: real_target: {words} does not read it; leave it out.")
    if _is_blind(recipe) and any(entry.sees_real for entry in entries):
        raise InputError(f"{name}: generator_minibatch: {words} needs real samples; write own or next.")


def _is_blind(recipe: Recipe) -> bool:
    """Whether the generator sees nothing of the data."""
    return recipe.schedule == "alternate" and recipe.generator_minibatch == "none"


def _of_data(recipe: Recipe, data: Samples, held_out: int, conditional: bool) -> Iterator[str]:
    count, points = len(data.values), recipe.stopping.sigma_points if recipe.stopping else 0
    if count < recipe.batch:
        yield f"{count} training samples do not fill one batch of {recipe.batch}; choose a larger split"
    if recipe.labels is not None and data.labels is None:
        yield "the recipe learns labels, and the data set has none; leave labels out"
    if conditional and (_is_blind(recipe) or data.labels is None):
        yield (
            "the generator takes labels, which come with its minibatch; write generator_minibatch own or next, and use "
            "a data set that has labels"
        )
    if recipe.stopping is not None and not held_out:
        yield (
            "the stopping rule measures training samples outside of the split, and there are none; choose a smaller "
            "split"
        )
    if recipe.pixels != "signed" and data.values.dtype != torch.uint8:
        yield f"pixels: {recipe.pixels} is of images, and the data are points; leave pixels out"
    if points > held_out:
        yield f"stopping.sigma_points: {points}, but {held_out} samples are held out; ask for fewer"


def _of_layers(networks: Networks, recipe: Recipe) -> Iterator[str]:
    layers = [layer for network in networks for layer in network.modules()]
    from_samples = any(isinstance(layer, StartsFromSamples) for layer in layers)
    starts = from_samples or any(isinstance(layer, StartsFromInput) for layer in layers)
    shared = any(isinstance(layer, WeightNorm) and layer.shared_std and layer.initial_std for layer in layers)
    of_generator, of_discriminator = (_has_running(network) for network in networks)
    two_modes = of_generator or of_discriminator or any(isinstance(layer, LayerNoise) for layer in layers)
    compares = any(named(objective).sees_real for objective in objectives_of(recipe))
    if recipe.initial_images > 0 and not starts:
        yield "initial_images: it has no effect where no layer starts from data; leave it out"
    if recipe.initial_images == 0 and shared:
        yield (
            "network: generator_starts: its scales are set from initial_images, as of shared_std; write initial_images"
        )
    if recipe.initial_images == 0 and from_samples:
        yield "network: bias_clip: the bias starts from initial_images, and there are none; write initial_images"
    if recipe.sampled_with == "running" and not of_generator:
        yield "sampled_with: running has no effect on a generator without running statistics; leave it out"
    if recipe.balance is not None and recipe.balance.judged_with == "batch" and not two_modes:
        yield "balance.judged_with: batch has no effect without running statistics and layer noise; leave it out"
    if recipe.generator_minibatch == "own" and not (compares or networks.generator.conditional):
        yield (
            "generator_minibatch: own has no effect on a generator that learns without features and labels; write none"
        )


def _of_judgement(networks: Networks, recipe: Recipe, data: Samples) -> Iterator[str]:
    """What the discriminator must say of samples: a logit for each class, and the features that are matched."""
    if recipe.labels is None and recipe.feature_matching is None:
        return
    labels = None if data.labels is None else data.labels[:2]
    with torch.no_grad():
        judged: Judged = networks.discriminator.eval()(real_samples(data.values[:2], recipe), labels, None)
    count, layers = len(judged.features), recipe.feature_matching.layers if recipe.feature_matching else ()
    if recipe.labels is not None and judged.logits.dim() == 1:
        yield "labels: the discriminator has a single logit, and not one for each class; leave labels out"
    if not all(-count <= layer < count for layer in layers):
        yield f"feature_matching.layers: {list(layers)}, but the discriminator has {count} features, numbered from 0"


def _has_running(network: nn.Module) -> bool:
    """Whether its batch normalisation keeps running statistics, so that evaluation is another function."""
    norms = (layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm))
    return any(layer.running_mean is not None for layer in norms)
