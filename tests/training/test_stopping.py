"""The stopping rule keeps the best of the generators that it compares, by a likelihood computed again here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from replication.config.recipes import Adam, Stopping
from replication.foundation.errors import InputError
from replication.foundation.seeding import generator as stream_of
from replication.models.layers.networks import Networks
from replication.training.block import Outcome, train_block
from replication.training.eager import EagerSeed
from replication.training.initialise import Samples
from replication.training.pieces import Trained
from replication.training.state import State, bind
from replication.training.stopping import selection_units
from tests.training.small import LIVELY, PLAIN, assert_same, small, stop_at

pytestmark = pytest.mark.integration

SEEDS = (3, 0, 8, 1)
MARKS = (2, 4, 6, 8)
RULE = Stopping(every=2, samples=16, sigma_points=5)


# Steps so large that the last generator is seldom the best.
CASE = small(adam=Adam(0.05, 0.5), stopping=RULE, scored_shares=(0.0, 0.25, 0.5, 0.75, 1.0))
HELD_OUT = torch.randint(0, 256, (9, 1, 2, 2), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def train(directory: Path, held_out: Tensor | None = HELD_OUT, **changes: Any) -> Outcome:
    directory.mkdir(exist_ok=True)
    recipe = replace(CASE.recipe, **changes)
    return train_block(CASE.build, recipe, SEEDS, CASE.data, directory, validation=held_out, name="a cell")


@torch.no_grad()
def likelihood(networks: Networks, seed: int) -> float:
    """Mean log density of the held-out images under Gaussian kernels on samples, the best σ of the first five."""
    noise = torch.from_numpy(stream_of(seed, "stopping").standard_normal((3, 6, 3), np.float32))
    samples = torch.cat([networks.generator.train()(batch, torch.zeros(6, dtype=torch.int64)) for batch in noise])[:16]
    points = HELD_OUT.flatten(1).double().numpy() / 127.5 - 1
    squared = ((points[:, None] - samples.flatten(1).double().numpy()[None]) ** 2).sum(2)
    means, first = [], []
    for sigma in np.logspace(-1, 0, 10):
        densities = np.exp(-squared / (2 * sigma**2)).mean(1) / (sigma * np.sqrt(2 * np.pi)) ** 4
        logs = np.log(np.maximum(densities, 1e-300))
        means.append(logs.mean())
        first.append(logs[:5].mean())
    return means[int(np.argmax(first))]


def test_the_generator_kept_is_the_best_of_those_compared(tmp_path: Path) -> None:
    unstopped = train(tmp_path / "unstopped", None, stopping=None)
    outcome = train(tmp_path / "stopped")
    for index, seed in enumerate(SEEDS):
        values = []
        for mark in MARKS:
            networks = CASE.build()
            bind(networks, unstopped.snapshots[mark], index)
            values.append(likelihood(networks, seed))
        best = MARKS[int(np.argmax(values))]
        assert outcome.selected[index] == best
        for name, tensor in outcome.snapshots[8].items():
            source = best if name.startswith("generator") else 8
            assert torch.equal(tensor[index], unstopped.snapshots[source][name][index]), name
    assert len(set(outcome.selected)) > 1 and unstopped.selected == ()
    for mark in (0, 2, 4, 6):  # what was scored on the way is as it was
        assert_same(outcome.snapshots[mark], unstopped.snapshots[mark])
    np.testing.assert_array_equal(outcome.history, unstopped.history)


@pytest.mark.parametrize("stop", [2, 4])
def test_a_stopped_training_selects_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int) -> None:
    whole, calls = train(tmp_path / "whole"), stop_at(monkeypatch, stop)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "killed")
    resumed = train(tmp_path / "killed")
    assert calls == [5] and resumed.selected == whole.selected
    assert_same(whole.snapshots[8], resumed.snapshots[8])


@pytest.mark.parametrize(("lost", "selected"), [(2, 2), (1, -1)])
def test_a_generator_that_is_not_finite_is_never_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: int, selected: int
) -> None:
    real = EagerSeed.advance

    def planted(training: EagerSeed, first: int, count: int) -> Trained:
        trained = real(training, first, count)
        if training._seed == SEEDS[1] and first + count >= 2 * lost:
            for parameter in training._run.networks.generator.parameters():
                parameter.detach().fill_(torch.nan)
        return trained._replace(finite=training._run.finite())

    monkeypatch.setattr(EagerSeed, "advance", planted)
    outcome = train(tmp_path)
    assert outcome.selected[1] == selected and outcome.diverged[1] == 2 * lost
    best: State = outcome.snapshots[max(selected, 0)]
    for name, tensor in outcome.snapshots[8].items():
        if name.startswith("generator"):
            assert torch.equal(tensor[1], best[name][1]) and torch.isfinite(tensor.double()).all()
    assert min(outcome.selected[0], *outcome.selected[2:]) > 0


@pytest.mark.parametrize("validation", [None, torch.empty(0, 1, 2, 2, dtype=torch.uint8)])
def test_without_held_out_images_nothing_is_trained(tmp_path: Path, validation: Tensor | None) -> None:
    with pytest.raises(InputError, match="^a cell: the stopping rule .*; choose a smaller split"):
        train(tmp_path, validation)
    assert not list(tmp_path.iterdir())


def test_units_compared() -> None:
    assert selection_units(PLAIN) == ()
    for updates, units in ((10, (4, 8, 10)), (8, (4, 8))):
        assert selection_units(replace(PLAIN, updates=updates, stopping=replace(RULE, every=4))) == units
    changes = {"schedule": "balanced", "inner_steps": 5, "balance": LIVELY, "stopping": replace(RULE, every=20)}
    assert selection_units(replace(PLAIN, updates=50, **changes)) == (4, 8, 10)


def test_points_that_are_no_images_can_be_compared(tmp_path: Path) -> None:
    outcomes = []
    for name, scale in (("images", lambda pixels: pixels), ("points", lambda pixels: pixels.float() / 127.5 - 1)):
        (tmp_path / name).mkdir()
        data, options = Samples(scale(CASE.data.values)), {"validation": scale(HELD_OUT)}
        outcomes.append(train_block(CASE.build, CASE.recipe, (3,), data, tmp_path / name, **options))
    assert outcomes[0].selected == outcomes[1].selected
