"""Improved GAN's recipes: lengths, rates and labels, and each in small through its first weights and two updates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from replication.config.recipes import Recipe
from replication.models.improved_gan import build
from replication.models.layers.networks import Networks
from replication.models.layers.weight_norm import WeightNorm
from replication.training.draws import draw_units, labelled_rows
from replication.training.initialise import Samples, initialise_networks
from replication.training.schedule import SIDES, rates_at
from replication.training.state import initial_state
from replication.training.trainer import Trainer
from tests.in_small import own_params

PARAMS = own_params()
CLASSES, SHAPE = 3, (3, 16, 16)
TRAINED = [
    ("mnist-100", "paper"),
    ("mnist-100", "code"),
    ("digits", "code"),
    ("cifar10-4000", "paper"),
    ("cifar10-4000", "code"),
    ("svhn-1000", "code"),
    ("cifar10-minibatch", "paper"),
    ("cifar10-minibatch", "code"),
    *((f"cifar10-{arm}", "paper") for arm in ("batch-norm", "no-labels", "historical-averaging", "no-smoothing")),
    ("cifar10-no-minibatch", "paper"),
]


def recipe_of(name: str, variant: str) -> Recipe:
    return PARAMS.recipe("improved_gan", name, variant)


def in_small(recipe: Recipe) -> Recipe:
    """The same recipe with few units, channels, labels and initial images."""
    network = dict(recipe.network)
    if "dense" in network:
        network["dense"] = {**network["dense"], "generator": [6, 5], "discriminator": [7, 6]}
    else:
        kept = network["convolutional"]
        layers = [{**layer, "channels": 3 + place % 3} for place, layer in enumerate(kept["discriminator"])]
        small = {"generator": [6, 5, 4], "discriminator": layers, "reference": 5 * bool(kept.get("reference"))}
        if kept.get("minibatch"):
            small["minibatch"] = {**kept["minibatch"], "kernels": 3}
        network["convolutional"] = {**kept, **small}
    labels = recipe.labels and replace(recipe.labels, per_class=2)
    return replace(recipe, network=network, batch=8, latent_dim=4, labels=labels, initial_images=20)


def some_data() -> Samples:
    stream = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (40, *SHAPE), dtype=torch.uint8, generator=stream)
    return Samples(images, torch.arange(40) % CLASSES)


def builder(recipe: Recipe) -> Callable[[], Networks]:
    return lambda: build(recipe.network, recipe.prior, recipe.latent_dim, SHAPE, CLASSES)


@pytest.mark.integration
@pytest.mark.parametrize(("name", "variant"), TRAINED)
def test_two_updates_are_finite_and_each_seeds_own(name: str, variant: str) -> None:
    recipe, data, seeds = in_small(recipe_of(name, variant)), some_data(), (0, 1)
    make = builder(recipe)
    state = initial_state(make, recipe, seeds, data)
    before = {key: tensor.clone() for key, tensor in state.items()}
    losses = Trainer(make, recipe, seeds, data, state=state).advance(0, 2)
    assert np.isfinite(losses).all() and (losses[0] != losses[1]).all()
    for key, tensor in state.items():
        if key.startswith(SIDES) and "reference" not in key and not key.endswith("scale"):
            assert bool(torch.isfinite(tensor).all()) and not torch.equal(tensor, before[key]), key
    assert state["steps"].tolist() == [[2 * recipe.generator_steps, 2]] * 2


@pytest.mark.parametrize("name", ["mnist-100", "cifar10-4000", "cifar10-minibatch"])
@torch.no_grad()
def test_data_set_the_first_weights(name: str) -> None:
    """On the initial images and under the noise drawn then, each unit has its initial mean and deviation."""
    recipe, data = in_small(recipe_of(name, "code")), some_data()
    torch.manual_seed(0)
    networks = builder(recipe)()
    seen: list[tuple[WeightNorm, Tensor]] = []
    layers = [layer for layer in networks.discriminator.modules() if isinstance(layer, WeightNorm)]
    for layer in layers:
        layer.register_forward_hook(lambda layer, _, output: seen.append((layer, output)))  # pyright: ignore
    initialise_networks(networks, recipe, 0, data)
    assert [layer for layer, _ in seen] == layers
    for layer, output in seen:
        std = 0.1 if layer is layers[-1] and name != "mnist-100" else 1.0
        units = output.transpose(0, 1).flatten(1)
        torch.testing.assert_close(units.mean(1), torch.zeros(len(units)), atol=1e-4, rtol=0)
        torch.testing.assert_close(units.std(1, correction=0), torch.full((len(units),), std), rtol=1e-3, atol=0)
    assert not any(vars(module).get("starting") for network in networks for module in network.modules())
    last = [layer for layer in networks.generator.modules() if isinstance(layer, WeightNorm)][-1]
    assert torch.equal(last.scale, torch.ones_like(last.scale)) == (name == "mnist-100")


def test_updates_and_rates_at_chosen_epochs() -> None:
    mnist = recipe_of("mnist-100", "code")
    assert mnist.updates == 300 * (60_000 // mnist.batch)
    assert {rates_at(mnist, unit).learning_rate for unit in (0, 90_000, 179_999)} == {3e-3}
    for name, variant, epochs, minibatches in (
        ("cifar10-4000", "code", 1200, 50_000 // 100),
        ("cifar10-minibatch", "paper", 1200, 50_000 // 100),
        ("svhn-1000", "paper", 1200, 73_257 // 100),
        ("svhn-1000", "code", 900, 73_257 // 100),
    ):
        recipe = recipe_of(name, variant)
        assert recipe.updates == epochs * minibatches
        for epoch in (0, epochs // 2, epochs * 2 // 3, epochs * 2 // 3 + 1, epochs - 100, epochs - 1):
            expected = 3e-4 * min(3 - epoch / (epochs / 3), 1)  # in the released code
            for unit in (epoch * minibatches, (epoch + 1) * minibatches - 1):
                assert rates_at(recipe, unit).learning_rate == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("count", [20, 50, 100, 200])
def test_labels_are_as_many_as_the_name_says_and_fill_each_minibatch_evenly(count: int) -> None:
    recipe = recipe_of(f"mnist-{count}", "code")
    labels = np.arange(6000) % 10
    assert recipe.labels is not None
    subset = labelled_rows(recipe.labels, labels, 0)
    assert np.bincount(labels[subset]).tolist() == [count // 10] * 10
    drawn = draw_units(recipe, 0, 6000, 0, 4, subset).labelled
    assert drawn.shape == (4, 1, 100)
    seen = np.bincount(drawn.flatten(), minlength=6000)[subset]
    assert set(seen) == {400 // count}  # each label as often as any other


def test_ensembles_are_ten_trainings_of_one_label_draw() -> None:
    for name in ("mnist-20", "mnist-50", "mnist-100", "mnist-200", "cifar10-4000", "svhn-1000"):
        alone, together = recipe_of(name, "code"), recipe_of(f"{name}-ensemble", "code")
        assert alone.labels is not None and together.labels is not None
        assert (alone.labels.trainings_per_draw, together.labels.trainings_per_draw) == (1, 10)
        assert replace(together, labels=alone.labels, scored_shares=alone.scored_shares) == alone
        rows = [labelled_rows(together.labels, np.arange(60_000) % 10, seed) for seed in (0, 9, 10)]
        assert np.array_equal(rows[0], rows[1]) and not np.array_equal(rows[0], rows[2])
