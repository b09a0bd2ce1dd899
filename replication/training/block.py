"""A block of seeds trains stretch by stretch, and can stop after any of them and go on from its checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from replication.config.recipes import Recipe
from replication.foundation.errors import InputError, Stopped
from replication.models.layers.networks import Build
from replication.training import checkpoints
from replication.training.effects import check_training
from replication.training.initialise import Samples
from replication.training.schedule import unit_steps, units_of
from replication.training.state import State, initial_state, weights_of
from replication.training.stopping import STEP, select_generators, selection_units, start_selection, with_selected
from replication.training.trainer import Trainer

STRETCH_SECONDS = 2.0  # of training between two looks at the clock
HISTORY_POINTS = 2000
Stop = Callable[[int, int], bool]  # asked with the update that was reached and how many there are


def never(update: int, of: int) -> bool:
    """The question whether to stop, where nobody asks."""
    return False


class Paused(Stopped):
    """A training stopped at a checkpoint, because it was asked to, and goes on from there."""

    def __init__(self, update: int, of: int) -> None:
        super().__init__(f"stopped at update {update} of {of}")


@dataclass(frozen=True)
class Outcome:
    snapshots: dict[int, State]  # step → networks of every seed, stacked
    history: np.ndarray  # float32 [S, points, 2]: losses of G and D, each the mean over a window of steps
    window: int  # steps a point of the history averages over
    diverged: tuple[int, ...]  # per seed the step at which a weight or G's loss was seen not finite; −1 for none
    selected: tuple[int, ...] = ()  # per seed the step of the generator kept, where the recipe has a stopping rule


def train_block(
    build: Build,
    recipe: Recipe,
    seeds: Sequence[int],
    data: Samples,
    directory: Path,
    device: str = "cpu",
    threads: int = 1,
    name: str = "training",
    validation: Tensor | None = None,
    stop: Stop = never,
    clock: checkpoints.TrainingClock | None = None,
) -> Outcome:
    """Train a block of seeds, going on from the checkpoint in `directory` where there is one.

    `validation` holds samples that are not trained on, for a stopping rule. `stop` is asked after each stretch: one
    piece of every seed, or as many as take two seconds. Where it says so, a checkpoint is written and `Paused` raised.

    Raises:
        InputError: too few samples, no labels or held-out samples that the recipe needs, or a corrupt checkpoint.
    """
    held_out = validation.to(device) if recipe.stopping and validation is not None else data.values[:0]
    check_training(build, recipe, data, len(held_out), name)
    units, marks, compared = units_of(recipe), scored_units(recipe), selection_units(recipe)
    first, state = _begin(build, recipe, seeds, data, directory)
    stops = sorted({*marks, *compared, units})
    trainer = Trainer(build, recipe, seeds, data, device, threads, state, stops)
    progress = tqdm(total=units, initial=first, desc=name, unit="unit", mininterval=1.0)
    with checkpoints.Writer(directory, clock) as writer, progress:
        for begin, end in _stretches(first, stops, trainer.piece, progress):
            _log(state, trainer.advance(begin, end - begin), begin, history_window(recipe))
            if end in compared:
                select_generators(build, recipe, state, seeds, end * unit_steps(recipe), held_out, threads)
            if end in marks:
                writer.write(f"snapshot{end}", end, weights_of(with_selected(state) if end == units else state))
            stopping = end < units and stop(end * unit_steps(recipe), recipe.updates)
            writer.write("state", end, state, at_once=stopping or end in marks)
            if stopping:
                raise Paused(end * unit_steps(recipe), recipe.updates)
    return _outcome(recipe, state, directory)


def _outcome(recipe: Recipe, state: State, directory: Path) -> Outcome:
    """What came of a training that is at its end."""
    steps = unit_steps(recipe)
    snapshots = {unit * steps: _read_snapshot(directory, unit) for unit in scored_units(recipe)}
    diverged, selected = (tuple(state[key].tolist()) if key in state else () for key in ("diverged", STEP))
    return Outcome(snapshots, state["history"].numpy(), history_window(recipe) * steps, diverged, selected)


def _stretches(first: int, stops: Sequence[int], piece: int, progress: tqdm) -> Iterator[tuple[int, int]]:
    """From `first` to each stop in turn, in stretches of whole pieces; how long a stretch is changes no result."""
    length = piece
    for stop in stops:
        while first < stop:
            end, began = min((first // piece) * piece + length, stop), time.monotonic()
            yield first, end
            progress.update(end - first)
            seconds = time.monotonic() - began
            if seconds < STRETCH_SECONDS / 2:
                length *= 2
            elif seconds > STRETCH_SECONDS and length > piece:
                length //= 2
            first = end


def scored_units(recipe: Recipe) -> tuple[int, ...]:
    """The units after which the networks are kept for scoring."""
    return tuple(sorted({round(share * units_of(recipe)) for share in recipe.scored_shares}))


def history_window(recipe: Recipe) -> int:
    """How many units one point of the history averages over; it divides the length of the run."""
    units = units_of(recipe)
    return next(w for w in range(max(1, units // HISTORY_POINTS), units + 1) if units % w == 0)


def _begin(build: Build, recipe: Recipe, seeds: Sequence[int], data: Samples, directory: Path) -> tuple[int, State]:
    """The unit and state of the checkpoint, or the start of a new training."""
    if before := checkpoints.read_state(directory, "state"):
        return before
    state = initial_state(build, recipe, seeds, data)
    state["history"] = torch.zeros(len(seeds), units_of(recipe) // history_window(recipe), 2)
    if recipe.stopping:
        start_selection(state, seeds)
    if 0 in scored_units(recipe):
        checkpoints.write_state(directory, "snapshot0", 0, weights_of(state))
    return 0, state


def _log(state: State, losses: np.ndarray, begin: int, window: int) -> None:
    """Add each unit's losses to its point of the history; a point past the end of the stretch stays partial."""
    points = torch.from_numpy(np.arange(begin, begin + losses.shape[1]) // window)
    state["history"].index_add_(1, points, torch.from_numpy(losses / window).float())


def _read_snapshot(directory: Path, unit: int) -> State:
    if snapshot := checkpoints.read_state(directory, f"snapshot{unit}"):
        return snapshot[1]
    raise InputError(f"{directory} lacks the snapshot of unit {unit}: delete this folder and run the command again.")
