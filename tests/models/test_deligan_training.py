"""DeLiGAN's recipes in training: every parameter learns, schedules are the released code's, keys have their effects."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from typing import Any

import pytest
import torch

from replication.config.recipes import Prior, Recipe
from replication.models.deligan import build
from replication.models.layers.networks import draw_layer_noise
from replication.training.draws import draw_units
from replication.training.eager import EagerSeed
from replication.training.initialise import Samples
from replication.training.run import Run, bind_runs
from replication.training.schedule import rates_at, turns, update_counts
from replication.training.state import initial_state
from replication.training.trainer import labels_of
from tests.in_small import own_params

PARAMS = own_params()
SHAPES = {"toy": (2,), "digits": (1, 8, 8), "mnist": (1, 28, 28), "cifar10": (3, 32, 32), "sketches": (1, 32, 32)}
NAMES = list(PARAMS.recipes["deligan"])


def recipe_of(name: str, variant: str) -> Recipe:
    return PARAMS.recipe("deligan", name, variant)


def small(name: str, variant: str = "code") -> Recipe:
    """The recipe with five components, five rows and narrow layers."""
    recipe = recipe_of(name, variant)
    network: dict[str, Any] = dict(recipe.network)
    if "convolutional" in network:
        layers = dict(network["convolutional"], start=6, minibatch=[3, 2])
        layers["generator"] = [[min(width, 4), *rest] for width, *rest in layers["generator"]]
        layers["discriminator"] = [[min(width, 4), *rest] for width, *rest in layers["discriminator"]]
        network["convolutional"] = layers
    if "weight_normalised" in network:
        layers = dict(network["weight_normalised"], minibatch={"kernels": 3, "dimensions": 2, "form": "code"})
        layers["generator"] = [6] * len(layers["generator"])
        layers["discriminator"] = [{**layer, "channels": 5} for layer in layers["discriminator"]]
        network["weight_normalised"] = layers
    if network.get("latent_layer"):
        network["latent_layer"] = 5
    prior = replace(recipe.prior, components=min(recipe.prior.components, 5))
    steps, images = min(recipe.inner_steps, 2), min(recipe.initial_images, 12)
    return replace(
        recipe, engine="eager", network=network, batch=5, prior=prior, inner_steps=steps, initial_images=images
    )


def data_for(name: str) -> Samples:
    """Twenty points or images, two of each class."""
    shape, stream = SHAPES[name.split("-")[0]], torch.Generator().manual_seed(0)
    if len(shape) == 1:
        return Samples(torch.randn(20, *shape, generator=stream) * 0.5)
    return Samples(torch.randint(0, 256, (20, *shape), dtype=torch.uint8, generator=stream), torch.arange(20) % 10)


def start(name: str, recipe: Recipe, seeds: tuple[int, ...] = (0, 1)) -> list[Run]:
    data = data_for(name)
    networks = partial(build, recipe.network, recipe.prior, recipe.latent_dim, tuple(data.values.shape[1:]), 10)
    return bind_runs(networks, initial_state(networks, recipe, seeds, data))


def train(name: str, recipe: Recipe, units: int = 2) -> list[Run]:
    """Two seeds after a few units of the reference."""
    data, seeds, runs = data_for(name), (0, 1), start(name, recipe)
    for run, seed, labelled in zip(runs, seeds, labels_of(recipe, seeds, data), strict=True):
        trained = EagerSeed(run, recipe, data, seed, labelled).advance(0, units)
        assert trained.finite and trained.losses[:, 0].isfinite().all()
    return runs


# In small many recipes are the same but for their length: one of each.
DISTINCT = {repr(replace(small(name), updates=10, linear_decay=None)): name for name in reversed(NAMES)}.values()


@pytest.mark.integration
@pytest.mark.parametrize("name", DISTINCT)
def test_two_units_are_finite_and_differ_between_seeds(name: str) -> None:
    recipe = small(name)
    first, second = train(name, recipe)
    for key, tensor in first.tensors.items():
        assert tensor.isfinite().all() or key == "balance"
    moved = [
        key for key, t in first.tensors.items() if t.is_floating_point() and not torch.equal(t, second.tensors[key])
    ]
    assert {key.split(".")[0] for key in moved} >= {"generator", "discriminator"}
    counted = first.steps.tolist()
    assert sum(counted) >= 2 * recipe.inner_steps  # the sketches' extra update comes later
    assert recipe.schedule == "balanced" or counted == [2 * recipe.generator_steps, 2 * recipe.inner_steps]


@pytest.mark.integration
@pytest.mark.parametrize("name", DISTINCT)
def test_gradients_reach_every_parameter(name: str) -> None:
    recipe, data = small(name), data_for(name)
    run = start(name, recipe, (0,))[0]
    draws = draw_units(recipe, 0, len(data.values), 0, 1)
    latent = draws.noise[0, 0], draws.component[0, 0]
    layers = draw_layer_noise(run.networks.discriminator, 5, torch.Generator().manual_seed(0))
    run.networks.discriminator(run.networks.generator(*latent), None, layers).source.square().sum().backward()
    for network in run.networks:
        for key, parameter in network.named_parameters():
            assert parameter.grad is not None and parameter.grad.isfinite().all(), key
            fixed = key == "prior.mean" and recipe.prior.learnt in ("sigma", "none")
            fixed |= key == "prior.sigma" and recipe.prior.learnt in ("mean", "none")
            assert parameter.grad.any() == (not fixed) or key.endswith("bias"), key  # normalisation removes some biases
    prior = run.networks.generator.prior
    if prior is not None and recipe.prior.learnt == "both" and recipe.prior.component == "row":
        for parameter in prior.parameters():
            assert parameter.grad is not None and parameter.grad.flatten(1).any(dim=1).all()  # each component: its row


def rate_after(name: str, epochs: float) -> float:
    recipe = recipe_of(name, "code")
    per_epoch = {"mnist": 10, "cifar10": 20, "sketches": 6}[name]
    return rates_at(recipe, int(epochs * per_epoch)).learning_rate


def test_rates_are_the_codes() -> None:
    for name, rate, expression in (
        ("mnist", 5e-4, lambda epoch: min(4 - epoch / 1000, 3) / 3),
        ("cifar10", 3e-4, lambda epoch: min(3 - epoch / 400, 1)),
        ("sketches", 1e-4, lambda epoch: min(3 - epoch / 1300, 1)),
    ):
        for epoch in (0, 500, 800, 801, 1000, 1001, 1199, 2600, 2601, 3000, 3899):
            if expression(epoch) > 0:
                assert rate_after(name, epoch) == pytest.approx(rate * expression(epoch), rel=1e-9)
                assert rate_after(name, epoch + 0.99) == rate_after(name, epoch)  # it changes between epochs


def test_lengths_and_turns_are_the_codes() -> None:
    mnist, cifar, sketches, toy = (recipe_of(name, "code") for name in ("mnist", "cifar10", "sketches", "toy"))
    assert update_counts(toy)["together"] == 8000 * 8 * 5
    assert update_counts(mnist)["together"] == 4000 * 10 * 5
    assert update_counts(sketches)["together"] == 3900 * 6 * 5
    assert update_counts(cifar) == {"generator": 1200 * 20 * 3, "discriminator": 1200 * 20, "together": 1200 * 20 * 4}
    assert [turn.sides for turn in turns(cifar)] == [("discriminator",), *[("generator",)] * 3]
    assert len({turn.noise for turn in turns(cifar)}) == 4
    assert [turn.noise for turn in turns(mnist)] == [turn.noise for turn in turns(sketches)] == [0, 1, 2, 3, 4]
    assert [turn.noise for turn in turns(toy)] == [0] * 5


def different(name: str) -> set[str]:
    """Dotted keys in which the released code's variant departs from the paper's."""
    paper, code = (asdict(recipe_of(name, variant)) for variant in ("paper", "code"))
    prior = {f"prior.{key}" for key in paper["prior"] if paper["prior"][key] != code["prior"][key]}
    return {key for key in paper if key != "prior" and paper[key] != code[key]} | prior


def test_paper_and_code_differ_by_the_ledgers_keys() -> None:
    toy, mnist = {"noise", "prior.component", "prior.sigma_init"}, {"display_noise", "sampled_with", "prior.component"}
    assert different("toy") == toy
    assert different("toy-moe-gan") == different("toy-ensemble-gan") == {"noise", "prior.component"}
    assert different("toy-gan") == different("toy-gan-plus-plus") == different("toy-nx-gan") == {"noise"}
    assert different("mnist") == different("digits") == mnist
    assert different("mnist-gan") == different("digits-gan") == mnist - {"prior.component"}
    assert different("cifar10") == {"prior.component", "prior.sigma_start", "prior.regulariser"}
    assert different("cifar10-moe-gan") == different("sketches") == {"prior.component"}
    assert not different("cifar10-gan") | different("cifar10-gan-deeper") | different("sketches-gan")


@pytest.mark.integration
def test_the_regulariser_moves_sigma_and_is_off_where_the_code_never_adds_it() -> None:
    assert (
        recipe_of("toy-unregularised", "code").prior.regulariser == recipe_of("cifar10", "code").prior.regulariser == 0
    )
    assert recipe_of("cifar10", "paper").prior.regulariser == recipe_of("sketches", "code").prior.regulariser == 0.05
    base = small("cifar10", "paper")
    ends = []
    for weight in (0.0, 1e3):  # so heavy that σ goes to 1 however the game pulls
        (run, _) = train("cifar10", replace(base, prior=replace(base.prior, regulariser=weight)), 3)
        ends.append(run.tensors["generator.prior.sigma"])
    assert (ends[1] > 0.2).all() and (ends[0] < ends[1]).any()


@pytest.mark.parametrize(
    "prior",
    [
        {"regulariser": 0.1},
        {"components": 5, "form": "one-hot", "sigma_init": 0.2},
        {"components": 5, "form": "ensemble", "regulariser": 0.1},
        {"form": "ensemble"},
    ],
)
def test_a_priors_key_without_effect_is_refused(prior: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="of form"):
        replace(recipe_of("toy-gan", "code"), prior=Prior(**prior))
