"""Turns that losses decide: both updates computed and one kept, counts, the extra update, and the threshold's rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from replication.config.recipes import Adam, Balance, FeatureMatching, Labels, Prior, Sgd
from replication.models import load
from replication.training.balance import count_update, move_threshold
from replication.training.run import DeviceRates, apply_update
from replication.training.schedule import SIDES
from replication.training.toy import engine as toy_engine
from replication.training.toy.plan import plan_of
from tests.in_small import own_params, plain_recipe
from tests.training.small import LIVELY, Game, assert_same, descend, small

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {"normalised": False}),
    "batch normalisation": ({"noise_of_step": "own"}, {}),
    "dropout": ({"balance": {"judged_with": "batch"}}, {"normalised": False, "noisy": True}),
    "all of it": (
        {
            "balance": {"in_a_row": True, "extra_rate": 0.5},
            "prior": Prior(components=6, sigma_init=0.2, regulariser=0.1),
            "labels": Labels(2),
            "historical_averaging": 0.1,
            "parameter_average": 0.1,
        },
        {"noisy": True},
    ),
    "momentum": ({"adam": None, "sgd": Sgd(0.1, 0.5, 0.7, 4)}, {}),
    "feature matching": (
        {"objective": "feature-matching", "feature_matching": FeatureMatching("squared-norm")},
        {"noisy": True},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_both_computed_and_one_kept_is_one_computed(name: str) -> None:
    changes, networks = CASES[name]
    start = {"feature matching": 0.15, "all of it": 0.25}.get(name, LIVELY.threshold)
    balance = replace(LIVELY, threshold=start, ceiling=start + 0.1, floor=start - 0.1, **changes.get("balance", {}))
    case = small(**networks, schedule="balanced", inner_steps=4, **{**changes, "balance": balance})
    state, units = case.start(), case.units(5, torch.arange(12) if "labels" in changes else None)
    lean, looked = (case.train(state, units, lean=way) for way in (True, False))
    assert lean.tensors.keys() == looked.tensors.keys()
    for key, tensor in lean.tensors.items():
        # Without batch normalisation all samples go through D in one batch, whose sums round otherwise.
        atol = 2e-6 if not networks.get("normalised", True) and tensor.is_floating_point() else 0.0
        torch.testing.assert_close(tensor, looked.tensors[key], rtol=0, atol=atol, msg=lambda m: f"{key}: {m}")  # noqa: B023
    assert lean.steps.min() >= 3 and lean.balance[0] != start  # both sides had turns, and the threshold moved


RATES = DeviceRates(torch.tensor(0.1, dtype=torch.float64), torch.tensor(0.5, dtype=torch.float64))


@pytest.mark.parametrize(
    "changes",
    [{}, {"adam": Adam(1e-2, 0.5, epsilon_inside=True)}, {"adam": None, "sgd": Sgd(0.1, 0.5, 0.7, 4)}],
    ids=["adam", "epsilon inside", "momentum"],
)
def test_an_update_that_is_not_kept_leaves_every_tensor_whatever_its_gradient(changes: dict[str, Any]) -> None:
    case = small(outputs=1, historical_averaging=0.1, parameter_average=0.1, labels=Labels(2), **changes)
    run, _ = case.play(2)
    before = {name: tensor.clone() for name, tensor in run.tensors.items()}
    for side in SIDES:
        gradients = [torch.full_like(parameter, torch.nan) for parameter in run.parameters(side)]
        apply_update(run, case.recipe, side, gradients, RATES, torch.tensor(False))
    assert_same(run.tensors, before)
    ones = [torch.ones_like(parameter) for parameter in run.parameters(SIDES[0])]
    apply_update(run, case.recipe, SIDES[0], ones, RATES, torch.tensor(True))
    assert not torch.equal(run.tensors["generator.body.0.weight"], before["generator.body.0.weight"])


def test_counts_in_a_row_are_the_released_codes_two_counters() -> None:
    """DeLiGAN's MNIST code counts each side's updates since the other's last one; a counter that acts starts anew."""
    rule = Balance(1.0, 1.0, 0.7, 3, 0.003, -1, 0.003, in_a_row=True)
    stream, moves = np.random.default_rng(0), [0, 0]
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        threshold, of_generator, of_discriminator = 0.85, 0, 0
        state = torch.tensor([threshold, 0.0, 0.7, 0.0, 0.0], dtype=torch.float64)
        for unit in range(200):
            if of_generator > 3:
                threshold, of_generator = min(threshold + 0.003, 1.0), 0
                moves[0] += 1
            if of_discriminator > 1:
                threshold, of_discriminator = max(threshold - 0.003, 0.7), 0
                moves[1] += 1
            move_threshold(state, rule, torch.tensor(unit % 10 == 0))
            assert state[0].item() == pytest.approx(threshold, abs=1e-9)
            for generators in stream.random(5) < share:
                of_generator = of_generator + 1 if generators else 0
                of_discriminator = 0 if generators else of_discriminator + 1
                count_update(state, rule, torch.tensor(bool(generators)))
    assert min(moves) > 100


def test_the_difference_of_counts_is_the_toy_codes() -> None:
    state = torch.tensor([1.0, 4.0, 0.7, 0.0, 0.0], dtype=torch.float64)
    rule = Balance(1.0, 1.0, 0.7, 3, 0.003, -1, 0.003)
    for generators, count in ((True, 5), (False, 4), (False, 3), (True, 4)):
        count_update(state, rule, torch.tensor(generators))
        assert state[1] == count


@pytest.mark.parametrize("lean", [True, False])
def test_where_the_threshold_rises_the_discriminator_has_one_more_update(lean: bool) -> None:
    """Threshold −1 gives every turn to the generator, so that it rises at every unit but the first."""
    rule = Balance(-1.0, -0.5, -1.0, 0, 0.01, -(10**6), 0.01, extra_rate=0.25)
    case = small(schedule="balanced", inner_steps=2, balance=rule, noise_of_step="own")
    state, units = case.start(), case.units(4)
    run, game = case.train(state, units, lean=lean), Game(case, state, units.draws)
    of_generator, of_discriminator = game.adams()
    of_discriminator.param_groups[0]["lr"] *= 0.25
    for unit in range(4):
        if unit > 0:
            descend(of_discriminator, game.discriminator_loss(unit))
        for step in range(2):
            descend(of_generator, game.generator_loss(unit, step))
    game.assert_ends_as(run)
    assert run.steps.tolist() == [8, 3] and run.balance[0].item() == pytest.approx(-0.97)


# Released toy code: +.01, at most 1, after more than 10 generator steps; −.001 below a count of −150; floor .73 to .70.
TOY = Balance(1.0, 1.0, 0.73, 10, 0.01, -150, 0.001, floor_count=-1000, floor_by=0.005, floor_least=0.70)
DENSE = {"hidden": [2], "nonlinearity": "tanh"}
RECIPE = plain_recipe(
    engine="kernel", discriminator_scale=1.0, schedule="balanced", inner_steps=5, network=DENSE, balance=TOY
)
MOVES = {
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


@pytest.mark.parametrize("name", MOVES)
def test_hand_cases(name: str) -> None:
    before, epoch_starts, after = MOVES[name]
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
