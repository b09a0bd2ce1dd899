"""Every key of a recipe through every engine: it changes what is computed, or is refused by a sentence that names it.

`every_key.yaml` says for each key which small recipe shows its effect, and at which values. A new key needs a row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import is_dataclass
from functools import cache
from importlib import import_module
from itertools import combinations
from pathlib import Path
from pkgutil import walk_packages
from tempfile import TemporaryDirectory
from typing import Any, get_args, get_type_hints

import pytest
import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from replication import models
from replication.config.recipes import Recipe
from replication.config.strict import CLOSED, Rate, Scale, read_yaml, strict
from replication.foundation.errors import InputError
from replication.models import dcgan, deligan, gan, improved_gan
from replication.models.layers.dense import DenseNetworks
from replication.models.layers.weight_normalised import WeightNormalisedNetworks
from replication.models.registry import OPTIMISERS, Optimiser, Step
from replication.scoring.components import noises_of
from replication.training import eager
from replication.training.block import train_block
from replication.training.captured import CapturedSeed
from replication.training.checkpoints import read_state
from replication.training.initialise import Samples
from replication.training.sampling import draw_samples
from replication.training.state import bind
from tests.in_small import builder
from tests.training.recipe_keys import at, keys_of, place


@dataclass(frozen=True, config=CLOSED)
class Descent:
    learning_rate: Rate
    factor: Scale


def descent(change: Callable[[Tensor], Tensor]) -> Optimiser:
    """Gradient descent by what `change` makes of a gradient."""

    @torch.no_grad()
    def step(options: Descent, step: Step) -> None:
        for parameter, gradient in zip(step.parameters, step.gradients, strict=True):
            parameter -= (options.factor * step.learning_rate).float() * change(gradient)

    return Optimiser(Descent, 0, step, lambda options: "")


OPTIMISERS.update({"descent": descent(lambda gradient: gradient), "signed-descent": descent(torch.sign)})
TABLE = read_yaml(Path(__file__).with_name("every_key.yaml"))
KIND = {"eager": "eager", "captured": "eager", "kernel": "kernel"}  # a recipe's engine; eager ones are captured on GPUs
SEED, CLASSES, AGREE = 3, 3, 1e-5
# Classes of keys: how the table calls them, and where they lie in a recipe.
ROOTS: dict[str, tuple[type, str]] = {
    "": (Recipe, ""),
    "gan.dense.": (DenseNetworks, "network."),
    "gan.images.": (gan.ImageNetworks, "network."),
    "dcgan.dense.": (DenseNetworks, "network."),
    "dcgan.convolutional.": (dcgan.ConvolutionalNetwork, "network."),
    "dcgan.conditional.": (dcgan.ConditionalNetwork, "network."),
    "improved_gan.": (improved_gan.Network, "network."),
    "deligan.dense.": (DenseNetworks, "network."),
    "deligan.images.": (deligan.ImageNetworks, "network."),
    "weight_normalised.": (WeightNormalisedNetworks, "network.weight_normalised."),
}
Result = dict[str, Any] | str  # what is computed, by name, or the sentence that refuses to


OBJECTIVES = ("non-saturating", "saturating", "feature-matching")
REGISTERED: dict[str, tuple[str, ...]] = {"objective": OBJECTIVES, "early.objective": OBJECTIVES}
KEYS = {
    prefix + key: (REGISTERED.get(key, words), default)
    for prefix, (root, _) in ROOTS.items()
    for key, words, default in keys_of(root, "", [other for other, _ in ROOTS.values()])
}


def in_recipe(key: str) -> str:
    """Where a key of the table lies in a recipe."""
    prefix = max((prefix for prefix in ROOTS if key.startswith(prefix)), key=len)
    return ROOTS[prefix][1] + key.removeprefix(prefix)


def changes_of(key: str, value: Any) -> dict[str, Any]:
    """What a value of the table writes, by dotted keys of a recipe."""
    return value["changes"] if isinstance(value, dict) and "changes" in value else {in_recipe(key): value}


def altered(base: str, changes: dict[str, Any]) -> dict[str, Any]:
    """A base's recipe with changes at dotted keys."""
    written = deepcopy(TABLE["bases"][base]["recipe"])
    for where, new in changes.items():
        place(written, where.split("."), deepcopy(new))
    return written


def computed(base: str, engine: str, changes: dict[str, Any]) -> Result:
    """What a base's recipe computes on an engine, with changes at dotted keys."""
    return computed_from(base, engine, json.dumps(altered(base, {"engine": KIND[engine], **changes})))


@cache
def computed_from(base: str, engine: str, written: str) -> Result:
    """Train a small block as a stage does, and draw samples as scoring does."""
    model, shape = TABLE["bases"][base]["model"], tuple(TABLE["bases"][base]["shape"])
    stream = torch.Generator().manual_seed(0)
    count = (17, *shape)
    values = (
        torch.randn(count, generator=stream)
        if len(shape) == 1
        else torch.randint(0, 256, count, dtype=torch.uint8, generator=stream)
    )
    data = Samples(values[:12], None if len(shape) == 1 else torch.arange(12) % CLASSES)
    try:
        recipe = strict(Recipe, json.loads(written), "params.yaml")
        build = builder(model, recipe, shape, CLASSES)
        with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            if engine == "captured":
                patch.setattr(eager, "EagerSeed", CapturedSeed)
            outcome = train_block(build, recipe, (SEED,), data, Path(folder), validation=values[12:])
            state = read_state(Path(folder), "state")
    except InputError as error:
        return str(error)
    assert state is not None
    outputs = dict(state[1])
    for step, stored in outcome.snapshots.items():
        outputs |= {f"{step} {name}": tensor for name, tensor in stored.items()}
    networks = build()
    bind(networks, outcome.snapshots[max(outcome.snapshots)], 0)
    for variant, noise in noises_of(recipe).items():
        drawn = draw_samples(networks.generator, recipe, noise, SEED, "samples", recipe.n_samples, CLASSES)[0]
        outputs[variant] = drawn.detach()
    return outputs


def equal(first: Result, other: Result, tolerance: float = 0.0) -> bool:
    if isinstance(first, str) or isinstance(other, str) or first.keys() != other.keys():
        return False
    return all(
        tensor.shape == other[name].shape
        and torch.allclose(tensor, other[name], rtol=0, atol=tolerance, equal_nan=True)
        for name, tensor in first.items()
    )


def names(sentence: Result, keys: Iterable[str]) -> bool:
    """Whether it is a refusal that names one of the keys, or the part of the recipe that one lies in."""
    parts = [key.split(".") for key in keys]
    prefixes = {".".join(part[:length]) for part in parts for length in range(1, len(part) + 1)}
    named = (f"{start}{prefix}{end}" for prefix in prefixes for start, end in (("", ":"), (": ", " ")))
    return isinstance(sentence, str) and any(name in sentence for name in named)


def test_the_table_has_every_key_and_every_word() -> None:
    assert set(TABLE["keys"]) == set(KEYS)
    for key, (words, default) in KEYS.items():
        tried = {
            str(at(altered(base, changes), in_recipe(key).split("."), default))
            for base, values in TABLE["keys"][key].items()
            for changes in ({}, *(changes_of(key, value) for value in values))
        }
        assert set(words) <= tried, key


def test_the_options_of_every_network_are_walked() -> None:
    reached = set(classes_below(*(root for root, _ in ROOTS.values())))
    for module in walk_packages(models.__path__, f"{models.__name__}."):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, type) and hasattr(value, "__pydantic_config__"):
                assert value in reached or value.__module__ != module.name, value
    assert all(getattr(options, "__pydantic_config__", None) == CLOSED for options in reached)


def classes_below(*hints: Any) -> Iterator[type]:
    for hint in hints:
        if is_dataclass(hint):
            yield hint  # pyright: ignore[reportReturnType]
            yield from classes_below(*get_type_hints(hint).values())
        else:
            yield from classes_below(*get_args(hint))


@pytest.mark.integration
@pytest.mark.parametrize("engine", KIND)
@pytest.mark.parametrize("key", TABLE["keys"])
def test_a_key_has_an_effect_or_is_refused(key: str, engine: str) -> None:
    for base, values in TABLE["keys"][key].items():
        changes = {str(value): changes_of(key, value) for value in values} | {"": {}}
        results = {name: computed(base, engine, change) for name, change in changes.items()}
        reasons = {name: TABLE["same"].get(f"{key}={name}", {}).get(engine) for name in changes}
        for name, result in results.items():
            if engine == "kernel":
                assert isinstance(result, str) or equal(result, computed(base, "eager", changes[name]), AGREE)
            else:
                assert not isinstance(result, str)
        for name, other in combinations(results, 2):
            each, two = results[name], results[other]
            if reasons[name]:
                assert equal(each, two, AGREE) or (isinstance(each, str) and isinstance(two, str)), reasons[name]
            elif not any(names(result, [in_recipe(key), *changes[name]]) for result in (each, two)):
                assert not isinstance(each, str) and not isinstance(two, str), (each, two)
                assert not equal(each, two), (base, name)


@pytest.mark.integration
@pytest.mark.parametrize("engine", KIND)
@pytest.mark.parametrize(("base", "changes", "key"), TABLE["refused"])
def test_what_would_have_no_effect_is_refused(base: str, changes: dict[str, Any], key: str, engine: str) -> None:
    assert names(computed(base, engine, changes), [key])
    assert engine == "kernel" or not isinstance(computed(base, engine, {}), str)


@pytest.mark.parametrize("key", [key for key, (words, _) in KEYS.items() if words])
def test_an_unknown_word_is_refused(key: str) -> None:
    base = next(iter(TABLE["keys"][key]))
    sentence = computed(base, "eager", {in_recipe(key): "unheard-of"})
    assert isinstance(sentence, str) and "unheard-of" in sentence and key.split(".")[-1] in sentence
