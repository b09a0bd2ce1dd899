"""Seeds trained as one: each seed's losses and weights are those that it has alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from replication.config.recipes import Early
from replication.training.batched import CapturedBatch, bind_batch, trains_batched
from replication.training.captured import CapturedSeed
from replication.training.pieces import PIECE
from replication.training.run import bind_runs
from replication.training.state import initial_state
from replication.training.trainer import labels_of
from tests.in_small import builder, own_params
from tests.training import small as cases
from tests.training.small import small

SEEDS = (5, 0, 2)
TOLERANCE = 1e-5  # nats, and of weights: sums of stacked products round otherwise, and a game amplifies it
CASES: dict[str, dict[str, Any]] = {
    "alternate": {"inner_steps": 2, "generator_steps": 2},
    "semi-supervised": {**cases.CASES["semi-supervised"], "historical_averaging": 0.0},
    "simultaneous": {**cases.CASES["simultaneous"], "early": Early("non-saturating", 5)},
}


@pytest.mark.integration
@pytest.mark.parametrize("name", CASES)
def test_a_seed_of_a_block_is_the_seed_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PIECE, "captured", 5)
    case = small(normalised=False, noisy=True, updates=300, **CASES[name])
    assert trains_batched(case.build(), case.recipe)
    labelled = labels_of(case.recipe, SEEDS, case.data)
    stacked, apart = (initial_state(case.build, case.recipe, SEEDS, case.data) for _ in range(2))
    together = CapturedBatch(bind_batch(case.build, stacked), case.recipe, case.data, SEEDS, labelled)
    runs = bind_runs(case.build, apart)
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
            stored = together._run.tensors[name]
            torch.testing.assert_close(stored if name == "steps" else stored[index], tensor, rtol=0, atol=TOLERANCE)
    assert len({float(loss) for loss in trained.losses[:, -1, 0]}) == 3


@pytest.mark.parametrize(
    ("model", "name", "variant", "batched"),
    [
        ("gan", "mnist", "code", True),
        ("improved_gan", "mnist-100", "code", True),
        ("dcgan", "mnist-gan", "code", False),
        ("dcgan", "digits", "paper", False),
        ("deligan", "mnist", "code", False),
    ],
)
def test_which_recipes_train_so(model: str, name: str, variant: str, batched: bool) -> None:
    recipe, side = own_params().recipe(model, name, variant), 8 if name == "digits" else 28
    assert trains_batched(builder(model, recipe, (1, side, side), 10)(), recipe) == batched
