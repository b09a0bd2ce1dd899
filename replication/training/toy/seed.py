"""A seed of a toy recipe: its weights as arrays, trained by the compiled loops of `toy.engine`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from replication.config.recipes import Recipe
from replication.models.layers.networks import Networks
from replication.training.draws import draw_units
from replication.training.pieces import Trained
from replication.training.schedule import rates_at
from replication.training.state import State, names_by_side
from replication.training.toy.engine import Drawn, Weights, train_units
from replication.training.toy.plan import Plan, plan_of


class KernelSeed:
    """One seed of a block, its weights in one array for each network."""

    def __init__(
        self,
        index: int,
        names: Sequence[list[str]],
        plan: Plan,
        recipe: Recipe,
        seed: int,
        data: np.ndarray,
        state: State,
    ) -> None:
        self._index, self._names, self._plan, self._recipe, self._seed = index, names, plan, recipe, seed
        self._data, self._state = data, state
        self._networks = [_flat(state, index, of_side) for of_side in names]
        self._steps, self._balance = (state[name][index].numpy() for name in ("steps", "balance"))  # as views

    def advance(self, first: int, count: int) -> Trained:
        """Train units `first` … `first + count − 1` in one compiled call."""
        draws = draw_units(self._recipe, self._seed, len(self._data), first, count)
        rates = np.array([rates_at(self._recipe, unit).learning_rate for unit in range(first, first + count)])
        losses, drawn = np.empty((count, 2)), Drawn(*(part.numpy() for part in draws), rates=rates)
        generator, discriminator = self._networks
        schedule = self._steps, self._balance
        train_units(generator, discriminator, schedule, self._data, drawn, self._plan, first, losses)
        finite = all(np.isfinite(network.values).all() for network in self._networks)
        return Trained(torch.from_numpy(losses), torch.tensor(finite))

    def keep(self) -> None:
        """Write weights and moments into the block's state; the schedule's numbers are there already."""
        for network, names in zip(self._networks, self._names, strict=True):
            _unflatten(network, self._state, self._index, names)


def kernel_seeds(
    networks: Networks, recipe: Recipe, seeds: Sequence[int], data: np.ndarray, state: State
) -> list[KernelSeed]:
    """The seeds of `state` on points float32 [n, 2]; `networks` gives the names and the layers' sizes.

    Raises:
        InputError: the recipe asks for something that compiled loops do not compute.
    """
    plan, names = plan_of(networks, recipe, len(data) // recipe.batch), [*names_by_side(networks).values()]
    return [KernelSeed(index, names, plan, recipe, seed, data, state) for index, seed in enumerate(seeds)]


def _flat(state: State, index: int, names: list[str]) -> Weights:
    def joined(prefix: str) -> np.ndarray:
        return torch.cat([state[prefix + name][index].flatten() for name in names]).numpy()

    values = joined("")
    return Weights(values, joined("first."), joined("second."), np.zeros_like(values))


def _unflatten(network: Weights, state: State, index: int, names: list[str]) -> None:
    for prefix, array in (("", network.values), ("first.", network.first), ("second.", network.second)):
        parts = torch.from_numpy(array).split([state[name][index].numel() for name in names])
        for name, part in zip(names, parts, strict=True):
            state[prefix + name][index].copy_(part.view_as(state[name][index]))
