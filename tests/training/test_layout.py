"""Convolutional networks lie in memory channels last; their updates are those of torch's own optimiser all the same."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch.nn.functional import softplus

from replication.config.recipes import Recipe
from replication.data.digits import read_digits
from replication.models import load
from replication.training.draws import draw_units
from replication.training.eager import EagerSeed
from replication.training.initialise import Samples
from replication.training.run import bind_runs, memory_format
from replication.training.state import bind, initial_state
from tests.in_small import own_params

UNITS = 4


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return replace(own_params().recipe("dcgan", "digits", "paper"), batch=16)


def test_convolutions_train_as_with_torchs_optimiser(recipe: Recipe) -> None:
    build = partial(load("dcgan").build, recipe.network, recipe.prior, recipe.latent_dim, (1, 8, 8), 10)
    digits = torch.from_numpy(read_digits().train_images[:64])
    state, plain = initial_state(build, recipe, (5,)), build()
    bind(plain, state, 0)
    (run,) = bind_runs(build, state)
    losses = EagerSeed(run, recipe, Samples(digits), 5, None).advance(0, UNITS).losses
    adam = recipe.adam
    assert adam is not None
    options = {"lr": adam.learning_rate, "betas": (adam.beta1, 0.999), "weight_decay": adam.l2}
    of_generator, of_discriminator = (torch.optim.Adam(net.parameters(), **options) for net in plain)
    draws, none = draw_units(recipe, 5, 64, 0, UNITS), torch.zeros(16, dtype=torch.int64)
    for unit in range(UNITS):
        real = digits[draws.rows[unit, 0]].float() / 127.5 - 1
        fake = plain.generator(draws.noise[unit, 0], none).detach()
        game = softplus(-plain.discriminator(real).logits).mean() + softplus(plain.discriminator(fake).logits).mean()
        of_discriminator.zero_grad()
        game.backward()
        of_discriminator.step()
        pay = softplus(-plain.discriminator(plain.generator(draws.noise[unit, 1], none)).logits).mean()
        of_generator.zero_grad()
        pay.backward()
        of_generator.step()
        assert losses[unit].tolist() == pytest.approx([pay.item(), game.item()], abs=1e-4)


@pytest.mark.parametrize(
    ("device", "precision", "last"),
    [("cpu", "float32", True), ("cuda", "tf32", True), ("cuda:0", "bfloat16", True), ("cuda:0", "float32", False)],
)
def test_channels_come_first_in_float32_on_a_gpu_alone(device: str, precision: str, last: bool) -> None:
    assert memory_format(device, precision) == (torch.channels_last if last else torch.contiguous_format)


def test_what_is_beside_a_weight_lies_in_memory_as_it_does(recipe: Recipe) -> None:
    build = partial(load("dcgan").build, recipe.network, recipe.prior, recipe.latent_dim, (1, 8, 8), 10)
    (run,) = bind_runs(build, initial_state(build, recipe, (0,)))
    weight = run.tensors["discriminator.blocks.1.0.weight"]
    assert weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
    for prefix in ("first.", "second."):
        for name in run.names["generator"] + run.names["discriminator"]:
            assert run.tensors[prefix + name].stride() == run.tensors[name].stride()
