"""A block of seeds on one device: each seed is computed on its own, so that its result does not depend on the block.

On a CPU seeds take turns, as many at once as fill it. On a GPU every seed has a stream and a CUDA graph, so that small
networks fill it together: units of all seeds are queued in turn, and a piece before the losses of the last are read.
Dense networks of all seeds share a graph there (`training.batched`). Compiled toy games run on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from replication.config.recipes import Recipe
from replication.foundation.runtime import in_turns
from replication.models.layers.networks import Build
from replication.training.draws import LabelledRows, labelled_rows
from replication.training.initialise import Samples
from replication.training.objectives import named
from replication.training.optimisers import optimiser_of
from replication.training.pieces import PIECE, SeedTraining, Trained, cut
from replication.training.run import bind_runs, memory_format
from replication.training.schedule import SIDES, objectives_of, unit_steps
from replication.training.state import BESIDE, SELECTED, State, initial_state

if TYPE_CHECKING:
    from replication.training.captured import CapturedSeed


class Trainer:
    """Trains a block of seeds from `state`, or from their start; `data` is moved to the device once.

    `state` holds every seed's tensors, stacked, as of the last `advance`. Units are cut into pieces at multiples of a
    fixed size and at `marks`; draws depend on where a piece begins, so training in the same pieces gives the same bits.
    """

    def __init__(
        self,
        build: Build,
        recipe: Recipe,
        seeds: Sequence[int],
        data: Samples,
        device: str = "cpu",
        threads: int = 1,
        state: State | None = None,
        marks: Sequence[int] = (),
    ) -> None:
        self.state = initial_state(build, recipe, seeds, data) if state is None else state
        self._recipe, self._threads, self._device = recipe, threads, device
        way = "kernel" if recipe.engine == "kernel" else "captured" if device != "cpu" and recorded(recipe) else "eager"
        self._on_gpu, self.piece = way == "captured", PIECE[way]
        # Where the objective changes, a captured unit changes.
        self._marks = (*marks, *([-(-recipe.early.updates // unit_steps(recipe))] if recipe.early else []))
        self._seeds = seed_trainings(way, build, recipe, seeds, data, device, self.state)
        if self._on_gpu:  # seeds read on streams of their own what is copied on the default one
            torch.cuda.synchronize()

    def advance(self, first: int, count: int) -> np.ndarray:
        """Train units `first` … `first + count − 1` of every seed; losses of G and D, float64 [S, count, 2]."""
        pieces = cut(first, first + count, self.piece, self._marks)
        losses = np.empty((len(self.state["diverged"]), count, 2))

        def note(index: int, piece: tuple[int, int], trained: Trained) -> None:
            begin, end = piece
            of_seeds = trained.losses.cpu().numpy().reshape(-1, end - begin, 2)
            both = zip(of_seeds, trained.finite.view(-1).tolist(), strict=True)
            for seed, (of_seed, finite) in enumerate(both, index):
                losses[seed, begin - first : end - first] = of_seed
                if self.state["diverged"][seed] < 0 and not (finite and np.isfinite(of_seed[:, 0]).all()):
                    self.state["diverged"][seed] = end * unit_steps(self._recipe)

        def train(index: int, turn: int) -> None:
            begin, end = pieces[turn]
            note(index, pieces[turn], self._seeds[index].advance(begin, end - begin))

        with products(self._recipe.precision, self._device):
            if self._on_gpu:
                queue_pieces(cast("list[CapturedSeed]", self._seeds), pieces, note)
            else:
                at_once = max(1, self._threads // self._recipe.threads)  # as many seeds as fill the processor
                in_turns(train, len(self._seeds), len(pieces), at_once, self._recipe.threads)
        for seed in self._seeds:
            seed.keep()
        if self._on_gpu:
            torch.cuda.synchronize()
        return losses


def queue_pieces(
    seeds: Sequence[CapturedSeed],
    pieces: Sequence[tuple[int, int]],
    note: Callable[[int, tuple[int, int], Trained], None],
) -> None:
    """Queue all pieces, the units of the seeds in turn; what came of a piece is noted once the next one is queued."""
    behind: tuple[tuple[int, int], list[Trained]] | None = None
    for piece in [*pieces, None]:
        queued = None
        if piece is not None:
            for seed in seeds:
                seed.begin(piece[0], piece[1] - piece[0])
            for _ in range(*piece):
                for seed in seeds:
                    seed.queue_unit()
            queued = piece, [seed.end() for seed in seeds]
        if behind is not None:
            for index, trained in enumerate(behind[1]):
                if trained.done is not None:
                    trained.done.synchronize()  # until the piece is trained, not what is queued behind it
                note(index, behind[0], trained)
        behind = queued


@contextmanager
def products(precision: str, device: str) -> Iterator[None]:
    """TF32 in products and convolutions on a GPU while a recipe with `precision: tf32` trains; off for every other."""
    if torch.device(device).type != "cuda":
        yield
        return
    matmul, cudnn = torch.backends.cuda.matmul, cast(Any, torch.backends.cudnn)
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


def recorded(recipe: Recipe) -> bool:
    """Whether a CUDA graph can record what the recipe's objectives and its optimiser compute."""
    return all(entry.on_device for entry in (*map(named, objectives_of(recipe)), optimiser_of(recipe)[0]))


def seed_trainings(
    way: str, build: Build, recipe: Recipe, seeds: Sequence[int], data: Samples, device: str, state: State
) -> list[SeedTraining]:
    """Each seed's training, `way` being kernel, eager or captured: as the reference computes, or the fast ways."""
    if way == "kernel":
        from replication.training.toy.engine import kernel_seeds

        return [*kernel_seeds(build(), recipe, seeds, data.values.numpy(), state)]
    from replication.training.batched import CapturedBatch, bind_batch, trains_batched
    from replication.training.captured import CapturedSeed
    from replication.training.eager import EagerSeed

    for name in state:  # what training changes
        if name.startswith((*SIDES, *BESIDE, SELECTED)) or name in ("steps", "balance"):
            state[name] = state[name].to(device)
    moved = Samples(data.values.to(device), None if data.labels is None else data.labels.to(device))
    learnt = labels_of(recipe, seeds, data)
    if way == "captured" and trains_batched(build(), recipe):
        return [CapturedBatch(bind_batch(build, state), recipe, moved, seeds, learnt)]
    kind = {"eager": EagerSeed, "reference": partial(EagerSeed, at_once=True), "captured": CapturedSeed}[way]
    runs = zip(bind_runs(build, state, memory_format(device, recipe.precision)), seeds, learnt, strict=True)
    return [kind(run, recipe, moved, seed, labelled) for run, seed, labelled in runs]


def labels_of(recipe: Recipe, seeds: Sequence[int], data: Samples) -> list[LabelledRows]:
    """Rows of each seed's labelled samples; None where no labels are learnt."""
    if recipe.labels is None or data.labels is None:
        return [None] * len(seeds)
    labels = data.labels.cpu().numpy()
    return [labelled_rows(recipe.labels, labels, seed) for seed in seeds]
