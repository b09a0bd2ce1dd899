"""Units of the schedule as tensors of the device: what each draws, its rates, and whether an epoch begins with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from replication.config.recipes import Recipe
from replication.training.draws import Draws, LabelledRows, draw_units
from replication.training.initialise import Samples
from replication.training.run import DeviceRates
from replication.training.schedule import minibatches_of_unit, rates_at


class Unit(NamedTuple):
    """What a unit is computed on, all of it on the device; several of them lie along the first axis of each tensor."""

    draws: Draws
    rates: DeviceRates
    epoch_starts: Tensor  # bool: whether an epoch begins with it

    def at(self, place: int | Tensor) -> Unit:
        """One of several; a place int64 [1] on the device costs the host nothing."""
        if isinstance(place, Tensor):
            return Unit.of([part.index_select(0, place)[0] for part in self.flat()])
        # Copies are aligned, so that a result is the same wherever a unit lies.
        return Unit.of([part[place].clone() for part in self.flat()])

    def flat(self) -> tuple[Tensor, ...]:
        """Every tensor."""
        return (*self.draws, *self.rates, self.epoch_starts)

    @classmethod
    def of(cls, parts: Sequence[Tensor]) -> Unit:
        """From parts in the order of `flat`."""
        return cls(Draws(*parts[:4]), DeviceRates(*parts[4:6]), parts[6])


Units = Unit  # consecutive ones of a seed, under one objective of the generator


def prepare_units(recipe: Recipe, data: Samples, seed: int, first: int, count: int, labelled: LabelledRows) -> Units:
    """Draws and schedule of units `first` …, on the device of the data."""
    device, n_rows = str(data.values.device), len(data.values)
    rates = torch.tensor([rates_at(recipe, unit) for unit in range(first, first + count)], dtype=torch.float64)
    numbers = torch.arange(first, first + count)
    starts = (numbers * minibatches_of_unit(recipe)).remainder(n_rows // recipe.batch) == 0
    draws = draw_units(recipe, seed, n_rows, first, count, labelled, device)
    return Units.of([*draws, *(part.contiguous().to(device) for part in (*rates.unbind(1), starts))])
