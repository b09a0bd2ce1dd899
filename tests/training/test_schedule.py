"""Turns, rates and counts of a recipe, against the formulas of the released code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from replication.config.recipes import Balance, Early, LinearDecay, Sgd
from replication.training.schedule import minibatches_of_unit, objective_at, rates_at, turns, unit_steps, update_counts
from tests.training.small import PLAIN

BALANCE = Balance(1.0, 1.0, 0.7, 3, 0.003, -1, 0.003)
GENERATOR, DISCRIMINATOR = ("generator",), ("discriminator",)
BOTH = ("generator", "discriminator")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [(DISCRIMINATOR, 0, 0), (GENERATOR, 1, None)]),
        ({"inner_steps": 2}, [(DISCRIMINATOR, 0, 0), (DISCRIMINATOR, 1, 1), (GENERATOR, 2, None)]),
        ({"generator_steps": 2}, [(DISCRIMINATOR, 0, 0), (GENERATOR, 1, None), (GENERATOR, 2, None)]),
        ({"generator_minibatch": "next"}, [(DISCRIMINATOR, 0, 0), (GENERATOR, 1, 1)]),
        ({"schedule": "simultaneous"}, [(BOTH, 0, 0)]),
        ({"schedule": "balanced", "balance": BALANCE, "inner_steps": 2}, [(BOTH, 0, 0), (BOTH, 0, 0)]),
        (
            {"schedule": "balanced", "balance": BALANCE, "inner_steps": 2, "noise_of_step": "own"},
            [(BOTH, 0, 0), (BOTH, 1, 0)],
        ),
    ],
)
def test_turns(changes: dict[str, Any], expected: list[object]) -> None:
    assert list(turns(replace(PLAIN, **changes))) == expected


@pytest.mark.parametrize(
    ("changes", "minibatches", "counts"),
    [
        ({"inner_steps": 3}, 3, (8, 24, 32)),
        ({"generator_steps": 3}, 1, (24, 8, 32)),  # DeLiGAN's CIFAR-10: one of D, three of G
        ({"generator_minibatch": "own"}, 1, (8, 8, 16)),  # an order that is not the discriminator's
        ({"generator_minibatch": "next"}, 2, (8, 8, 16)),  # DCGAN: each minibatch updates one of the two
        ({"generator_minibatch": "next", "generator_steps": 2, "inner_steps": 2}, 4, (16, 16, 32)),
        ({"schedule": "simultaneous"}, 1, (8, 8, 16)),
        ({"schedule": "balanced", "balance": BALANCE, "inner_steps": 4}, 1, (None, None, 8)),
    ],
)
def test_minibatches_and_counts(changes: dict[str, Any], minibatches: int, counts: tuple[int | None, ...]) -> None:
    changed = replace(PLAIN, **changes)
    assert minibatches_of_unit(changed) == minibatches
    assert tuple(update_counts(changed).values()) == counts
    assert list(update_counts(changed)) == ["generator", "discriminator", "together"]
    assert unit_steps(changed) == (4 if changed.schedule == "balanced" else 1)


def test_a_linear_rate_ends_at_zero_and_stays_there() -> None:
    changed = replace(PLAIN, linear_decay=LinearDecay(4, 8))
    rates = [rates_at(changed, unit).learning_rate for unit in range(10)]
    assert rates == pytest.approx([0.01] * 5 + [0.0075, 0.005, 0.0025, 0.0, 0.0])


@pytest.mark.parametrize("every", [1, 3])
def test_momentum_rises_by_steps_to_its_end_and_stays_there(every: int) -> None:
    changed = replace(PLAIN, adam=None, sgd=Sgd(0.1, 0.5, 0.7, momentum_updates=4 * every, every=every))
    momenta = [rates_at(changed, unit).momentum for unit in range(6 * every)]
    assert momenta == pytest.approx(np.repeat([0.5, 0.55, 0.6, 0.65, 0.7, 0.7], every))
    assert rates_at(PLAIN, 5) == (0.01, 0.0)


def test_the_early_objective_counts_updates() -> None:
    changed = replace(PLAIN, objective="saturating", early=Early("non-saturating", updates=4))
    assert [objective_at(changed, unit) for unit in (0, 3, 4)] == ["non-saturating", "non-saturating", "saturating"]
    balanced = replace(changed, schedule="balanced", inner_steps=2, balance=BALANCE)
    assert [objective_at(balanced, unit) for unit in (0, 1, 2)] == ["non-saturating", "non-saturating", "saturating"]
    assert objective_at(PLAIN, 0) == "non-saturating"
