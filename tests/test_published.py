"""The benchmark files of the repository against each other, against params.yaml and against arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from replication.config.params import BUNDLED, Cell, Params
from replication.verdicts.claims import Claim, Selection
from replication.verdicts.published import Benchmark
from tests.in_small import own_benchmarks


@pytest.fixture(scope="module")
def benchmarks() -> dict[str, Benchmark]:
    return {benchmark.paper: benchmark for benchmark in own_benchmarks()}


@pytest.fixture(scope="module")
def claims(benchmarks: dict[str, Benchmark]) -> dict[str, Claim]:
    return {claim.id: claim for benchmark in benchmarks.values() for claim in benchmark.claims}


def test_a_published_value_of_a_claim_stands_in_a_table(benchmarks: dict[str, Benchmark]) -> None:
    """As it is, as a percentage or as images of 10 000; exact values of the theory come from no table."""
    checked = 0
    for benchmark in benchmarks.values():
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


def test_every_spread_says_what_it_is(benchmarks: dict[str, Benchmark]) -> None:
    for table in (table for benchmark in benchmarks.values() for table in benchmark.tables):
        for column in table.columns:
            spreads = [row.numbers[column.name].spread for row in table.rows]
            assert column.spread_kind != "none" or not any(spreads), f"{table.id}: {column.name}"


def test_what_is_not_excused_is_run_by_the_cpu_profile(claims: dict[str, Claim], params: Params) -> None:
    cells = params.profiles["cpu"].scored.values()
    judged = 0
    for claim in claims.values():
        if claim.evidence is None or claim.not_assessed:
            continue
        for side in filter(None, (claim.evidence.measured, claim.evidence.against)):
            assert any(_names(side, cell) for cell in cells), claim.id
        judged += 1
    assert judged >= 15


def test_indicative_evidence_comes_from_some_profile(claims: dict[str, Claim], params: Params) -> None:
    cells = [cell for profile in params.profiles.values() for cell in profile.scored.values()]
    sides = [
        (claim.id, side)
        for claim in claims.values()
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


def test_a_budget_is_the_recipe_s_own(claims: dict[str, Claim], params: Params) -> None:
    budgets = 0
    for claim in claims.values():
        if claim.evidence is None or claim.evidence.budget is None or claim.not_assessed:
            continue
        side = claim.evidence.measured
        recipe = params.recipe(str(side["model"]), str(side["recipe"]), str(side["variant"]))
        assert claim.evidence.budget == recipe.updates, claim.id
        budgets += 1
    assert budgets >= 8


def test_the_exact_values_of_the_theory(claims: dict[str, Claim]) -> None:
    for key in ("gan-value-converges", "gan-same-fixed-point"):
        value = claims[key].published
        assert value is not None and value.value == pytest.approx(-math.log(4), abs=1e-15) and value.trainings is None
        assert claims[key].margin == pytest.approx(2 * _divergence(0.45), abs=0.002)  # the reason given for the margin
    half = claims["gan-hit-rate-half"].published
    assert half is not None and half.value == 0.5 and half.trainings is None
    assert claims["gan-early-gradient"].bound == pytest.approx(math.log(10))


def _divergence(apart: float) -> float:
    """Jensen-Shannon divergence, nats, of two Gaussians of unit variance so far apart; by a grid."""
    x = np.linspace(-9, 9, 20_001)
    p, q = norm.pdf(x), norm.pdf(x, apart)
    return float((p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q))).sum() * (x[1] - x[0]) / 2)
