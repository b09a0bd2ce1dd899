"""The training loop: a recipe of any paper is networks, objectives and turns, and this file goes through them.

A step draws nothing on the host and never asks the device for a value: noise comes as tensors, data lie on the device,
and where a loss decides whose turn it is, both updates are computed and one is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from replication.models.layers.networks import Judged, Latent, Networks, draw_layer_noise
from replication.recipes import Recipe
from replication.training import objectives
from replication.training.balance import DISCRIMINATOR_LOSS, GENERATOR_LOSS, THRESHOLD, count_update, move_threshold
from replication.training.draws import Draws
from replication.training.initialise import Samples, real_samples
from replication.training.run import DeviceRates, Run, apply_update
from replication.training.schedule import SIDES, Turn, turns
from replication.training.units import Unit


class Batch(NamedTuple):
    """What one turn is computed on."""

    latent: Latent
    real: Tensor | None  # [B, …]; None where the generator sees no data
    labelled: tuple[Tensor, Tensor] | None  # samples and labels that the discriminator learns as classes
    noises: Mapping[str, list[Tensor] | None]  # of D's noisy layers, for real, fake and labelled samples


def train_unit(
    run: Run, recipe: Recipe, data: Samples, unit: Unit, objective: str, layers: torch.Generator, masked: bool = True
) -> None:
    """One unit of the schedule: its turns in order.

    Where a loss decides whose turn it is, `masked` computes both updates and keeps one; else the host looks at the
    loss, which costs nothing on a CPU, and only that one is computed. The result is the same.
    """
    rates, balance = unit.rates, recipe.balance
    raised = move_threshold(run.balance, balance, unit.epoch_starts) if balance else None
    for turn in turns(recipe):
        batch, sides, chosen = assemble(run.networks, recipe, data, unit.draws, turn, layers), turn.sides, None
        if raised is not None and balance and balance.extra_rate:
            slower = rates._replace(learning_rate=balance.extra_rate * rates.learning_rate)
            _update_where(run, recipe, SIDES[1], batch, objective, slower, raised)
            raised = None  # once, before the unit's first turn
        if balance:
            chosen = _judge(run, recipe, batch, objective)
            count_update(run.balance, balance, chosen)
            sides = sides if masked else (SIDES[0] if chosen else SIDES[1],)
        if len(sides) == 2 and chosen is not None:
            _update_either(run, recipe, batch, objective, rates, chosen)
            continue
        found = {side: _gradient(run, recipe, side, batch, objective) for side in sides}
        for side, (loss, gradient) in found.items():
            apply_update(run, recipe, side, gradient, rates)
            if side == SIDES[1] or chosen is None:
                run.balance[GENERATOR_LOSS if side == SIDES[0] else DISCRIMINATOR_LOSS] = loss


def assemble(
    networks: Networks, recipe: Recipe, data: Samples, drawn: Draws, turn: Turn, layers: torch.Generator
) -> Batch:
    """The turn's part of what the unit drew, with noise for the discriminator's layers."""
    noise, component, rows, labelled_rows = drawn
    chosen = None if turn.rows is None else rows[turn.rows]
    labels = None if chosen is None or data.labels is None else data.labels[chosen]
    latent = Latent(noise[turn.noise], component[turn.noise], labels)
    labelled = None
    if "discriminator" in turn.sides and labelled_rows.numel() and data.labels is not None and turn.rows is not None:
        learnt = labelled_rows[turn.rows]
        labelled = real_samples(data.values[learnt], recipe), data.labels[learnt]
    real = None if chosen is None else real_samples(data.values[chosen], recipe)
    kinds = ("fake", *(["real"] if real is not None else []), *(["labelled"] if labelled else []))
    noises = {kind: draw_layer_noise(networks.discriminator, recipe.batch, layers) for kind in kinds}
    return Batch(latent, real, labelled, noises)


def arithmetic(recipe: Recipe, batch: Batch) -> AbstractContextManager[object]:
    """How networks compute under the recipe's precision; weights, losses and updates are float32 under both.

    Weights are rounded anew at each use: what was rounded where no gradient is taken must not serve where one is.
    """
    if recipe.precision != "bfloat16":
        return nullcontext()
    return torch.autocast(batch.latent.noise.device.type, torch.bfloat16, cache_enabled=False)


def generator_objective(run: Run, recipe: Recipe, batch: Batch, objective: str) -> tuple[Tensor, Tensor]:
    """The game's loss, which is logged and judged, and the sum that the generator descends."""
    generator, discriminator = run.networks
    with arithmetic(recipe, batch):
        judged: Judged = discriminator(generator(*batch.latent), batch.latent.labels, batch.noises["fake"])
    if objective == "feature-matching":
        assert recipe.feature_matching is not None and batch.real is not None
        with torch.no_grad(), arithmetic(recipe, batch):
            real = discriminator(batch.real, batch.latent.labels, batch.noises["real"])
        loss = objectives.feature_distance(real, judged, recipe.feature_matching)
    else:
        loss = objectives.generator_loss(judged.source, objective)
    total = loss + run.past_penalty(SIDES[0], recipe.historical_averaging)
    if recipe.prior.components and recipe.prior.regulariser:
        total = total + objectives.prior_penalty(generator.get_parameter("prior.sigma"), recipe.prior.regulariser)
    return loss, total


def discriminator_objective(run: Run, recipe: Recipe, batch: Batch) -> tuple[Tensor, Tensor]:
    """The loss on real and generated samples, which is logged, and the sum that the discriminator descends."""
    generator, discriminator = run.networks
    assert batch.real is not None
    with arithmetic(recipe, batch):
        with torch.no_grad():
            fake = generator(*batch.latent)
        real_source = discriminator(batch.real, batch.latent.labels, batch.noises["real"]).source
        fake_source = discriminator(fake, batch.latent.labels, batch.noises["fake"]).source
    loss = objectives.discriminator_loss(real_source, fake_source, recipe.discriminator_scale, recipe.real_target)
    total = loss + run.past_penalty(SIDES[1], recipe.historical_averaging)
    if batch.labelled is not None:
        samples, labels = batch.labelled
        with arithmetic(recipe, batch):
            judged = discriminator(samples, labels, batch.noises["labelled"])
        total = total + objectives.classification_loss(judged.logits, labels)
    return loss, total


def _gradient(run: Run, recipe: Recipe, side: str, batch: Batch, objective: str) -> tuple[Tensor, list[Tensor]]:
    """One side's loss, and the gradient of its parameters."""
    of_generator = side == SIDES[0]
    loss, total = (
        generator_objective(run, recipe, batch, objective)
        if of_generator
        else discriminator_objective(run, recipe, batch)
    )
    return loss.detach(), list(torch.autograd.grad(total, run.parameters(side)))


def _update_where(
    run: Run, recipe: Recipe, side: str, batch: Batch, objective: str, rates: DeviceRates, where: Tensor
) -> None:
    """One side's update, computed at any rate and kept, with running statistics, where `where` (bool []) says so."""
    buffers = run.buffers()
    before = [buffer.clone() for buffer in buffers]
    _, gradient = _gradient(run, recipe, side, batch, objective)
    for buffer, kept in zip(buffers, before, strict=True):
        buffer.copy_(torch.where(where, buffer, kept))
    apply_update(run, recipe, side, gradient, rates, where)


def _update_either(
    run: Run, recipe: Recipe, batch: Batch, objective: str, rates: DeviceRates, of_generator: Tensor
) -> None:
    """Both updates from one state, of which `of_generator` keeps one: running statistics and the log move with it."""
    buffers = run.buffers()
    before = [buffer.clone() for buffer in buffers]
    _, generators = _gradient(run, recipe, SIDES[0], batch, objective)
    after = [buffer.clone() for buffer in buffers]
    for buffer, kept in zip(buffers, before, strict=True):
        buffer.copy_(kept)
    loss, discriminators = _gradient(run, recipe, SIDES[1], batch, objective)
    for buffer, of_generators in zip(buffers, after, strict=True):
        buffer.copy_(torch.where(of_generator, of_generators, buffer))
    run.balance[DISCRIMINATOR_LOSS] = torch.where(of_generator, run.balance[DISCRIMINATOR_LOSS], loss)
    apply_update(run, recipe, SIDES[0], generators, rates, of_generator)
    apply_update(run, recipe, SIDES[1], discriminators, rates, ~of_generator)


@torch.no_grad()
def _judge(run: Run, recipe: Recipe, batch: Batch, objective: str) -> Tensor:
    """bool []: whether the generator's loss is above the threshold, so that it is the generator's turn.

    Under running batch statistics and without layer noise, or as in training (DeLiGAN's released codes differ).
    """
    assert recipe.balance is not None
    running = recipe.balance.judged_with == "running"
    for module in run.networks:
        module.train(not running)
    buffers = [buffer.clone() for buffer in run.buffers()]
    quiet = batch._replace(noises=dict.fromkeys(batch.noises)) if running else batch
    loss, _ = generator_objective(run, recipe, quiet, objective)
    for module in run.networks:
        module.train()
    for buffer, kept in zip(run.buffers(), buffers, strict=True):
        buffer.copy_(kept)
    run.balance[GENERATOR_LOSS] = loss
    return run.balance[GENERATOR_LOSS] > run.balance[THRESHOLD]
