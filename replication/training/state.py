"""The state of a block of seeds: stacked tensors [S, …] by name, shared by checkpoints, snapshots and engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from replication.models.layers import Networks
from replication.recipes import Recipe
from replication.seeding import torch_seed

State = dict[str, Tensor]
SIDES = ("generator", "discriminator")
THRESHOLD, COUNT, FLOOR, GENERATOR_LOSS, DISCRIMINATOR_LOSS = range(5)  # columns of state["balance"]


def initial_state(build: Callable[[], Networks], recipe: Recipe, seeds: Sequence[int]) -> State:
    """Freshly initialised networks of each seed, zero moments, and the schedule's starting point."""
    weights: list[State] = []
    for seed in seeds:
        with torch_seed(seed, "initial"):
            weights.append(_named(build()))
    state = {name: torch.stack([one[name] for one in weights]) for name in weights[0]}
    for name in trained_names(build()):
        state[f"first.{name}"] = torch.zeros_like(state[name])
        state[f"second.{name}"] = torch.zeros_like(state[name])
    balance = recipe.balance
    start = [balance.threshold, 0.0, balance.floor, np.nan, np.nan] if balance else [0.0, 0.0, 0.0, np.nan, np.nan]
    state["balance"] = torch.tensor([start] * len(seeds), dtype=torch.float64)
    state["steps"] = torch.zeros(len(seeds), 2, dtype=torch.int64)
    return state


def bind(networks: Networks, state: State, index: int) -> None:
    """Give the networks copies of the parameters and buffers of seed `index` in the stacked state.

    Copies, not views: some operations round otherwise where memory is not aligned, and a seed's result would depend on
    its place in the block.
    """
    for side, module in zip(SIDES, networks, strict=True):
        own = {name: state[f"{side}.{name}"][index].clone() for name in module.state_dict()}
        module.load_state_dict(own, assign=True)


def trained_names(networks: Networks) -> list[str]:
    """Names of the tensors that an optimiser changes, generator first, in the order of the modules."""
    return [
        f"{side}.{name}" for side, module in zip(SIDES, networks, strict=True) for name, _ in module.named_parameters()
    ]


def weights_of(state: State) -> State:
    """The networks alone, without optimiser and schedule: what a snapshot holds."""
    return {name: tensor for name, tensor in state.items() if name.split(".")[0] in SIDES}


def finite_seeds(state: State) -> np.ndarray:
    """bool [S]: whether every weight of the seed is finite."""
    finite = [torch.isfinite(t.flatten(1)).all(1) for t in weights_of(state).values() if t.is_floating_point()]
    return torch.stack(finite).all(0).cpu().numpy()


def _named(networks: Networks) -> State:
    named: State = {}
    for side, module in zip(SIDES, networks, strict=True):
        assert isinstance(module, nn.Module)
        named |= {f"{side}.{name}": tensor.detach().clone() for name, tensor in module.state_dict().items()}
    return named
