"""The stopping rule that a recipe may declare: keep the generator of the best validation Parzen log-likelihood."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from replication.config.recipes import Recipe
from replication.foundation.runtime import side_by_side
from replication.metrics.parzen import SIGMAS, choose_sigma, log_likelihoods
from replication.models.layers.networks import Build
from replication.training.initialise import real_samples
from replication.training.sampling import draw_samples
from replication.training.schedule import unit_steps, units_of
from replication.training.state import SELECTED, State, bind

VALUE, STEP = "selected_value", "selected_step"


def selection_units(recipe: Recipe) -> tuple[int, ...]:
    """The units after which generators are compared: every so many, and the last."""
    if recipe.stopping is None:
        return ()
    units, every = units_of(recipe), max(1, recipe.stopping.every // unit_steps(recipe))
    return tuple(sorted({*range(every, units + 1, every), units}))


def start_selection(state: State, seeds: Sequence[int]) -> None:
    """Nothing is selected yet: whatever is measured first is better."""
    state[VALUE] = torch.full((len(seeds),), -torch.inf, dtype=torch.float64)
    state[STEP] = torch.full((len(seeds),), -1, dtype=torch.int64)
    state |= {SELECTED + name: t.clone() for name, t in state.items() if name.startswith("generator.")}


@torch.no_grad()
def select_generators(
    build: Build, recipe: Recipe, state: State, seeds: Sequence[int], step: int, validation: Tensor, threads: int = 1
) -> None:
    """Measure generators on `validation` [n, …], and keep in place the finite ones that are better than before."""
    stopping, points = recipe.stopping, real_samples(validation, recipe).flatten(1)
    assert stopping is not None

    def likelihood(index: int) -> float:
        networks = build()
        bind(networks, state, index)
        drawn = draw_samples(networks.generator, recipe, recipe.noise, seeds[index], "stopping", stopping.samples)[0]
        samples = drawn.flatten(1)
        if not bool(torch.isfinite(samples).all()):
            return -torch.inf
        sigma = choose_sigma(samples, points[: stopping.sigma_points], SIGMAS)
        return float(log_likelihoods(samples, points, sigma).mean())

    for index, value in enumerate(side_by_side(likelihood, range(len(seeds)), threads)):
        if value > state[VALUE][index]:
            state[VALUE][index], state[STEP][index] = value, step
            for name in [name for name in state if name.startswith(SELECTED)]:
                state[name][index] = state[name.removeprefix(SELECTED)][index]


def with_selected(state: State) -> State:
    """The networks at the end of the run, each seed's generator being the one selected."""
    chosen = {name.removeprefix(SELECTED): tensor for name, tensor in state.items() if name.startswith(SELECTED)}
    return {**state, **chosen}
