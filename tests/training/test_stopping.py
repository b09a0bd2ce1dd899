"""The stopping rule keeps the best of the generators that it compares, by a likelihood computed again here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from replication.config.recipes import Adam, Balance, Recipe, Stopping
from replication.foundation.errors import InputError
from replication.foundation.seeding import generator as stream_of
from replication.models.layers.networks import Networks
from replication.training.block import Outcome, train_block
from replication.training.eager import EagerSeed
from replication.training.initialise import Samples
from replication.training.pieces import Trained, cut
from replication.training.state import State, bind
from replication.training.stopping import selection_units
from replication.training.trainer import Trainer

pytestmark = pytest.mark.integration

SEEDS = (3, 0, 8, 1)
MARKS = (2, 4, 6, 8)
RULE = Stopping(every=2, samples=16, sigma_points=5)


@pytest.fixture
def case(small: Callable[..., Any], recipe: Recipe) -> Any:
    """Steps so large that the last generator is seldom the best."""
    return small(replace(recipe, adam=Adam(0.05, 0.5), stopping=RULE, scored_shares=(0.0, 0.25, 0.5, 0.75, 1.0)))


@pytest.fixture
def held_out() -> Tensor:
    return torch.randint(0, 256, (9, 1, 2, 2), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def train(case: Any, directory: Path, held_out: Tensor | None, **changes: Any) -> Outcome:
    directory.mkdir(exist_ok=True)
    recipe = replace(case.recipe, **changes)
    return train_block(case.build, recipe, SEEDS, case.data, directory, validation=held_out, name="a cell")


@torch.no_grad()
def likelihood(networks: Networks, recipe: Recipe, seed: int, held_out: Tensor) -> float:
    """Mean log density of the held-out images under Gaussian kernels on samples, the best σ of the first five."""
    noise = torch.from_numpy(stream_of(seed, "stopping").standard_normal((3, 6, 3), np.float32))
    made = torch.cat([networks.generator.train()(batch, torch.zeros(6, dtype=torch.int64)) for batch in noise])[:16]
    points = held_out.flatten(1).double().numpy() / 127.5 - 1
    squared = ((points[:, None] - made.flatten(1).double().numpy()[None]) ** 2).sum(2)
    means, first = [], []
    for sigma in np.logspace(-1, 0, 10):
        densities = np.exp(-squared / (2 * sigma**2)).mean(1) / (sigma * np.sqrt(2 * np.pi)) ** 4
        logs = np.log(np.maximum(densities, 1e-300))
        means.append(logs.mean())
        first.append(logs[:5].mean())
    return means[int(np.argmax(first))]


def test_the_generator_kept_is_the_best_of_those_compared(case: Any, held_out: Tensor, tmp_path: Path) -> None:
    unstopped = train(case, tmp_path / "unstopped", None, stopping=None)
    outcome = train(case, tmp_path / "stopped", held_out)
    for index, seed in enumerate(SEEDS):
        values = []
        for mark in MARKS:
            networks = case.build()
            bind(networks, unstopped.snapshots[mark], index)
            values.append(likelihood(networks, case.recipe, seed, held_out))
        best = MARKS[int(np.argmax(values))]
        assert outcome.selected[index] == best
        for name, tensor in outcome.snapshots[8].items():
            source = best if name.startswith("generator") else 8
            assert torch.equal(tensor[index], unstopped.snapshots[source][name][index]), name
    assert len(set(outcome.selected)) > 1 and unstopped.selected == ()
    for mark in (0, 2, 4, 6):  # what was scored on the way is as it was
        for name, tensor in outcome.snapshots[mark].items():
            assert torch.equal(tensor, unstopped.snapshots[mark][name])
    np.testing.assert_array_equal(outcome.history, unstopped.history)


@pytest.mark.parametrize("stop", [2, 4])
def test_a_stopped_training_selects_the_same(
    case: Any, held_out: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    whole, real, calls = train(case, tmp_path / "whole", held_out), Trainer.advance, []

    def killed(*arguments: Any) -> np.ndarray:
        calls.append(arguments)
        if len(calls) == stop:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(Trainer, "advance", killed)
    with pytest.raises(KeyboardInterrupt):
        train(case, tmp_path / "killed", held_out)
    resumed = train(case, tmp_path / "killed", held_out)
    assert len(calls) == 5 and resumed.selected == whole.selected
    for name, tensor in whole.snapshots[8].items():
        assert torch.equal(resumed.snapshots[8][name], tensor)


@pytest.mark.parametrize(("lost", "selected"), [(2, 2), (1, -1)])
def test_a_generator_that_is_not_finite_is_never_kept(
    case: Any, held_out: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: int, selected: int
) -> None:
    real = EagerSeed.advance

    def planted(own: EagerSeed, first: int, count: int) -> Trained:
        trained = real(own, first, count)
        if own._seed == SEEDS[1] and first + count >= 2 * lost:
            for parameter in own._run.networks.generator.parameters():
                parameter.detach().fill_(torch.nan)
        return trained._replace(finite=own._run.finite())

    monkeypatch.setattr(EagerSeed, "advance", planted)
    outcome = train(case, tmp_path, held_out)
    assert outcome.selected[1] == selected and outcome.diverged[1] == 2 * lost
    kept: State = outcome.snapshots[max(selected, 0)]
    for name, tensor in outcome.snapshots[8].items():
        if name.startswith("generator"):
            assert torch.equal(tensor[1], kept[name][1]) and torch.isfinite(tensor.double()).all()
    assert min(outcome.selected[0], *outcome.selected[2:]) > 0


@pytest.mark.parametrize("validation", [None, torch.empty(0, 1, 2, 2, dtype=torch.uint8)])
def test_without_held_out_images_nothing_is_trained(case: Any, tmp_path: Path, validation: Tensor | None) -> None:
    with pytest.raises(InputError) as caught:
        train(case, tmp_path, validation)
    assert str(caught.value) == (
        "a cell: the stopping rule measures training samples outside of the split, and there are none; choose a "
        "smaller split."
    )
    assert not list(tmp_path.iterdir())


def test_units_compared(recipe: Recipe) -> None:
    assert selection_units(recipe) == ()
    assert selection_units(replace(recipe, updates=10, stopping=replace(RULE, every=4))) == (4, 8, 10)
    assert selection_units(replace(recipe, updates=8, stopping=replace(RULE, every=4))) == (4, 8)
    balance = Balance(1.0, 1.0, 0.7, 3, 0.003, -1, 0.003)
    balanced = replace(recipe, schedule="balanced", inner_steps=5, balance=balance, updates=50, stopping=RULE)
    assert selection_units(replace(balanced, stopping=replace(RULE, every=20))) == (4, 8, 10)
    assert cut(0, 10, 50, (4, 8, 10)) == [(0, 4), (4, 8), (8, 10)]


def test_points_that_are_no_images_can_be_compared(case: Any, held_out: Tensor, tmp_path: Path) -> None:
    points = Samples(case.data.values.float() / 127.5 - 1)
    outcomes = []
    for name, data, validation in (("images", case.data, held_out), ("points", points, held_out.float() / 127.5 - 1)):
        (tmp_path / name).mkdir()
        outcomes.append(train_block(case.build, case.recipe, (3,), data, tmp_path / name, validation=validation))
    assert outcomes[0].selected == outcomes[1].selected
