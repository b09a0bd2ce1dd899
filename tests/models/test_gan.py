"""GAN's image recipes: sizes by hand, initial weights, schedules and steps of the released code."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import partial
from math import log, sqrt
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from replication.config.recipes import Early, Prior, Recipe
from replication.foundation.errors import InputError
from replication.foundation.seeding import generator as stream_of
from replication.models.gan import build
from replication.models.layers.networks import Dropout, Networks, draw_layer_noise
from replication.training.draws import draw_units
from replication.training.eager import EagerSeed
from replication.training.initialise import Samples
from replication.training.run import bind_runs
from replication.training.schedule import objective_at, rates_at, update_counts
from replication.training.state import initial_state
from replication.training.stopping import selection_units
from replication.training.trainer import Trainer
from tests.in_small import own_params

PARAMS = own_params()
SHAPES = {"mnist": (1, 28, 28), "cifar10-dense": (3, 32, 32), "cifar10-convolutional": (3, 32, 32)}
EPOCHS = {"mnist": 50_000 // 100, "cifar10-dense": 40_000 // 100, "cifar10-convolutional": 40_000 // 128}
RATES = {"mnist": 0.1, "cifar10-dense": 0.025, "cifar10-convolutional": 0.004}
NARROW: dict[str, dict[str, Any]] = {
    "mnist": {"generator": {"hidden": [[12, "relu"], [10, "relu"]]}, "discriminator": {"hidden": [[6, 5], [4, 3]]}},
    "cifar10-dense": {"generator": {"hidden": [[12, "relu"], [10, "sigmoid"]]}, "discriminator": {"hidden": [[6, 5]]}},
    "cifar10-convolutional": {
        "generator": {"hidden": [[12, "relu"], [200, "sigmoid"]], "transposed": {"channels": 2}},
        "discriminator": {"hidden": [[5, 3]]},
    },
}


def recipe_of(name: str, variant: str = "code", narrow: bool = False, **changes: Any) -> Recipe:
    recipe = PARAMS.recipe("gan", name, variant)
    network = deepcopy(recipe.network)
    for side, keys in NARROW[name].items() if narrow else ():
        for key, value in keys.items():
            network[side][key] = {**network[side][key], **value} if isinstance(value, dict) else value
    for layer in network["discriminator"].get("convolutions", []) if narrow else ():
        layer["channels"] //= 8
    return replace(recipe, network=network, **changes)


def built(recipe: Recipe, shape: tuple[int, ...]) -> Networks:
    return build(recipe.network, recipe.prior, recipe.latent_dim, shape)


def images_of(shape: tuple[int, ...], count: int = 40) -> Tensor:
    return torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


HIDDEN_8000 = (100 * 8000 + 8000) + (8000 * 8000 + 8000)
COUNTS = {
    "mnist": (
        (100 * 1200 + 1200) + (1200 * 1200 + 1200) + (1200 * 784 + 784),
        (784 * 240 * 5 + 240 * 5) + (240 * 240 * 5 + 240 * 5) + (240 + 1),
    ),
    "cifar10-dense": (
        HIDDEN_8000 + (8000 * 3072 + 3072),
        (3072 * 1600 * 5 + 1600 * 5) + (1600 * 1600 * 5 + 1600 * 5) + (1600 + 1),
    ),
    "cifar10-convolutional": (
        HIDDEN_8000 + 80 * 3 * 5 * 5 + 3 * 32 * 32,  # the last is the untied bias
        (3 * 64 * 8 * 8 + 64)
        + (32 * 64 * 8 * 8 + 64)
        + (32 * 384 * 5 * 5 + 384)
        + (192 * 5 * 5 * 500 * 5 + 500 * 5)
        + (500 + 1),
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_sizes_are_those_of_the_released_recipes(name: str) -> None:
    recipe = recipe_of(name)
    with torch.device("meta"):
        networks = built(recipe, SHAPES[name])
    assert recipe.latent_dim == 100
    assert tuple(sum(parameter.numel() for parameter in network.parameters()) for network in networks) == COUNTS[name]


def test_every_layer_of_the_convolutional_discriminator_drops_its_input() -> None:
    """32 + 2·4 − 8 + 1 = 33, whose pools start at 0, 2, …, 30: 16 maps a side; then 15 and 7, then 9 and 5."""
    with torch.device("meta"):
        discriminator = built(recipe_of("cifar10-convolutional"), (3, 32, 32)).discriminator
    layers = [layer for layer in discriminator.modules() if isinstance(layer, Dropout)]
    assert [layer.keep for layer in layers] == [0.8, 0.5, 0.5, 0.5, 0.5]
    assert [layer.shape for layer in layers] == [(3, 32, 32), (32, 16, 16), (32, 7, 7), (192, 5, 5), (500,)]


@pytest.mark.parametrize("name", SHAPES)
def test_weights_start_uniform_and_biases_zero(name: str) -> None:
    torch.manual_seed(0)
    network = deepcopy(recipe_of(name, narrow=True).network)
    network["generator"]["hidden"] = [[300, "relu"], [400, "sigmoid"]]
    if name == "cifar10-convolutional":
        network["generator"]["transposed"] = {"channels": 4, "kernel": 5, "stride": 3}
    networks = build(network, Prior(), 100, SHAPES[name])
    limits = {"generator": [0.05, 0.05, 0.5 if name == "cifar10-dense" else 0.05], "discriminator": [0.005] * 9}
    for side, network in zip(("generator", "discriminator"), networks, strict=True):
        weights = [tensor for key, tensor in network.named_parameters() if key.endswith("weight")]
        for weight, limit in zip(weights, limits[side], strict=False):
            assert weight.abs().max() <= limit
            if weight.numel() > 200:
                assert weight.abs().max() > 0.97 * limit
                assert weight.std().item() == pytest.approx(limit / sqrt(3), rel=0.1)
        assert not any(tensor.any() for key, tensor in network.named_parameters() if key.endswith("bias"))


def test_the_output_bias_starts_at_the_clipped_logit_of_pixel_means() -> None:
    recipe, images = recipe_of("mnist", narrow=True), images_of((1, 28, 28))
    images[:, 0, 0, 0], images[:, 0, 0, 1] = 0, 255
    make = partial(built, recipe, (1, 28, 28))
    state = initial_state(make, recipe, (3, 4), Samples(images))
    fresh = initial_state(make, recipe, (3, 4))
    name = "generator.body.4.0.linear.bias"
    means = images.numpy().astype(np.float64).mean(0).ravel() / 255
    expected = [log(m / (1 - m)) for m in means.clip(1e-7, 1 - 1e-7)]
    assert expected[:2] == pytest.approx([-16.118, 16.118], abs=1e-3)
    for seed in range(2):
        np.testing.assert_allclose(state[name][seed], expected, rtol=1e-5, atol=1e-5)
    assert not fresh[name].any()
    others = [key for key in state if key.startswith(("generator", "discriminator")) and key != name]
    assert all(torch.equal(state[key], fresh[key]) for key in others)


def test_pixels_that_no_sigmoid_can_have_are_refused() -> None:
    recipe = recipe_of("mnist", narrow=True, pixels="signed")
    with pytest.raises(InputError, match="pixels: unit"):
        initial_state(partial(built, recipe, (1, 28, 28)), recipe, (0,), Samples(images_of((1, 28, 28))))


@pytest.mark.parametrize("variant", ["paper", "code"])
@pytest.mark.parametrize("name", SHAPES)
def test_momentum_rises_by_the_epoch_and_the_rate_falls_by_the_batch(name: str, variant: str) -> None:
    recipe, epoch = recipe_of(name, variant), EPOCHS[name]
    # The released schedule counts one epoch before the first: after 249 it is at its end.
    for done, momentum in {0: 0.5, 1: 0.5 + 0.2 / 249, 125: 0.5 + 0.2 * 125 / 249, 249: 0.7, 250: 0.7}.items():
        assert rates_at(recipe, done * epoch).momentum == pytest.approx(momentum, abs=1e-12)
    assert rates_at(recipe, epoch - 1).momentum == 0.5
    for batch in (0, 1, epoch, 100 * epoch):
        assert rates_at(recipe, batch).learning_rate == pytest.approx(RATES[name] / 1.000004**batch, rel=1e-9)
    assert rates_at(recipe, 10_000_000).learning_rate == 1e-6
    epochs = 1000 if name == "mnist" else 250
    assert recipe.updates == epochs * epoch
    assert update_counts(recipe)["generator"] == update_counts(recipe)["discriminator"] == recipe.updates
    assert selection_units(recipe) == tuple(range(10 * epoch, (epochs + 1) * epoch, 10 * epoch))


@pytest.mark.parametrize("name", SHAPES)
def test_the_variants_differ_in_four_keys(name: str) -> None:
    paper, code = recipe_of(name, "paper"), recipe_of(name, "code")
    tenth = paper.updates // 10
    assert [objective_at(paper, unit) for unit in (0, tenth - 1, tenth)] == ["non-saturating"] * 2 + ["saturating"]
    assert {objective_at(code, unit) for unit in (0, tenth, code.updates - 1)} == {"non-saturating"}
    assert paper.early == Early("non-saturating", tenth)
    assert (paper.schedule, paper.inner_steps, paper.discriminator_scale) == ("alternate", 1, 1.0)
    assert (code.schedule, code.discriminator_scale) == ("simultaneous", 0.5)
    keys = {"objective": code.objective, "early": None, "discriminator_scale": 0.5, "schedule": "simultaneous"}
    assert replace(paper, **keys) == code  # pyright: ignore[reportArgumentType]


@pytest.mark.integration
@pytest.mark.parametrize("variant", ["paper", "code"])
@pytest.mark.parametrize("name", SHAPES)
def test_two_steps_give_every_parameter_of_every_seed_a_gradient(name: str, variant: str) -> None:
    recipe = recipe_of(name, variant, narrow=True, batch=8)
    data, seeds = Samples(images_of(SHAPES[name])), (0, 1)
    make = partial(built, recipe, SHAPES[name])
    start, state = initial_state(make, recipe, seeds, data), initial_state(make, recipe, seeds, data)
    losses = Trainer(make, recipe, seeds, data, state=state).advance(0, 2)
    assert np.isfinite(losses).all() and not np.array_equal(losses[0], losses[1])
    assert state["steps"].tolist() == [[2, 2], [2, 2]]
    for key in (key for key in start if key.startswith("first.")):  # velocities, which gradients alone move
        assert torch.isfinite(state[key]).all() and state[key].flatten(1).any(1).all(), key
        assert not torch.equal(state[key][0], state[key][1]), key


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["paper", "code"])
def test_two_steps_of_the_full_mnist_networks(variant: str) -> None:
    recipe = recipe_of("mnist", variant)
    data, seeds, make = Samples(images_of((1, 28, 28), 300)), (0,), partial(built, recipe, (1, 28, 28))
    losses = Trainer(make, recipe, seeds, data).advance(0, 2)
    first = 2 * log(2) * recipe.discriminator_scale  # such small weights leave D at one half
    assert losses[0, 0, 1] == pytest.approx(first, abs=0.02) and losses[0, 0, 0] == pytest.approx(log(2), abs=0.02)


def test_a_step_of_the_code_is_one_of_plain_momentum_on_both_sides_at_once() -> None:
    """Half the sum of cross-entropies, −log D(G(z)), one dropout mask of the fake batch for both."""
    recipe = recipe_of("mnist", narrow=True, batch=8)
    data, make = Samples(images_of((1, 28, 28))), partial(built, recipe, (1, 28, 28))
    state = initial_state(make, recipe, (5,), data)
    (ours,), (theirs,), draws = bind_runs(make, state), bind_runs(make, state), draw_units(recipe, 5, 40, 0, 2)
    EagerSeed(ours, recipe, data, 5, None).advance(0, 2)
    generator, discriminator = theirs.networks
    velocities = [[torch.zeros_like(one) for one in network.parameters()] for network in theirs.networks]
    masks = torch.Generator().manual_seed(int(stream_of(5, "layer noise", 0).integers(2**63)))
    for unit in range(2):
        fake_noise, real_noise = (draw_layer_noise(discriminator, 8, masks) for _ in range(2))
        latent = draws.noise[unit, 0], draws.component[unit, 0]
        real = data.values[draws.rows[unit, 0]] / 255
        fake = generator(*latent)
        on_real = discriminator(real, None, real_noise).logits
        on_fake = discriminator(fake.detach(), None, fake_noise).logits
        loss = 0.5 * (cross_entropy(on_real, torch.ones(8)) + cross_entropy(on_fake, torch.zeros(8)))
        of_discriminator = torch.autograd.grad(loss, list(discriminator.parameters()))
        against = cross_entropy(discriminator(fake, None, fake_noise).logits, torch.ones(8))
        of_generator = torch.autograd.grad(against, list(generator.parameters()))
        for network, found, velocity in zip(theirs.networks, (of_generator, of_discriminator), velocities, strict=True):
            for parameter, gradient, one in zip(network.parameters(), found, velocity, strict=True):
                one.mul_(0.5).sub_(0.1 / 1.000004**unit * gradient)
                parameter.data.add_(one)
    for network, other in zip(ours.networks, theirs.networks, strict=True):
        for one, two in zip(network.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-7)
