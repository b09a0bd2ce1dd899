"""Units of the schedule as tensors of the device: what each draws, its rates, and whether an epoch begins with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from replication.config.recipes import Recipe
from replication.training.draws import Draws, draw_units
from replication.training.initialise import Samples
from replication.training.run import DeviceRates
from replication.training.schedule import minibatches_of_unit, rates_at


class Unit(NamedTuple):
    """What one unit is computed on, all of it on the device: its part of the draws and of the schedule."""

    draws: Draws
    rates: DeviceRates
    epoch_starts: Tensor  # bool []


class Units(NamedTuple):
    """Consecutive units of a seed under one objective of the generator."""

    draws: Draws
    learning_rate: Tensor  # float64 [units]
    momentum: Tensor  # float64 [units]
    epoch_starts: Tensor  # bool [units]

    def at(self, place: int | Tensor) -> Unit:
        """One of them; a place int64 [1] on the device costs the host nothing."""
        if isinstance(place, Tensor):
            picked = [part.index_select(0, place)[0] for part in self.flat()]
        else:  # copies are aligned, so that a result is the same wherever a unit lies
            picked = [part[place].clone() for part in self.flat()]
        return Unit(Draws(*picked[:4]), DeviceRates(*picked[4:6]), picked[6])

    def flat(self) -> tuple[Tensor, ...]:
        """Every tensor, the units along its first axis."""
        return (*self.draws, self.learning_rate, self.momentum, self.epoch_starts)

    @classmethod
    def of(cls, parts: Sequence[Tensor]) -> Units:
        """From parts in the order of `flat`."""
        return cls(Draws(*parts[:4]), *parts[4:])


def prepare_units(
    recipe: Recipe, data: Samples, seed: int, first: int, count: int, labelled: np.ndarray | None
) -> Units:
    """Draws and schedule of units `first` …, on the device of the data; `labelled` are rows as of `labelled_rows`."""
    device, n_rows = str(data.values.device), len(data.values)
    rates = torch.tensor([rates_at(recipe, unit) for unit in range(first, first + count)], dtype=torch.float64)
    numbers = torch.arange(first, first + count)
    starts = (numbers * minibatches_of_unit(recipe)).remainder(n_rows // recipe.batch) == 0
    draws = draw_units(recipe, seed, n_rows, first, count, labelled, device)
    return Units(draws, *(part.contiguous().to(device) for part in (*rates.unbind(1), starts)))
