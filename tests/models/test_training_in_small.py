"""Every recipe of the papers in small: gradients reach every parameter, two units are finite, seeds differ."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from replication.models import MODELS
from replication.models.layers.networks import draw_layer_noise
from replication.training.draws import draw_units
from replication.training.initialise import Samples
from replication.training.run import bind_runs
from replication.training.schedule import SIDES
from replication.training.state import initial_state
from replication.training.trainer import Trainer
from tests.in_small import builder, own_params
from tests.models.papers import in_small, recipe_of, samples_of, shape_of


def distinct() -> list[object]:
    """Model, name and variant: the first of those that in small have the same networks and objectives."""
    cases = {}
    for model in MODELS:
        for name, recipe in own_params().recipes[model].items():
            for variant in recipe.get("variants", {"paper": {}}):
                small = in_small(model, name, variant)
                parts = small.network, small.prior, small.objective, small.schedule, small.labels is None
                cases.setdefault((model, repr(parts)), (model, name, variant))
    return [
        pytest.param(*case, marks=pytest.mark.slow if case[0] == "dcgan" and case[1].startswith("digits-") else ())
        for case in cases.values()
    ]


every_recipe = pytest.mark.parametrize(("model", "name", "variant"), distinct())
pytestmark = pytest.mark.integration


@every_recipe
def test_gradients_reach_every_parameter(model: str, name: str, variant: str) -> None:
    recipe, data = in_small(model, name, variant), samples_of(name)
    make = builder(model, recipe, shape_of(name), 10)
    (run,) = bind_runs(make, initial_state(make, recipe, (0,), data))
    draws, labels = draw_units(recipe, 0, len(data.values), 0, 1), torch.arange(recipe.batch)
    generator, discriminator = run.networks
    samples = generator(draws.noise[0, 0], draws.component[0, 0], labels)
    noise = draw_layer_noise(discriminator, recipe.batch, torch.Generator().manual_seed(0))
    discriminator(samples, labels, noise).source.square().sum().backward()
    still = {"mean": {"prior.sigma"}, "sigma": {"prior.mean"}, "none": {"prior.mean", "prior.sigma"}, "both": set()}
    for network in run.networks:
        for key, parameter in network.named_parameters():
            assert parameter.grad is not None and parameter.grad.isfinite().all(), key
            removed = model == "deligan" and key.endswith("bias")  # normalisation removes some of its biases
            assert parameter.grad.any() == (key not in still[recipe.prior.learnt]) or removed, key
    if generator.prior is not None and recipe.prior.learnt == "both" and recipe.prior.component == "row":
        for parameter in generator.prior.parameters():
            assert parameter.grad is not None and parameter.grad.flatten(1).any(dim=1).all()  # each component: its row


@every_recipe
def test_two_units_are_finite_and_differ_between_seeds(model: str, name: str, variant: str) -> None:
    recipe, data, seeds = in_small(model, name, variant), samples_of(name), (0, 1)
    make = builder(model, recipe, shape_of(name), 10)
    state = initial_state(make, recipe, seeds, data)
    losses = Trainer(make, recipe, seeds, data, state=state).advance(0, 2)
    assert np.isfinite(losses[:, :, 0]).all() and not np.array_equal(losses[0], losses[1])
    assert state["diverged"].tolist() == [-1, -1]
    steps = state["steps"].tolist()
    if recipe.schedule == "balanced":
        assert min(map(sum, steps)) >= 2 * recipe.inner_steps  # the sketches' extra update comes later
    else:
        assert steps == [[2 * recipe.generator_steps, 2 * recipe.inner_steps]] * 2
    for key in (key for key in state if key.startswith("first.")):  # gradients as the optimiser gathered them
        side, updated = key.split(".")[1], all(count[SIDES.index(key.split(".")[1])] for count in steps)
        still = "prior" in key and recipe.prior.learnt != "both" or (model == "deligan" and key.endswith("bias"))
        assert still or not updated or state[key].flatten(1).any(1).all(), (side, key)
    for side in SIDES:
        moved = [key for key in state if key.startswith(side) and not torch.equal(*state[key])]
        assert moved, side


def test_the_regulariser_moves_sigma_and_is_off_where_the_code_never_adds_it() -> None:
    off, on = (("toy-unregularised", "code"), ("cifar10", "code")), (("cifar10", "paper"), ("sketches", "code"))
    assert [recipe_of("deligan", *names).prior.regulariser for names in (*off, *on)] == [0, 0, 0.05, 0.05]
    ends, data = [], samples_of("cifar10")
    for weight in (0.0, 1e3):  # so heavy that σ goes to 1 however the game pulls
        recipe = in_small("deligan", "cifar10", "paper")
        prior = {**vars(recipe.prior), "regulariser": weight}
        recipe = in_small("deligan", "cifar10", "paper", prior=type(recipe.prior)(**prior))
        trainer = Trainer(builder("deligan", recipe, shape_of("cifar10"), 10), recipe, (0,), data)
        trainer.advance(0, 3)
        ends.append(trainer.state["generator.prior.sigma"])
    assert (ends[1] > 0.2).all() and (ends[0] < ends[1]).any()


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["paper", "code"])
def test_two_steps_of_gans_full_mnist_networks(variant: str) -> None:
    recipe = recipe_of("gan", "mnist", variant)
    images = torch.randint(0, 256, (300, *shape_of("mnist")), dtype=torch.uint8, generator=torch.Generator())
    losses = Trainer(builder("gan", recipe, shape_of("mnist")), recipe, (0,), Samples(images)).advance(0, 2)
    first = 2 * np.log(2) * recipe.discriminator_scale  # such small weights leave D at one half
    assert losses[0, 0].tolist() == pytest.approx([np.log(2), first], abs=0.02)
