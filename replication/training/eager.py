"""The reference engine: any model, in torch, seed after seed. Every other engine is held against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from replication.models.layers import Networks, as_samples
from replication.recipes import Balance, Recipe
from replication.runtime import side_by_side
from replication.training.draws import Draws
from replication.training.objectives import discriminator_loss, generator_loss, prior_penalty
from replication.training.optimisers import adam_update
from replication.training.state import (
    COUNT,
    DISCRIMINATOR_LOSS,
    FLOOR,
    GENERATOR_LOSS,
    SIDES,
    THRESHOLD,
    State,
    bind,
    trained_names,
)


@dataclass(frozen=True)
class Run:
    """One seed: its networks and moments, which are its own until a chunk ends, and the rest of the block's state."""

    networks: Networks
    moments: dict[str, tuple[list[Tensor], list[Tensor]]]
    shared: list[tuple[Tensor, Tensor]]  # where the block's state keeps a tensor of this seed, and the seed's own
    steps: Tensor  # int64 [2]: updates of generator and discriminator
    balance: Tensor  # float64 [5]


def bind_runs(build: Callable[[], Networks], state: State) -> list[Run]:
    """One run per seed over the stacked state, which holds what a run has become whenever `advance` returns."""
    runs = []
    for index in range(len(state["steps"])):
        networks = build()
        bind(networks, state, index)
        names = trained_names(networks)
        own = {f"{side}.{n}": t for side, net in zip(SIDES, networks, strict=True) for n, t in net.state_dict().items()}
        own |= {key: state[key][index].clone() for name in names for key in (f"first.{name}", f"second.{name}")}
        moments = {
            side: (
                [own[f"first.{name}"] for name in names if name.startswith(side)],
                [own[f"second.{name}"] for name in names if name.startswith(side)],
            )
            for side in SIDES
        }
        shared = [(state[name][index], tensor) for name, tensor in own.items()]
        runs.append(Run(networks, moments, shared, state["steps"][index], state["balance"][index]))
    return runs


def advance(
    runs: list[Run], recipe: Recipe, data: Tensor, draws: Draws, first_unit: int, threads: int = 1
) -> np.ndarray:
    """Train every run for the units drawn, `threads` of them at once; returns the losses of G and D after each unit.

    `data` holds uint8 images [n, C, H, W], or float32 points [n, 2]; the losses are float64 [S, units, 2].
    """

    def advance_run(index: int) -> np.ndarray:
        losses = np.empty((draws.noise.shape[1], 2))
        noise, component, rows = (torch.from_numpy(array[index]).to(data.device) for array in draws)
        for unit in range(len(losses)):
            epoch_starts = (first_unit + unit) % (len(data) // recipe.batch) == 0
            train_unit(runs[index], recipe, data, noise[unit].clone(), component[unit], rows[unit], epoch_starts)
            losses[unit] = runs[index].balance[GENERATOR_LOSS:].numpy()
        for kept, own in runs[index].shared:
            kept.copy_(own)
        return losses

    return np.stack(side_by_side(advance_run, range(len(runs)), threads))


def train_unit(
    run: Run, recipe: Recipe, data: Tensor, noise: Tensor, component: Tensor, rows: Tensor, epoch_starts: bool
) -> None:
    """One turn of the schedule: k discriminator updates and one of the generator, or a balanced minibatch."""
    balanced = recipe.balance if recipe.schedule == "balanced" else None
    if balanced:
        move_threshold(run.balance, balanced, epoch_starts)
    turns = recipe.inner_steps if balanced else recipe.inner_steps + 1
    for turn in range(turns):
        draw = turn % len(noise)
        latent = noise[draw], component[draw]
        if balanced:
            run.balance[GENERATOR_LOSS] = judged_loss(run, recipe, *latent)
            updates_generator = bool(run.balance[GENERATOR_LOSS] > run.balance[THRESHOLD])
        else:
            updates_generator = turn == turns - 1
        if updates_generator:
            update_generator(run, recipe, *latent)
        else:
            real = data[rows[draw % len(rows)]]
            update_discriminator(run, recipe, as_samples(real) if real.dtype == torch.uint8 else real, *latent)
        run.balance[COUNT] += 1 if updates_generator else -1


def update_generator(run: Run, recipe: Recipe, noise: Tensor, component: Tensor) -> None:
    generator, discriminator = run.networks
    loss = generator_loss(discriminator(generator(noise, component)), recipe.objective)
    if recipe.schedule == "alternate":
        run.balance[GENERATOR_LOSS] = loss.item()
    if recipe.prior.components:
        loss = loss + prior_penalty(generator.get_parameter("prior.sigma"), recipe.prior.regulariser)
    _step(run, "generator", loss, recipe)


def update_discriminator(run: Run, recipe: Recipe, real: Tensor, noise: Tensor, component: Tensor) -> None:
    generator, discriminator = run.networks
    with torch.no_grad():
        fake = generator(noise, component)
    loss = discriminator_loss(discriminator(real), discriminator(fake), recipe.discriminator_scale)
    run.balance[DISCRIMINATOR_LOSS] = loss.item()
    _step(run, "discriminator", loss, recipe)


@torch.no_grad()
def judged_loss(run: Run, recipe: Recipe, noise: Tensor, component: Tensor) -> float:
    """The generator's loss under running batch statistics, which decides whose turn it is (DeLiGAN's released code)."""
    for module in run.networks:
        module.eval()
    loss = generator_loss(run.networks.discriminator(run.networks.generator(noise, component)), recipe.objective)
    for module in run.networks:
        module.train()
    return loss.item()


def move_threshold(state: Tensor, settings: Balance, epoch_starts: bool) -> None:
    """Raise the threshold after too many generator updates in a row, lower it after too many of the discriminator."""
    threshold, count, floor = state[THRESHOLD].item(), state[COUNT].item(), state[FLOOR].item()
    if epoch_starts and count < settings.floor_count:
        floor = max(floor - settings.floor_by, settings.floor_least)
    if count > settings.raise_count:
        threshold, count = min(threshold + settings.raise_by, settings.ceiling), 0.0
    if count < settings.lower_count and threshold > floor:
        threshold, count = max(threshold - settings.lower_by, floor), 0.0
    state[THRESHOLD], state[COUNT], state[FLOOR] = threshold, count, floor


def _step(run: Run, side: str, loss: Tensor, recipe: Recipe) -> None:
    index = SIDES.index(side)
    parameters: list[Tensor] = list(run.networks[index].parameters())
    gradients = list(torch.autograd.grad(loss, parameters))
    run.steps[index] += 1
    adam = recipe.adam
    adam_update(
        parameters,
        gradients,
        *run.moments[side],
        int(run.steps[index]),
        adam.learning_rate,
        (adam.beta1, adam.beta2),
        adam.epsilon,
        adam.l2,
    )
