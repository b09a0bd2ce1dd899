"""The training loop: a recipe of any paper is networks, objectives and turns, and this file goes through them.

A step draws nothing on the host. It is the reference, written for its reader; `training.lean` computes the same for a
GPU, in few kernels and without a look at any value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from replication.config.recipes import Recipe
from replication.models.layers.networks import Judged, Latent, Networks, draw_layer_noise
from replication.training import objectives
from replication.training.balance import DISCRIMINATOR_LOSS, GENERATOR_LOSS, THRESHOLD, count_update, move_threshold
from replication.training.draws import Draws
from replication.training.initialise import Samples, look_up
from replication.training.layer_noise import UnitNoise
from replication.training.run import Run, apply_update
from replication.training.schedule import SIDES, Turn, turns
from replication.training.units import Unit

Layers = torch.Generator | UnitNoise  # what noise of the discriminator's layers is drawn from
Seen = dict[int, tuple[Tensor, Tensor | None]] | None  # samples and labels of a unit's minibatches


class Batch(NamedTuple):
    """What one turn is computed on."""

    latent: Latent
    real: Tensor | None  # [B, …]; None where the generator sees no data
    labelled: tuple[Tensor, Tensor] | None  # samples and labels that the discriminator learns as classes
    noises: Mapping[str, list[Tensor] | None]  # of D's noisy layers, for real, fake and labelled samples
    joint: Sequence[Tensor] = ()  # of each noisy layer, those of all kinds behind each other, where they are drawn so


def train_unit(run: Run, recipe: Recipe, data: Samples, unit: Unit, objective: str, layers: Layers) -> None:
    """One unit of the schedule: its turns in order. Where a loss decides whose turn it is, the host looks at it."""
    rates, balance = unit.rates, recipe.balance
    raised = move_threshold(run.balance, balance, unit.epoch_starts) if balance else None
    for turn in turns(recipe):
        batch, sides, chosen = assemble(run.networks, recipe, data, unit.draws, turn, layers), turn.sides, None
        if raised is not None and balance and balance.extra_rate and bool(raised):
            slower = rates._replace(learning_rate=balance.extra_rate * rates.learning_rate)
            _, gradient = _gradient(run, recipe, SIDES[1], batch, objective)
            apply_update(run, recipe, SIDES[1], gradient, slower)
        raised = None  # once, before the unit's first turn
        if balance:
            chosen = _judge(run, recipe, batch, objective)
            count_update(run.balance, balance, chosen)
            sides = (SIDES[0] if chosen else SIDES[1],)
        gradients = {side: _gradient(run, recipe, side, batch, objective) for side in sides}
        for side, (loss, gradient) in gradients.items():
            apply_update(run, recipe, side, gradient, rates)
            if side == SIDES[1] or chosen is None:
                run.balance[GENERATOR_LOSS if side == SIDES[0] else DISCRIMINATOR_LOSS] = loss


def assemble(
    networks: Networks, recipe: Recipe, data: Samples, drawn: Draws, turn: Turn, layers: Layers, seen: Seen = None
) -> Batch:
    """The turn's part of what the unit drew; a minibatch that several turns see is looked up once, into `seen`."""
    seen, real, labels, labelled = {} if seen is None else seen, None, None, None
    if turn.rows is not None:
        if turn.rows not in seen:
            seen[turn.rows] = look_up(data, drawn.rows.select(-2, turn.rows), recipe)
        real, labels = seen[turn.rows]
        if SIDES[1] in turn.sides and drawn.labelled.numel() and data.labels is not None:
            samples, classes = look_up(data, drawn.labelled.select(-2, turn.rows), recipe)
            assert classes is not None
            labelled = samples, classes
    latent = Latent(drawn.noise.select(-3, turn.noise), drawn.component.select(-2, turn.noise), labels)
    if isinstance(layers, UnitNoise):
        return Batch(latent, real, labelled, *layers.of_turn())
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
    (generator, discriminator), game, real = run.networks, objectives.named(objective), None
    with arithmetic(recipe, batch):
        fake: Judged = discriminator(generator(*batch.latent), batch.latent.labels, batch.noises["fake"])
    if game.sees_real:
        with torch.no_grad(), arithmetic(recipe, batch):
            real = discriminator(batch.real, batch.latent.labels, batch.noises["real"])
    loss = game.generator(real, fake, recipe)
    return loss, generator_total(run, recipe, loss)


def generator_total(run: Run, recipe: Recipe, loss: Tensor) -> Tensor:
    """The generator's loss with what a recipe adds to it."""
    total = run.with_penalty(loss, SIDES[0], recipe.historical_averaging)
    if recipe.prior.components and recipe.prior.regulariser:
        sigma = run.networks.generator.get_parameter("prior.sigma")
        total = total + objectives.prior_penalty(sigma, recipe.prior.regulariser)
    return total


def discriminator_objective(run: Run, recipe: Recipe, batch: Batch, objective: str) -> tuple[Tensor, Tensor]:
    """The loss on real and generated samples, which is logged, and the sum that the discriminator descends."""
    generator, discriminator = run.networks
    assert batch.real is not None
    with arithmetic(recipe, batch):
        with torch.no_grad():
            samples = generator(*batch.latent)
        real: Judged = discriminator(batch.real, batch.latent.labels, batch.noises["real"])
        fake: Judged = discriminator(samples, batch.latent.labels, batch.noises["fake"])
    loss = objectives.of_discriminator(objective, real, fake, recipe)
    total = run.with_penalty(loss, SIDES[1], recipe.historical_averaging)
    if batch.labelled is not None:
        samples, labels = batch.labelled
        with arithmetic(recipe, batch):
            judged = discriminator(samples, labels, batch.noises["labelled"])
        total = total + objectives.classification_loss(judged.logits, labels)
    return loss, total


def _gradient(run: Run, recipe: Recipe, side: str, batch: Batch, objective: str) -> tuple[Tensor, list[Tensor]]:
    """One side's loss, and the gradient of its parameters."""
    of_side = generator_objective if side == SIDES[0] else discriminator_objective
    loss, total = of_side(run, recipe, batch, objective)
    return loss.detach(), list(torch.autograd.grad(total, run.parameters(side)))


@torch.no_grad()
def _judge(run: Run, recipe: Recipe, batch: Batch, objective: str) -> Tensor:
    """bool []: whether the generator's loss is above the threshold, so that it is the generator's turn.

    Under running batch statistics and without layer noise, or as in training (DeLiGAN's released codes differ).
    """
    assert recipe.balance is not None
    running = recipe.balance.judged_with == "running"
    for module in run.networks:
        module.train(not running)
    before = [] if running else [buffer.clone() for buffer in run.buffers()]  # nothing writes running statistics
    quiet = batch._replace(noises=dict.fromkeys(batch.noises)) if running else batch
    loss, _ = generator_objective(run, recipe, quiet, objective)
    for module in run.networks:
        module.train()
    for buffer, value in zip(run.buffers() if before else [], before, strict=True):
        buffer.copy_(value)
    run.balance[GENERATOR_LOSS] = loss
    return run.balance[GENERATOR_LOSS] > run.balance[THRESHOLD]
