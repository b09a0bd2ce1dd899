"""The state of a block of seeds: stacked tensors [S, …] by name, shared by checkpoints, snapshots and engines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from replication.config.recipes import Recipe
from replication.foundation.seeding import torch_seed
from replication.models.layers.networks import Build, Networks
from replication.training.initialise import Samples, initialise_networks
from replication.training.optimisers import optimiser_of
from replication.training.schedule import SIDES

State = dict[str, Tensor]
# Prefixes of what belongs to one tensor that training changes: moments, the mean of its past, its moving average.
MOMENTS = ("first.", "second.", "third.")
PAST, AVERAGED, SELECTED = "past.", "averaged.", "selected."
BESIDE = (*MOMENTS, PAST, AVERAGED)


def initial_state(build: Build, recipe: Recipe, seeds: Sequence[int], data: Samples | None = None) -> State:
    """Initialised networks of each seed (from `data` where the recipe says so), zero moments, the schedule's start."""
    weights: list[State] = []
    for seed in seeds:
        with torch_seed(seed, "initial"):
            networks = build()
            if data is not None:
                initialise_networks(networks, recipe, seed, data)
            weights.append(named_tensors(networks))
    state = {name: torch.stack([of_seed[name] for of_seed in weights]) for name in weights[0]}
    moments = MOMENTS[: optimiser_of(recipe)[0].moments]
    for name in trained_names(build()):
        state |= {prefix + name: torch.zeros_like(state[name]) for prefix in moments}
        if recipe.parameter_average and name.startswith(SIDES[1]):
            of_weights = recipe.average_start == "weights"
            state[AVERAGED + name] = state[name].clone() if of_weights else torch.zeros_like(state[name])
        if recipe.historical_averaging:
            state[PAST + name] = state[name].clone()  # θ[0]
    balance = recipe.balance
    start = [balance.threshold, 0.0, balance.floor, np.nan, np.nan] if balance else [0.0, 0.0, 0.0, np.nan, np.nan]
    state["balance"] = torch.tensor([start] * len(seeds), dtype=torch.float64)
    state["steps"] = torch.zeros(len(seeds), 2, dtype=torch.int64)
    state["diverged"] = torch.full((len(seeds),), -1, dtype=torch.int64)  # the step at which it was seen
    return state


def bind(networks: Networks, state: State, index: int, prefix: str = "") -> None:
    """Give the networks copies of the parameters and buffers of seed `index` in the stacked state.

    Tensors that the state has under `prefix` too are taken from there, such as the averaged ones. Copies, not views:
    some operations round otherwise where memory is not aligned, and a seed's result would depend on its place.
    """
    for side, module in zip(SIDES, networks, strict=True):
        names = {name: f"{side}.{name}" for name in module.state_dict()}
        chosen = {name: prefix + full if prefix + full in state else full for name, full in names.items()}
        module.load_state_dict({name: state[full][index].clone() for name, full in chosen.items()}, assign=True)


def trained_names(networks: Networks) -> list[str]:
    """Names of the tensors that an optimiser changes, generator first, in the order of the modules."""
    pairs = zip(SIDES, networks, strict=True)
    return [f"{side}.{name}" for side, module in pairs for name, _ in module.named_parameters()]


def names_by_side(networks: Networks) -> dict[str, list[str]]:
    """`trained_names` of each side."""
    names = trained_names(networks)
    return {side: [name for name in names if name.startswith(side)] for side in SIDES}


def weights_of(state: State) -> State:
    """The networks and their averages, without optimiser and schedule: what a snapshot holds."""
    return {name: tensor for name, tensor in state.items() if name.startswith((*SIDES, AVERAGED))}


def named_tensors(networks: Networks) -> State:
    """Parameters and buffers of both networks, which go on changing with them."""
    pairs = zip(SIDES, networks, strict=True)
    return {f"{side}.{name}": tensor for side, network in pairs for name, tensor in network.state_dict().items()}
