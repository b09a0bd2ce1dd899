"""The trainer: one loop for every recipe. A block of seeds advances chunk by chunk, and can stop at any of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from replication.errors import InputError
from replication.models.layers import Networks
from replication.recipes import Recipe
from replication.training import checkpoints, eager
from replication.training.draws import Draws, draw_units, unit_steps
from replication.training.state import State, finite_seeds, initial_state, weights_of

CHUNK = {"kernel": 800, "eager": 50}  # units drawn, trained and logged together
CHECKPOINT_SECONDS = 10.0
HISTORY_POINTS = 2000


@dataclass(frozen=True)
class Outcome:
    snapshots: dict[int, State]  # step → networks of every seed, stacked
    history: np.ndarray  # float32 [S, points, 2]: losses of G and D, each the mean over a window of steps
    window: int  # steps a point of the history averages over
    diverged: tuple[int, ...]  # per seed the step at which a weight or G's loss was seen not finite; −1 for none


def train_block(
    build: Callable[[], Networks],
    recipe: Recipe,
    seeds: Sequence[int],
    data: Tensor,
    directory: Path,
    device: str = "cpu",
    threads: int = 1,
    name: str = "training",
) -> Outcome:
    """Train a block of seeds, going on from the checkpoint in `directory` where there is one.

    `data` is uint8 images [n, C, H, W] or float32 points [n, 2].

    Raises:
        InputError: fewer samples than one batch, or a corrupt checkpoint.
    """
    if len(data) < recipe.batch:
        raise InputError(
            f"{name}: {len(data)} training samples do not fill one batch of {recipe.batch}; choose a larger split."
        )
    units, window, marks = recipe.updates // unit_steps(recipe), history_window(recipe), scored_units(recipe)
    first, state = _begin(build, recipe, seeds, units // window, directory)
    advance, saved = _engine(build, recipe, state, data, device, threads), time.monotonic()
    with tqdm(total=units, initial=first, desc=name, unit="unit", mininterval=1.0) as progress:
        for begin, end in chunks(units, CHUNK[recipe.engine], marks):
            if begin < first:
                continue
            losses = advance(draw_units(recipe, seeds, len(data), begin, end - begin), begin)
            _log(state, losses, begin, window)
            _note_divergence(state, losses, end * unit_steps(recipe))
            progress.update(end - begin)
            if end in marks:
                _take_snapshot(directory, end, state)
            if end in marks or time.monotonic() - saved > CHECKPOINT_SECONDS:
                checkpoints.write_state(directory, "state", end, state)
                saved = time.monotonic()
    snapshots = {unit * unit_steps(recipe): _read_snapshot(directory, unit) for unit in marks}
    diverged = tuple(int(step) for step in state["diverged"])
    return Outcome(snapshots, state["history"].numpy(), window * unit_steps(recipe), diverged)


def chunks(units: int, size: int, marks: Sequence[int]) -> list[tuple[int, int]]:
    """The same cuts in every process: at multiples of `size` and at every mark."""
    edges = sorted({0, units, *range(0, units, size), *marks})
    return list(zip(edges, edges[1:], strict=False))


def scored_units(recipe: Recipe) -> tuple[int, ...]:
    """The units after which the networks are kept for scoring."""
    units = recipe.updates // unit_steps(recipe)
    return tuple(sorted({round(share * units) for share in recipe.scored_shares}))


def history_window(recipe: Recipe) -> int:
    """How many units one point of the history averages over; it divides the length of the run."""
    units = recipe.updates // unit_steps(recipe)
    return next(w for w in range(max(1, units // HISTORY_POINTS), units + 1) if units % w == 0)


def _begin(
    build: Callable[[], Networks], recipe: Recipe, seeds: Sequence[int], points: int, directory: Path
) -> tuple[int, State]:
    """The unit and state of the checkpoint, or the start of a new training."""
    found = checkpoints.read_state(directory, "state")
    if found:
        return found
    state = initial_state(build, recipe, seeds)
    state["history"] = torch.zeros(len(seeds), points, 2)
    state["diverged"] = torch.full((len(seeds),), -1, dtype=torch.int64)
    if 0 in scored_units(recipe):
        _take_snapshot(directory, 0, state)
    return 0, state


def _engine(
    build: Callable[[], Networks], recipe: Recipe, state: State, data: Tensor, device: str, threads: int
) -> Callable[[Draws, int], np.ndarray]:
    if recipe.engine == "kernel":
        from replication.training import toy_engine

        networks = build()
        return lambda draws, begin: toy_engine.advance(state, networks, recipe, data.numpy(), draws, begin, threads)
    for name in [name for name in state if name.startswith(("generator", "discriminator", "first", "second"))]:
        state[name] = state[name].to(device)
    runs = eager.bind_runs(build, state)
    on_device = data.to(device)
    return lambda draws, begin: eager.advance(runs, recipe, on_device, draws, begin, threads)


def _log(state: State, losses: np.ndarray, begin: int, window: int) -> None:
    """Add each unit's losses to its point of the history; a point past the end of the chunk stays partial."""
    history = state["history"]
    points = torch.from_numpy(np.arange(begin, begin + losses.shape[1]) // window)
    history.index_add_(1, points, torch.from_numpy(losses / window).to(history.dtype))


def _note_divergence(state: State, losses: np.ndarray, step: int) -> None:
    finite = finite_seeds(state) & np.isfinite(losses[:, :, 0]).all(axis=1)
    state["diverged"][torch.from_numpy(~finite) & (state["diverged"] < 0)] = step


def _take_snapshot(directory: Path, unit: int, state: State) -> None:
    checkpoints.write_state(directory, f"snapshot{unit}", unit, {k: v.cpu() for k, v in weights_of(state).items()})


def _read_snapshot(directory: Path, unit: int) -> State:
    found = checkpoints.read_state(directory, f"snapshot{unit}")
    if not found:
        raise InputError(
            f"{directory} lacks the snapshot of unit {unit}: delete this folder and run the command again."
        )
    return found[1]
