"""Seeds trained as one: each seed's losses and weights are those that it has alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from replication.config.recipes import Early, Recipe
from replication.models import load
from replication.training.batched import CapturedBatch, bind_batch, trains_batched
from replication.training.captured import CapturedSeed
from replication.training.pieces import PIECE
from replication.training.run import bind_runs
from replication.training.state import initial_state
from replication.training.trainer import Trainer, labels_of, seed_trainings
from tests.in_small import own_params
from tests.training import conftest

SEEDS = (5, 0, 2)
TOLERANCE = 1e-5  # nats, and of weights: sums of stacked products round otherwise, and a game amplifies it
CASES: dict[str, dict[str, Any]] = {
    "alternate": {"inner_steps": 2, "generator_steps": 2},
    "semi-supervised": {**conftest.CASES["semi-supervised"], "historical_averaging": 0.0},
    "simultaneous": {**conftest.CASES["simultaneous"], "early": Early("non-saturating", 5)},
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, small: Callable[..., Any], recipe: Recipe) -> Any:
    changes = CASES[request.param]
    changed = replace(recipe, updates=300, **changes)
    return small(changed, normalised=False, noisy=True, outputs=3 if "labels" in changes else 1)


def batch_of(case: Any, seeds: tuple[int, ...]) -> CapturedBatch:
    state = initial_state(case.build, case.recipe, seeds, case.data)
    labelled = labels_of(case.recipe, seeds, case.data)
    return CapturedBatch(bind_batch(case.build, state), case.recipe, case.data, seeds, labelled)


@pytest.mark.integration
def test_a_seed_of_a_block_is_the_seed_alone(case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PIECE, "captured", 5)
    assert trains_batched(case.build(), case.recipe)
    together, state = batch_of(case, SEEDS), initial_state(case.build, case.recipe, SEEDS, case.data)
    labelled = labels_of(case.recipe, SEEDS, case.data)
    runs = bind_runs(case.build, state)
    alone = [
        CapturedSeed(run, case.recipe, case.data, seed, rows)
        for run, seed, rows in zip(runs, SEEDS, labelled, strict=True)
    ]
    for first, end in ((0, 5), (5, 9)):
        trained = together.advance(first, end - first)
        assert trained.losses.shape == (3, end - first, 2) and trained.finite.tolist() == [True] * 3
        for losses, seed in zip(trained.losses, alone, strict=True):
            torch.testing.assert_close(losses, seed.advance(first, end - first).losses, rtol=0, atol=TOLERANCE)
    for index, run in enumerate(runs):
        for name, tensor in run.tensors.items():
            kept = together._run.tensors[name]
            torch.testing.assert_close(kept if name == "steps" else kept[index], tensor, rtol=0, atol=TOLERANCE)
    assert len({float(loss) for loss in trained.losses[:, -1, 0]}) == 3


def test_a_block_on_a_gpu_trains_its_seeds_as_one(
    small: Callable[..., Any], recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU, where the recorded unit is called: losses, divergence and state go where each seed's belong."""
    monkeypatch.setitem(PIECE, "captured", 4)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    case = small(recipe, normalised=False)
    reference, fast = (Trainer(case.build, recipe, SEEDS, case.data, marks=(4,)) for _ in range(2))
    fast.state["generator.body.0.weight"][1] = torch.nan
    reference.state["generator.body.0.weight"][1] = torch.nan
    reference._seeds = seed_trainings("eager", case.build, recipe, SEEDS, case.data, "cpu", reference.state)
    fast._seeds = seed_trainings("captured", case.build, recipe, SEEDS, case.data, "cpu", fast.state)
    fast._on_gpu, fast.piece = True, PIECE["captured"]
    assert [type(seed) for seed in fast._seeds] == [CapturedBatch]
    np.testing.assert_allclose(fast.advance(0, 7), reference.advance(0, 7), rtol=0, atol=TOLERANCE, equal_nan=True)
    for name, tensor in reference.state.items():
        torch.testing.assert_close(fast.state[name], tensor, rtol=0, atol=TOLERANCE, equal_nan=True, msg=name)
    assert fast.state["diverged"].tolist() == [-1, 4, -1]


def test_which_recipes_train_so() -> None:
    params, root = own_params(), {}
    for model, name, variant in (
        ("gan", "mnist", "code"),
        ("improved_gan", "mnist-100", "code"),
        ("dcgan", "mnist-gan", "code"),
        ("dcgan", "digits", "paper"),
        ("deligan", "mnist", "code"),
    ):
        recipe = params.recipe(model, name, variant)
        side = 8 if name == "digits" else 28
        networks = load(model).build(recipe.network, recipe.prior, recipe.latent_dim, (1, side, side), 10)
        root[model, name] = trains_batched(networks, recipe)
    assert [key for key, batched in root.items() if batched] == [("gan", "mnist"), ("improved_gan", "mnist-100")]
