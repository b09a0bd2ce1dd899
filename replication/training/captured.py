"""A unit of `training.lean` as one CUDA graph: the device runs hundreds of small kernels without Python between them.

It reads its place, draws and rates from buffers of the device, and writes its losses there; the host only replays it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from replication.config.recipes import Recipe
from replication.training.balance import GENERATOR_LOSS
from replication.training.draws import LabelledRows
from replication.training.initialise import Samples
from replication.training.layer_noise import UnitNoise, learns_labels
from replication.training.lean import LeanUnits
from replication.training.lean_balanced import BalancedUnits
from replication.training.pieces import PIECE, Trained
from replication.training.run import Run
from replication.training.schedule import objective_at
from replication.training.streams import stream_seed
from replication.training.units import Units, prepare_units

WARM_UP = 3  # units before a capture, in which libraries choose their algorithms and allocate what they keep


class CapturedSeed:
    """One seed, a graph for each of its objectives, on a stream of its own; a CPU calls the unit that a GPU replays."""

    def __init__(self, run: Run, recipe: Recipe, data: Samples, seed: int, labelled: LabelledRows) -> None:
        self._run, self._recipe, self._data, self._seed, self._labelled = run, recipe, data, seed, labelled
        self._device = data.values.device
        self._stream = torch.cuda.Stream() if self._device.type == "cuda" else None
        learns = learns_labels(labelled, data.labels)
        self._noise = UnitNoise(run.networks.discriminator, recipe, learns, self._device)
        self._lean = (BalancedUnits if recipe.balance else LeanUnits)(run, recipe, data, self._noise)
        self._place = torch.zeros(1, dtype=torch.int64, device=self._device)
        self._losses = torch.empty(PIECE["captured"], 2, dtype=torch.float64, device=self._device)
        self._units: Units | None = None
        self._replays: dict[str, Callable[[], None]] = {}
        self._current: Callable[[], None] = lambda: None
        self._count = 0  # units of the piece that is queued

    def advance(self, first: int, count: int) -> Trained:
        """Queue the units of a piece; nothing waits for the device."""
        self.begin(first, count)
        for _ in range(count):
            self.queue_unit()
        return self.end()

    def begin(self, first: int, count: int) -> None:
        """Queue what a piece draws; its first unit's graph is recorded where there is none."""
        objective = objective_at(self._recipe, first)
        with self._queue():
            units = self._prepare(first, count)
            if self._units is None:  # the buffers that graphs read
                rows = PIECE["captured"]
                self._units = Units.of([part.new_zeros(rows, *part.shape[1:]) for part in units.flat()])
            for buffer, part in zip(self._units.flat(), units.flat(), strict=True):
                buffer[: len(part)].copy_(part)
            if objective not in self._replays:
                self._replays[objective] = self._record(objective)
            self._current = self._replays[objective]
            self._place.zero_()
            self._start_noise(first)
            self._count = count

    def queue_unit(self) -> None:
        """Queue the next unit."""
        with self._queue():
            self._current()

    def end(self) -> Trained:
        """Queue a copy of the piece's losses, which the next piece overwrites."""
        with self._queue():
            losses, finite = self._losses[: self._count].clone(), self._run.finite()
            return Trained(losses, finite, None if self._stream is None else self._stream.record_event())

    def keep(self) -> None:
        """Copy the seed's tensors into the block's state, behind what is queued."""
        with self._queue():
            self._run.keep()

    def unit(self, objective: str) -> None:
        """What is captured: the unit at the place that the device knows, which it then moves on."""
        assert self._units is not None
        self._lean.train(self._units.at(self._place), objective)
        self._losses.index_copy_(0, self._place, self._run.balance[..., GENERATOR_LOSS:].unsqueeze(0))
        self._place.add_(1)

    def _prepare(self, first: int, count: int) -> Units:
        return prepare_units(self._recipe, self._data, self._seed, first, count, self._labelled)

    def _start_noise(self, first: int) -> None:
        self._noise.manual_seed(stream_seed(self._seed, "layer noise", first))

    def _queue(self) -> AbstractContextManager[object]:
        return nullcontext() if self._stream is None else torch.cuda.stream(self._stream)

    def _record(self, objective: str) -> Callable[[], None]:
        """The graph of a unit; warming up and capturing leave every tensor as it was."""
        if self._stream is None:
            return lambda: self.unit(objective)
        touched = self._touched()
        before = [tensor.clone() for tensor in touched]
        for _ in range(WARM_UP):
            self._place.zero_()
            self.unit(objective)
        with torch.no_grad():
            for tensor, value in zip(touched, before, strict=True):
                tensor.copy_(value)
        graph = torch.cuda.CUDAGraph()
        for generator in self._noise.generators:
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph, stream=self._stream):
            self.unit(objective)
        return graph.replay

    def _touched(self) -> list[Tensor]:
        return [*self._run.tensors.values(), self._place]
