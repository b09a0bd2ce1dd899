"""A block of seeds: pieces are cut where draws and objectives say, and the fast way gives what the reference gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from replication.recipes import Early, Labels, Recipe
from replication.training import trainer
from replication.training.captured import CapturedSeed
from replication.training.eager import EagerSeed
from replication.training.pieces import PIECE, Trained
from replication.training.trainer import Trainer, labels_of, seed_trainings


def test_a_piece_has_one_objective(small: Callable[..., Any], recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    case = small(replace(recipe, objective="saturating", early=Early("non-saturating", 3)))
    real, calls = EagerSeed.advance, []

    def watched(own: EagerSeed, first: int, count: int) -> Trained:
        calls.append((first, count))
        return real(own, first, count)

    monkeypatch.setattr(EagerSeed, "advance", watched)
    monkeypatch.setitem(PIECE, "eager", 4)
    Trainer(case.build, case.recipe, (0,), case.data).advance(0, 8)
    assert calls == [(0, 3), (3, 1), (4, 4)]


def test_the_state_is_that_of_the_last_unit(small: Callable[..., Any], recipe: Recipe) -> None:
    case = small(recipe, noisy=True)
    whole, parts = (Trainer(case.build, recipe, (4, 1), case.data, threads=2, marks=(3,)) for _ in range(2))
    losses = whole.advance(0, 7)
    np.testing.assert_array_equal(np.concatenate([parts.advance(0, 3), parts.advance(3, 4)], axis=1), losses)
    for name, tensor in whole.state.items():
        torch.testing.assert_close(parts.state[name], tensor, rtol=0, atol=0, equal_nan=True, msg=name)
    assert losses.shape == (2, 7, 2) and whole.state["steps"].tolist() == [[7, 7], [7, 7]]


def test_captured_seeds_train_beside_each_other_as_the_reference(
    small: Callable[..., Any], recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU, where a captured unit is called in place of a graph's replay."""
    case, seeds = small(recipe, noisy=True), (5, 0, 2)
    reference = Trainer(case.build, recipe, seeds, case.data)
    real = seed_trainings
    monkeypatch.setattr(trainer, "seed_trainings", lambda way, *rest: real("captured", *rest))
    fast = Trainer(case.build, recipe, seeds, case.data)
    assert all(isinstance(seed, CapturedSeed) for seed in fast._seeds)
    np.testing.assert_array_equal(fast.advance(0, 6), reference.advance(0, 6))
    for name, tensor in reference.state.items():
        torch.testing.assert_close(fast.state[name], tensor, rtol=0, atol=0, equal_nan=True, msg=name)


def test_each_seed_has_its_own_labels(small: Callable[..., Any], recipe: Recipe) -> None:
    labelled = replace(recipe, labels=Labels(2))
    data = small(labelled, outputs=3).data
    one, other = labels_of(labelled, (0, 1), data)
    assert one is not None and other is not None and len(one) == len(other) == 6 and set(one) != set(other)
    assert labels_of(recipe, (0, 1), data) == [None, None]
