"""A seed that trains one operation at a time: how images are trained on a CPU, and the reference elsewhere."""

from __future__ import annotations

import torch

from replication.config.recipes import Recipe
from replication.training.balance import GENERATOR_LOSS
from replication.training.draws import LabelledRows
from replication.training.initialise import Samples
from replication.training.layer_noise import UnitNoise, learns_labels
from replication.training.loop import train_unit
from replication.training.pieces import Trained
from replication.training.run import Run
from replication.training.schedule import objective_at
from replication.training.streams import stream_seed
from replication.training.units import prepare_units


class EagerSeed:
    """One seed of a block, one operation at a time: the reference that faster ways are held against."""

    def __init__(
        self, run: Run, recipe: Recipe, data: Samples, seed: int, labelled: LabelledRows, at_once: bool = False
    ) -> None:
        self._run, self._recipe, self._data, self._seed, self._labelled = run, recipe, data, seed, labelled
        device, learns = data.values.device, learns_labels(labelled, data.labels)
        self._layers: torch.Generator | UnitNoise = torch.Generator()
        if at_once or device.type != "cpu":  # captured units draw for all layers at once: so does their reference
            self._layers = UnitNoise(run.networks.discriminator, recipe, learns, device)
        self.keep = run.keep

    def advance(self, first: int, count: int) -> Trained:
        """Train units `first` … `first + count − 1`, which share the generator's objective."""
        units = prepare_units(self._recipe, self._data, self._seed, first, count, self._labelled)
        self._layers.manual_seed(stream_seed(self._seed, "layer noise", first))
        objective, losses = objective_at(self._recipe, first), []
        for place in range(count):
            unit = units.at(place)
            train_unit(self._run, self._recipe, self._data, unit, objective, self._layers)
            losses.append(self._run.balance[GENERATOR_LOSS:].clone())
        return Trained(torch.stack(losses), self._run.finite())
