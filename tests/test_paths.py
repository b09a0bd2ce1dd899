"""Dotted paths, and that every path in the benchmark files leads to a value in params.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass

import pytest

from replication.config.params import Params, value_at
from replication.foundation.errors import InputError
from tests.in_small import own_benchmarks


@dataclass(frozen=True)
class Oven:
    heat: int
    trays: dict[str, list[int]]


def test_a_path_walks_dataclasses_and_mappings() -> None:
    kitchen = {"oven": Oven(200, {"top": [1, 2]})}
    assert value_at(kitchen, "oven.heat") == 200
    assert value_at(kitchen, "oven.trays.top") == [1, 2]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("hob", "there is no 'hob'; accepted: oven"),
        ("oven.cold", "there is no 'cold'; accepted: heat, trays"),
        ("oven.heat.real", "there is no 'real'; accepted: none, a plain value stands there"),
    ],
)
def test_a_wrong_path_names_the_accepted_keys(path: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        value_at({"oven": Oven(200, {})}, path)


def test_every_recipe_row_leads_to_plain_values(params: Params) -> None:
    found = 0
    for published in (one for benchmark in own_benchmarks() for one in benchmark.recipes if one.recipe):
        variants = params.recipes[published.model][published.recipe].get("variants", {"paper": {}})
        for variant in variants:
            recipe = params.recipe(published.model, published.recipe, variant)
            values = {path: value_at(recipe, path) for row in published.rows for path in row.ours}
            found += len(values)
            assert not [path for path, one in values.items() if isinstance(one, Mapping) or is_dataclass(one)]
    assert found > 50


def test_every_deviation_names_one_key_that_exists(params: Params) -> None:
    keys = [deviation.key for benchmark in own_benchmarks() for deviation in benchmark.deviations if deviation.key]
    assert len(keys) > 20
    assert not [key for key in keys if isinstance(value_at(params, key), Mapping)]
