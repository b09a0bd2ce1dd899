"""A block of seeds: stopped anywhere and resumed, in any company and on any number of threads, the same bits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from replication.config.recipes import Labels, Noise, Prior, Recipe
from replication.data.embedded import draw_points
from replication.foundation.errors import InputError
from replication.models.layers.networks import Networks
from replication.training import block, checkpoints
from replication.training.block import Outcome, Paused, train_block
from replication.training.initialise import Samples
from replication.training.pieces import PIECE
from replication.training.state import State, initial_state
from replication.training.trainer import Trainer
from tests.in_small import builder, plain_recipe
from tests.training.small import SINKING, assert_same, small, stop_at

pytestmark = pytest.mark.integration

PRIOR = Prior(components=10, component="sampled", sigma_init=0.2, regulariser=0.1)
SEEDS = (3, 0, 8)
KERNEL = plain_recipe(
    engine="kernel",
    discriminator_scale=1.0,
    schedule="balanced",
    inner_steps=5,
    updates=500,
    noise=Noise("normal"),
    network={"hidden": [6], "nonlinearity": "tanh"},
    prior=PRIOR,
    balance=SINKING,
    scored_shares=(0.0, 0.25, 0.55, 1.0),
)


@dataclass(frozen=True)
class Case:
    """A small block: 100 units on the compiled engine, 8 of the loop."""

    recipe: Recipe
    build: Callable[[], Networks]
    data: Tensor
    labels: Tensor | None = None

    def train(self, directory: Path, seeds: Sequence[int] = SEEDS, **options: Any) -> Outcome:
        directory.mkdir(exist_ok=True)
        return train_block(self.build, self.recipe, seeds, Samples(self.data, self.labels), directory, **options)


@pytest.fixture(params=["kernel", "eager"])
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Both engines, in short pieces; the loop with batch normalisation, layer noise and averages."""
    monkeypatch.setattr(block, "STRETCH_SECONDS", 0.0)  # a stretch is a piece
    for engine, units in (("kernel", 20), ("eager", 2)):
        monkeypatch.setitem(PIECE, engine, units)
    if request.param == "kernel":
        points = torch.from_numpy(draw_points(((0.6, 0.6), (-0.6, -0.6)), 0.15, 20, 0).points)
        return Case(KERNEL, builder("deligan", KERNEL, (2,)), points)
    options: dict[str, Any] = {"historical_averaging": 0.1, "parameter_average": 0.1, "labels": Labels(2)}
    eager = small(noisy=True, prior=PRIOR, scored_shares=KERNEL.scored_shares, **options)
    return Case(eager.recipe, eager.build, *eager.data)


def same(first: Outcome, other: Outcome, rows: Sequence[int] | None = None) -> None:
    """Equal bit for bit; `rows` picks seeds of the second."""
    picked = list(range(len(other.diverged)) if rows is None else rows)
    assert first.snapshots.keys() == other.snapshots.keys()
    for step, state in first.snapshots.items():
        assert state.keys() == other.snapshots[step].keys()
        assert_same(state, {name: tensor[picked] for name, tensor in other.snapshots[step].items()})
    np.testing.assert_array_equal(first.history, other.history[picked])
    assert first.window == other.window
    assert first.diverged == tuple(other.diverged[index] for index in picked)


@pytest.mark.parametrize("seconds", [0.0, math.inf], ids=["after every stretch", "at scored steps alone"])
def test_a_stopped_block_goes_on_as_if_it_had_not_stopped(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", seconds)
    whole = case.train(tmp_path / "whole")
    for call in (3, 2):
        with monkeypatch.context() as patch:
            stop_at(patch, call)
            with pytest.raises(KeyboardInterrupt):
                case.train(tmp_path / "stopped")
    calls = stop_at(monkeypatch, 0)
    same(case.train(tmp_path / "stopped"), whole)
    assert calls[0] < (7 if case.recipe.engine == "kernel" else 4)  # all the stretches: it did go on
    same(case.train(tmp_path / "stopped"), whole)  # and a finished block has nothing left to do
    assert len(whole.snapshots) == 4 and whole.diverged == (-1, -1, -1)


def test_a_seed_is_the_same_in_any_block_and_on_any_number_of_threads(case: Case, tmp_path: Path) -> None:
    together = case.train(tmp_path / "together", threads=1)
    same(case.train(tmp_path / "threads", threads=2), together)
    same(case.train(tmp_path / "alone", seeds=(8,)), together, [2])
    same(case.train(tmp_path / "reordered", seeds=(0, 3), threads=2), together, [1, 0])
    last = max(together.snapshots)
    weights = together.snapshots[last]["discriminator." + next(iter(case.build().discriminator.state_dict()))]
    assert not torch.equal(weights[0], weights[1])


def test_a_planted_nan_is_recorded_with_its_step_and_stays_with_its_seed(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = case.train(tmp_path / "healthy")

    def planted(*arguments: Any) -> State:
        state = initial_state(*arguments)
        state["discriminator." + next(iter(case.build().discriminator.state_dict()))][1] = float("nan")
        return state

    monkeypatch.setattr(block, "initial_state", planted)
    outcome = case.train(tmp_path / "planted")
    steps = 20 * 5 if case.recipe.engine == "kernel" else 2  # the end of the first piece
    assert outcome.diverged == (-1, steps, -1)
    others = {
        step: {name: tensor[[0, 2]] for name, tensor in state.items()} for step, state in outcome.snapshots.items()
    }
    same(Outcome(others, outcome.history[[0, 2]], outcome.window, (-1, -1)), healthy, [0, 2])
    assert np.isnan(outcome.history[1, :, 0]).all()


def test_the_history_holds_mean_losses_of_equal_windows(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block, "HISTORY_POINTS", 4)
    losses, real = [], Trainer.advance

    def advance(*arguments: Any) -> np.ndarray:
        losses.append(real(*arguments))
        return losses[-1]

    monkeypatch.setattr(Trainer, "advance", advance)
    outcome = case.train(tmp_path)
    every = np.concatenate(losses, axis=1)
    window = every.shape[1] // 4
    assert outcome.window == window * (5 if case.recipe.engine == "kernel" else 1)
    np.testing.assert_allclose(outcome.history, every.reshape(3, 4, window, 2).mean(2), rtol=1e-5, atol=1e-6)


def test_snapshots_are_of_the_steps_named(case: Case, tmp_path: Path) -> None:
    outcome = case.train(tmp_path)
    assert list(outcome.snapshots) == [round(share * case.recipe.updates) for share in case.recipe.scored_shares]
    start = initial_state(case.build, case.recipe, SEEDS)
    for name, tensor in outcome.snapshots[0].items():
        assert torch.equal(tensor, start[name])


def test_a_split_smaller_than_a_batch_is_refused(case: Case, tmp_path: Path) -> None:
    batch = case.recipe.batch
    sentence = f"a cell: {batch - 1} training samples do not fill one batch of {batch}; choose a larger split"
    with pytest.raises(InputError, match=sentence):
        replace(case, data=case.data[: batch - 1]).train(tmp_path, name="a cell")


def test_a_corrupt_checkpoint_stops_the_run(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        stop_at(patch, 3)
        with pytest.raises(KeyboardInterrupt):
            case.train(tmp_path)
    (file,) = tmp_path.glob("state-*")
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(InputError, match=f"{file.name} is corrupt: delete it"):
        case.train(tmp_path)
    file.unlink()
    (snapshot,) = tmp_path.glob("snapshot0-*")
    content = snapshot.read_bytes()
    same(case.train(tmp_path), case.train(tmp_path / "whole"))
    assert snapshot.read_bytes() == content
    snapshot.unlink()
    with pytest.raises(InputError, match="lacks the snapshot of unit 0: delete this folder"):
        case.train(tmp_path)


def test_a_block_that_is_asked_to_stop_does_so_after_a_piece_and_goes_on(case: Case, tmp_path: Path) -> None:
    whole, pauses = case.train(tmp_path / "whole"), []
    while True:
        try:
            outcome = case.train(tmp_path / "paused", stop=lambda *_: True)
            break
        except Paused as pause:
            pauses.append(str(pause))
    same(outcome, whole)
    size = case.recipe.updates // (5 if case.recipe.engine == "kernel" else 4)  # 5 pieces of 20 units, 4 of 2
    assert pauses[0].endswith(f"of {case.recipe.updates}") and len(pauses) == len(set(pauses)) >= 3
    steps = [0, *(int(pause.split()[3]) for pause in pauses), case.recipe.updates]
    assert max(after - before for before, after in zip(steps, steps[1:], strict=False)) <= size
