"""DCGAN's recipes: what each arm changes, how long each trains, and two steps of every one in small."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from replication.config.recipes import Recipe
from replication.models.dcgan import build
from replication.training.initialise import Samples
from replication.training.schedule import minibatches_of_unit, rates_at, turns, update_counts
from replication.training.state import initial_state
from replication.training.trainer import Trainer
from tests.in_small import own_params

PARAMS = own_params()
RECIPES = list(PARAMS.recipes["dcgan"])
SHAPES = {"digits": (1, 8, 8), "mnist": (1, 28, 28), "celeba": (3, 64, 64), "lsun": (3, 64, 64)}


def recipe_of(name: str, variant: str = "code") -> Recipe:
    return PARAMS.recipe("dcgan", name, variant)


def shape_of(name: str) -> tuple[int, int, int]:
    return SHAPES.get(name.split("-")[0], (3, 32, 32))


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of nested mappings under its dotted key."""
    if not isinstance(value, dict):
        yield path, value
        return
    for key, inner in value.items():
        yield from flat(inner, f"{path}.{key}" if path else str(key))


def difference(one: Recipe, other: Recipe) -> dict[str, Any]:
    """Dotted keys of `other` whose values are not those of `one`."""
    first, second = dict(flat(asdict(one))), dict(flat(asdict(other)))
    return {key: second.get(key) for key in first.keys() | second.keys() if first.get(key) != second.get(key)}


@pytest.mark.parametrize("name", RECIPES)
def test_the_variants_differ_in_whom_a_minibatch_serves(name: str) -> None:
    paper, code = recipe_of(name, "paper"), recipe_of(name)
    expected: dict[str, Any] = {"generator_minibatch": "next"}
    if name == "svhn":
        expected |= {"batch": 64, "noise.distribution": "normal", "adam.learning_rate": 5e-4}
    assert difference(paper, code) == expected
    assert minibatches_of_unit(code) == 2 and minibatches_of_unit(paper) == 1
    assert update_counts(code) == update_counts(paper)
    conditional = dict(flat(asdict(code))).get("network.kind") == "conditional"
    assert [turn.rows for turn in turns(code)] == [0, 1]
    assert [turn.rows for turn in turns(paper)] == [0, 1 if conditional else None]


def test_lengths_are_those_of_the_released_code() -> None:
    """Minibatches in all; the code counts one update of either network a minibatch."""
    together = {name: update_counts(recipe_of(name))["together"] for name in RECIPES}
    assert together["mnist-conditional"] == together["mnist-gan"] == 78_200 == 200 * -(-50_000 // 128)
    assert together["celeba"] == 25 * -(-350_000 // 128) - 1  # an odd number, and an update of either is a pair
    assert together["lsun"] == 5 * -(-3_033_042 // 128)
    assert together["svhn"] == 200 * (73_257 // 64)
    assert together["imagenet32"] == pytest.approx(30 * 1_281_167 / 128, rel=1e-3)


def test_the_conditional_rate_is_constant_and_then_falls_to_zero() -> None:
    """The code lowers it by a hundredth after each epoch of 391 minibatches from the 101st on."""
    recipe = recipe_of("mnist-conditional")
    for epoch, rate in {0: 2e-4, 99: 2e-4, 100: 2e-4, 102: 1.96e-4, 150: 1e-4, 198: 4e-6}.items():
        assert rates_at(recipe, -(-epoch * 391 // 2)).learning_rate == pytest.approx(rate), epoch
    rates = [rates_at(recipe, unit).learning_rate for unit in range(0, recipe.updates, 50)]
    assert rates == sorted(rates, reverse=True) and rates[-1] > 0
    released = [2e-4 * min(1.0, 1 - (unit * 2 // 391 - 100) / 100) for unit in range(recipe.updates)]
    ours = [rates_at(recipe, unit).learning_rate for unit in range(recipe.updates)]
    assert np.abs(np.subtract(ours, released)).max() <= 2e-6 * (1 + 1e-9)  # a step of the code's


def narrow(value: Any) -> Any:
    """Layers of two channels, and few dense units."""
    network = dict(value)
    for key in ("generator", "discriminator"):
        if key in network:
            network[key] = [[channels if channels <= 3 else 2, stride] for channels, stride in network[key]]
    for key in ("hidden", "dense"):
        if key in network:
            network[key] = [4 for _ in network[key]]
    if network.get("guidelines", {}).get("dense_hidden"):
        network["guidelines"] = {"dense_hidden": 5}
    return network


def in_small(name: str, variant: str) -> tuple[Recipe, Samples, partial[Any]]:
    """A recipe with narrow networks and a batch of four, random images with labels, and what builds its networks."""
    recipe = recipe_of(name, variant)
    recipe = replace(recipe, batch=4, latent_dim=3, network=narrow(recipe.network))
    stream, shape = np.random.default_rng(0), shape_of(name)
    images = torch.from_numpy(stream.integers(0, 256, (24, *shape)).astype(np.uint8))
    data = Samples(images, torch.from_numpy(stream.integers(0, 10, 24)))
    return recipe, data, partial(build, recipe.network, recipe.prior, recipe.latent_dim, shape, 10)


# One recipe of each network.
DISTINCT = {str(recipe_of(name).network): name for name in reversed(RECIPES)}.values()


@pytest.mark.integration
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name.startswith("digits-") else ()) for name in DISTINCT]
)
def test_two_steps_of_every_network(name: str) -> None:
    recipe, data, builder = in_small(name, "code")
    state = initial_state(builder, recipe, (0,), data)
    before = {key: tensor.clone() for key, tensor in state.items()}
    losses = Trainer(builder, recipe, (0,), data, state=state).advance(0, 2)
    assert np.isfinite(losses).all() and state["diverged"].tolist() == [-1]
    assert state["steps"].tolist() == [[2, 2]]
    for key in (k for k in state if k.startswith(("generator", "discriminator")) and "num_batches" not in k):
        assert not torch.equal(state[key], before[key]), f"{key} stays as it was"
