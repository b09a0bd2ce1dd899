"""Recipes at a share of their updates, against lengths computed by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from replication.budgets import in_percent, with_budget
from replication.errors import InputError
from replication.params import Params, load_params
from replication.paths import value_at
from replication.train import COMPUTING, cell_key
from replication.training.initialise import Samples
from replication.training.schedule import objective_at, rates_at, unit_steps
from replication.training.stopping import selection_units


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(Path(__file__).parents[1] / "params.yaml")


BY_HAND: list[tuple[tuple[str, str, str], float, dict[str, Any]]] = [
    (
        ("dcgan", "mnist-conditional", "code"),  # 39 100 updates, the rate falling from 19 550 on, each 391
        0.1,
        {"updates": 3910, "linear_decay.begin": 1955, "linear_decay.end": 3910, "linear_decay.every": 39},
    ),
    (
        ("gan", "mnist", "code"),  # 125 000, momentum over 124 500, each 500; 25 comparisons, each 5000
        0.05,
        {"updates": 6250, "sgd.momentum_updates": 6225, "sgd.every": 25, "stopping.every": 250},
    ),
    (
        ("gan", "mnist", "paper"),  # the first tenth of it under another objective
        0.05,
        {"updates": 6250, "early.updates": 625, "early.objective": "non-saturating"},
    ),
    (
        ("deligan", "mnist", "code"),  # 200 000 inner steps in units of five, the rate falling from a quarter on
        0.04,
        {
            "updates": 8000,
            "linear_decay.begin": 2000,
            "linear_decay.end": 8000,
            "linear_decay.every": 2,
            "inner_steps": 5,
            "balance.lower_count": -1,
        },
    ),
    (
        ("improved_gan", "cifar10-4000", "code"),  # 600 000, the rate falling from 400 000 on, each 500
        0.0006,
        {"updates": 360, "linear_decay.begin": 240, "linear_decay.end": 360, "linear_decay.every": 1},
    ),
]


@pytest.mark.parametrize(("name", "share", "expected"), BY_HAND)
def test_lengths_by_hand(params: Params, name: tuple[str, str, str], share: float, expected: dict[str, Any]) -> None:
    whole = params.recipe(*name)
    cut = with_budget(whole, share)
    assert {path: value_at(cut, path) for path in expected} == expected
    lengths = ("updates", "linear_decay", "geometric_decay", "sgd", "early", "stopping", "parameter_average")
    assert replace(cut, **{field: getattr(whole, field) for field in lengths}) == whole  # nothing else has changed


def test_a_rate_that_falls_by_a_factor_ends_where_it_would(params: Params) -> None:
    whole = params.recipe("gan", "mnist", "code")
    cut = with_budget(whole, 0.05)
    assert rates_at(cut, 6250).learning_rate == pytest.approx(0.1 * 1.000004**-125000, rel=1e-9)
    assert selection_units(cut) == tuple(range(250, 6251, 250)) and len(selection_units(whole)) == 25


def test_an_average_forgets_the_beginning_as_far(params: Params) -> None:
    whole = params.recipe("improved_gan", "cifar10-4000", "code")
    cut = with_budget(whole, 0.0006)
    assert (1 - cut.parameter_average) ** 360 == pytest.approx((1 - 1e-4) ** 600_000, rel=1e-9)
    assert with_budget(params.recipe("dcgan", "cifar10", "paper"), 0.5).parameter_average == 0.0


@pytest.mark.parametrize(
    ("name", "share"), [(("deligan", "mnist", "code"), 0.04), (("gan", "mnist", "paper"), 0.1)], ids=["linear", "sgd"]
)
def test_the_course_is_the_same_in_fewer_updates(params: Params, name: tuple[str, str, str], share: float) -> None:
    whole = params.recipe(*name)
    cut, times = with_budget(whole, share), round(1 / share)
    for unit in range(0, cut.updates // unit_steps(cut), 97):
        one, other = rates_at(cut, unit), rates_at(whole, unit * times)
        assert (one.learning_rate, one.momentum) == pytest.approx((other.learning_rate, other.momentum), rel=1e-9)
        assert objective_at(cut, unit) == objective_at(whole, unit * times)


@pytest.mark.parametrize(("share", "updates"), [(0.0400124, 8000), (0.0400126, 8005), (1e-9, 5), (0.99999999, 200_000)])
def test_updates_are_whole_units_and_at_least_one(params: Params, share: float, updates: int) -> None:
    whole = replace(params.recipe("deligan", "mnist", "code"), linear_decay=None)
    assert with_budget(whole, share).updates == updates


def test_all_of_a_recipe_is_the_recipe(params: Params) -> None:
    recipe = params.recipe("deligan", "toy", "code")
    assert with_budget(recipe, 1.0) is recipe
    cell = params.cell("cpu-deligan-toy")
    assert params.recipe_of(cell) == recipe and "budget" not in cell.identity
    cut = replace(cell, budget=0.5)
    assert params.recipe_of(cut).updates == 160_000 and cut.identity["budget"] == 0.5


def test_a_budget_is_part_of_what_a_training_is(params: Params) -> None:
    cell, samples = params.cell("cpu-gan-toy-k1"), Samples(torch.zeros(60, 2))
    whole, cut = (
        cell_key(one, params.recipe_of(one), samples, "cpu", dict.fromkeys(COMPUTING, ""))
        for one in (cell, replace(cell, budget=0.25))
    )
    assert (whole["updates"], cut["updates"], cut["budget"]) == (20_000, 5000, 0.25) and "budget" not in whole
    assert whole["params_sha256"] != cut["params_sha256"]
    assert {key for key in whole if whole[key] != cut[key]} == {"updates", "params_sha256"}


@pytest.mark.parametrize("share", [0.0, -0.1, 1.0001, float("nan")])
def test_what_is_no_share_is_refused(params: Params, share: float) -> None:
    with pytest.raises(InputError, match="^A budget is .*: write the share of the recipe's updates, above 0 and at mo"):
        with_budget(params.recipe("gan", "toy-k1", "paper"), share)


@pytest.mark.parametrize(("share", "said"), [(0.1, "10 %"), (0.0125, "1.25 %"), (0.0006, "0.06 %"), (1.0, "100 %")])
def test_shares_in_percent(share: float, said: str) -> None:
    assert in_percent(share) == said
