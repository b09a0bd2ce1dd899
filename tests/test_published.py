"""The benchmark files against each other, against arithmetic and against params.yaml, to which dotted paths lead."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass

import numpy as np
import pytest
from scipy.stats import norm

from replication.config.params import BUNDLED, Cell, Params, value_at
from replication.foundation.errors import InputError
from replication.verdicts.benchmarks import claims_of
from replication.verdicts.claims import Selection
from tests.in_small import own_benchmarks

CLAIMS = {claim.id: claim for claim in claims_of(own_benchmarks())}


def test_the_cells_that_a_claim_names_are_planned(params: Params) -> None:
    planned = {cell for profile in params.profiles.values() for cell in profile.scored}
    named = {cell for claim in CLAIMS.values() for cell in claim.measured_by}
    assert named and named <= planned


def test_a_published_value_of_a_claim_stands_in_a_table() -> None:
    """As it is, as a percentage or as images of 10 000; exact values of the theory come from no table."""
    checked = 0
    for benchmark in own_benchmarks():
        numbers = [n for table in benchmark.tables for row in table.rows for n in row.numbers.values()]
        for claim in benchmark.claims:
            if claim.published is None or claim.published.trainings is None:
                continue
            value, spread, verified = claim.published.value, claim.published.spread, claim.published.verified
            matches = [
                number
                for number in numbers
                for scale in (1, 100, 10_000)
                if number.value is not None
                and math.isclose(number.value, value * scale)
                and (spread is None or math.isclose(number.spread or 0.0, spread * scale))
            ]
            assert any(number.verified == verified for number in matches), claim.id
            checked += 1
    assert checked >= 15


def test_every_spread_says_what_it_is() -> None:
    for table in (table for benchmark in own_benchmarks() for table in benchmark.tables):
        for column in table.columns:
            spreads = [row.numbers[column.name].spread for row in table.rows]
            assert column.spread_kind != "none" or not any(spreads), f"{table.id}: {column.name}"


def test_what_is_not_excused_is_run_by_the_cpu_profile(params: Params) -> None:
    cells = params.profiles["cpu"].scored.values()
    judged = 0
    for claim in CLAIMS.values():
        if claim.evidence is None or claim.not_assessed:
            continue
        for side in filter(None, (claim.evidence.measured, claim.evidence.against)):
            assert any(_names(side, cell) for cell in cells), claim.id
        judged += 1
    assert judged >= 15


def test_indicative_evidence_comes_from_some_profile(params: Params) -> None:
    cells = [cell for profile in params.profiles.values() for cell in profile.scored.values()]
    sides = [
        (claim.id, side)
        for claim in CLAIMS.values()
        for evidence in claim.indicative
        for side in filter(None, (evidence.measured, evidence.against))
        if side["model"] != "control"  # measured by the experiment `controls`, beside its own cell
    ]
    assert len(sides) >= 8
    for claim, side in sides:
        assert any(_names(side, cell) for cell in cells), claim


def _names(side: Selection, cell: Cell) -> bool:
    """Whether a cell measures what a selection names; the background's cells measure several models and recipes."""
    columns = ["paper", "variant", "split"]
    if cell.experiment == "released-probe":  # its recipes begin with the network's name
        columns += ["model", "dataset"]
        return str(side["recipe"]).startswith(cell.recipe) and _same(side, cell, columns)
    if cell.paper != "background" or cell.experiment == "controls":
        columns += ["model", "recipe"]
    if cell.dataset != BUNDLED:
        columns += ["dataset"]
    return _same(side, cell, columns)


def _same(side: Selection, cell: Cell, columns: list[str]) -> bool:
    return all(side[column] == getattr(cell, column) for column in columns if column in side)


def test_a_budget_is_the_recipe_s_own(params: Params) -> None:
    budgets = 0
    for claim in CLAIMS.values():
        if claim.evidence is None or claim.evidence.budget is None or claim.not_assessed:
            continue
        side = claim.evidence.measured
        recipe = params.recipe(str(side["model"]), str(side["recipe"]), str(side["variant"]))
        assert claim.evidence.budget == recipe.updates, claim.id
        budgets += 1
    assert budgets >= 8


def test_the_exact_values_of_the_theory() -> None:
    for key in ("gan-value-converges", "gan-same-fixed-point"):
        value = CLAIMS[key].published
        assert value is not None and value.value == pytest.approx(-math.log(4), abs=1e-15) and value.trainings is None
        assert CLAIMS[key].margin == pytest.approx(2 * _divergence(0.45), abs=0.002)  # the reason given for the margin
    half = CLAIMS["gan-hit-rate-half"].published
    assert half is not None and half.value == 0.5 and half.trainings is None
    assert CLAIMS["gan-early-gradient"].bound == pytest.approx(math.log(10))


def _divergence(apart: float) -> float:
    """Jensen-Shannon divergence, nats, of two Gaussians of unit variance so far apart; by a grid."""
    x = np.linspace(-9, 9, 20_001)
    p, q = norm.pdf(x), norm.pdf(x, apart)
    return float((p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q))).sum() * (x[1] - x[0]) / 2)


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
    values = {}
    for published in (table for benchmark in own_benchmarks() for table in benchmark.recipes if table.recipe):
        for variant in params.variants(published.model, published.recipe):
            recipe = params.recipe(published.model, published.recipe, variant)
            paths = [path for row in published.rows for path in row.ours]
            values |= {(published.title, variant, path): value_at(recipe, path) for path in paths}
    assert len(values) > 50
    assert not [place for place, value in values.items() if isinstance(value, Mapping) or is_dataclass(value)]


def test_every_deviation_names_one_key_that_exists(params: Params) -> None:
    keys = [deviation.key for benchmark in own_benchmarks() for deviation in benchmark.deviations if deviation.key]
    assert len(keys) > 20
    assert not [key for key in keys if isinstance(value_at(params, key), Mapping)]
