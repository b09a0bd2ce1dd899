"""The loss threshold that balances DeLiGAN's two networks, against the rules of the released toy code."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from replication.config.recipes import Balance
from replication.models import load
from replication.training.balance import move_threshold
from replication.training.toy import engine as toy_engine
from replication.training.toy.plan import plan_of
from tests.in_small import own_params, plain_recipe

# Released toy code: +.01, at most 1, after more than 10 generator steps; −.001 below a count of −150; floor .73 to .70.
TOY = Balance(1.0, 1.0, 0.73, 10, 0.01, -150, 0.001, floor_count=-1000, floor_by=0.005, floor_least=0.70)
DENSE = {"hidden": [2], "nonlinearity": "tanh"}
RECIPE = plain_recipe(
    engine="kernel", discriminator_scale=1.0, schedule="balanced", inner_steps=5, network=DENSE, balance=TOY
)
CASES = {
    # before (threshold, count, floor), an epoch starts, after
    "ten generator steps are not too many": ((0.9, 10, 0.73), False, (0.9, 10, 0.73)),
    "eleven are, and the count starts anew": ((0.9, 11, 0.73), False, (0.91, 0, 0.73)),
    "never above the ceiling": ((0.995, 11, 0.73), False, (1.0, 0, 0.73)),
    "a count of -150 is not too low": ((0.9, -150, 0.73), False, (0.9, -150, 0.73)),
    "-151 is": ((0.9, -151, 0.73), False, (0.899, 0, 0.73)),
    "never below the floor": ((0.7305, -151, 0.73), False, (0.73, 0, 0.73)),
    "at the floor the count goes on falling": ((0.73, -400, 0.73), False, (0.73, -400, 0.73)),
    "which lowers the floor at the start of an epoch": ((0.73, -1001, 0.73), True, (0.729, 0, 0.725)),
    "and only there": ((0.73, -1001, 0.73), False, (0.73, -1001, 0.73)),
    "and only below a count of -1000": ((0.73, -1000, 0.73), True, (0.73, -1000, 0.73)),
    "and not below the least floor": ((0.70, -1001, 0.70), True, (0.70, -1001, 0.70)),
}


@pytest.mark.parametrize("name", CASES)
def test_hand_cases(name: str) -> None:
    before, epoch_starts, after = CASES[name]
    state = torch.tensor([*before, 0.4, 0.6], dtype=torch.float64)
    move_threshold(state, TOY, torch.tensor(epoch_starts))
    assert state.tolist() == pytest.approx([*after, 0.4, 0.6], abs=1e-12)


def test_params_hold_the_released_rules() -> None:
    params = own_params()
    assert params.recipe("deligan", "toy", "code").balance == TOY
    digits = params.recipe("deligan", "digits", "code").balance
    # Released MNIST code: after more than 3 generator steps in a row, after more than 1 of the discriminator.
    assert digits == Balance(1.0, 1.0, 0.70, 3, 0.003, -1, 0.003, in_a_row=True)


def test_both_engines_move_it_alike() -> None:
    stream = np.random.default_rng(0)
    build = load("deligan").build
    for _ in range(20):
        floor, threshold, ceiling = sorted(stream.uniform(0, 1, 3).tolist())
        rule = Balance(threshold, ceiling, floor, 3, 0.05, -3, 0.07, -5, 0.02, floor_least=floor / 2)
        settings = plan_of(build(RECIPE.network, RECIPE.prior, 2, (2,)), replace(RECIPE, balance=rule), 8).thresholds
        for _ in range(20):
            state = np.array([*stream.uniform(0, 1, 3), 0.0, 0.0])
            state[1] = stream.integers(-8, 6)
            expected = torch.from_numpy(state.copy())
            starts = bool(stream.integers(2))
            move_threshold(expected, rule, torch.tensor(starts))
            toy_engine._move_threshold.py_func(state, settings, starts)
            assert state.tolist() == expected.tolist()
