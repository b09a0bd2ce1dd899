"""A block of seeds on one device: each seed is computed on its own, so that its result does not depend on the block.

On a CPU a few seeds at a time take turns, each operation on the threads of the recipe. On a GPU every seed has a stream
and a CUDA graph of its own, so that small networks, which leave most of the device idle, fill it together. Compiled toy
games run on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from replication.models.layers.networks import Networks
from replication.recipes import Recipe
from replication.runtime import in_turns
from replication.training.draws import labelled_rows
from replication.training.initialise import Samples
from replication.training.pieces import PIECE, SeedTraining, Trained, cut
from replication.training.run import bind_runs, to_device
from replication.training.schedule import unit_steps
from replication.training.state import State, initial_state


class Trainer:
    """Trains a block of seeds from `state`, or from their start; `data` is moved to the device once.

    `state` holds every seed's tensors, stacked, as of the last `advance`. Units are cut into pieces at multiples of a
    fixed size and at `marks`; draws depend on where a piece begins, so training in the same pieces gives the same bits.
    """

    def __init__(
        self,
        build: Callable[[], Networks],
        recipe: Recipe,
        seeds: Sequence[int],
        data: Samples,
        device: str = "cpu",
        threads: int = 1,
        state: State | None = None,
        marks: Sequence[int] = (),
    ) -> None:
        self.state = initial_state(build, recipe, seeds, data) if state is None else state
        self._recipe, self._threads = recipe, threads
        way = "kernel" if recipe.engine == "kernel" else "eager" if device == "cpu" else "captured"
        self._on_gpu, self.piece = way == "captured", PIECE[way]
        # Where the objective changes, a captured unit changes.
        self._marks = (*marks, *([-(-recipe.early.updates // unit_steps(recipe))] if recipe.early else []))
        self._seeds = seed_trainings(way, build, recipe, seeds, data, device, self.state)

    def advance(self, first: int, count: int) -> np.ndarray:
        """Train units `first` … `first + count − 1` of every seed; losses of G and D, float64 [S, count, 2]."""
        pieces = cut(first, first + count, self.piece, self._marks)
        losses = np.empty((len(self._seeds), count, 2))

        def note(index: int, piece: tuple[int, int], trained: Trained) -> None:
            begin, end = piece
            found = trained.losses.cpu().numpy()
            losses[index, begin - first : end - first] = found
            if self.state["diverged"][index] < 0 and not (bool(trained.finite) and np.isfinite(found[:, 0]).all()):
                self.state["diverged"][index] = end * unit_steps(self._recipe)

        def train(index: int, turn: int) -> None:
            begin, end = pieces[turn]
            note(index, pieces[turn], self._seeds[index].advance(begin, end - begin))

        if self._on_gpu:
            for piece in pieces:
                queued = [seed.advance(piece[0], piece[1] - piece[0]) for seed in self._seeds]
                torch.cuda.synchronize()
                for index, trained in enumerate(queued):
                    note(index, piece, trained)
        else:
            in_turns(train, len(self._seeds), len(pieces), self._threads, self._recipe.threads)
        for seed in self._seeds:
            seed.keep()
        if self._on_gpu:
            torch.cuda.synchronize()
        return losses


def seed_trainings(
    way: str,
    build: Callable[[], Networks],
    recipe: Recipe,
    seeds: Sequence[int],
    data: Samples,
    device: str,
    state: State,
) -> list[SeedTraining]:
    """Each seed's training, `way` being kernel, eager or captured: as the reference computes, or the fast ways."""
    if way == "kernel":
        from replication.training.kernel_seed import kernel_seeds

        return [*kernel_seeds(build(), recipe, seeds, data.values.numpy(), state)]
    from replication.training.captured import CapturedSeed
    from replication.training.eager import EagerSeed

    to_device(state, device)
    moved = Samples(data.values.to(device), None if data.labels is None else data.labels.to(device))
    learnt = labels_of(recipe, seeds, data)
    kind = {"eager": EagerSeed, "captured": CapturedSeed}[way]
    runs = zip(bind_runs(build, state), seeds, learnt, strict=True)
    return [kind(run, recipe, moved, seed, labelled) for run, seed, labelled in runs]


def labels_of(recipe: Recipe, seeds: Sequence[int], data: Samples) -> list[np.ndarray | None]:
    """Rows of each seed's labelled samples; None where no labels are learnt."""
    if recipe.labels is None or data.labels is None:
        return [None] * len(seeds)
    labels = data.labels.cpu().numpy()
    return [labelled_rows(recipe.labels, labels, seed) for seed in seeds]
