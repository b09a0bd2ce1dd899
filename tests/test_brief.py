"""The profile `brief`: what it cuts stands in the ledger, and by the assumed rates it fits into half an hour."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from replication.benchmarks import Deviation, load_benchmarks
from replication.budgets import in_percent
from replication.estimate import workloads
from replication.ledger import RecipeName, deviations_in_force
from replication.params import Params, Profile, load_params
from replication.report.estimates import read_estimates
from replication.training.block import history_window
from replication.training.schedule import unit_steps
from replication.workload import ELSEWHERE, assumed_seconds

ROOT = Path(__file__).parents[1]
HALF_AN_HOUR = 1800
READ_BY = {"inception": "inception", "nearest_generated": "nearest-generated"}  # options → protocol of a cell


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(ROOT / "params.yaml")


@pytest.fixture(scope="module")
def brief(params: Params) -> Profile:
    return params.profiles["brief"]


@pytest.fixture(scope="module")
def ledger() -> dict[str, Deviation]:
    entries = [one for benchmark in load_benchmarks(ROOT / "benchmarks") for one in benchmark.deviations]
    return {one.key: one for one in entries if one.key.startswith("profiles.brief.")}


def test_every_reduced_budget_is_an_entry_of_the_ledger_that_says_its_share(
    params: Params, brief: Profile, ledger: dict[str, Deviation]
) -> None:
    reduced = {f"profiles.brief.cells.{key}.budget": cell for key, cell in brief.cells.items() if cell.budget < 1}
    assert {key for key in ledger if key.endswith(".budget")} == set(reduced) and len(reduced) >= 10
    for key, cell in reduced.items():
        said = ledger[key].ours
        assert f"{in_percent(cell.budget)} of the updates" in said, key
        numbers = re.findall(r"of the updates, (\d+)", said)
        assert numbers in ([], [str(params.recipe_of(cell).updates)]), key
        assert ledger[key].id.split("-")[0] == cell.paper.split("20")[0].removesuffix("_gan"), key


def test_a_recipe_is_described_with_the_budgets_of_its_cells() -> None:
    papers = load_benchmarks(ROOT / "benchmarks")
    name, cells = RecipeName("deligan", "mnist", "code"), ("profiles.brief.cells.brief-deligan-mnist",)
    held = {one.deviation.id: one.reason for one in deviations_in_force(papers, name, cells, None)}
    assert held["deligan-40"] == "cell" and "deligan-41" not in held


def test_every_paper_has_five_seeds_of_its_cells_and_toys_are_whole(brief: Profile) -> None:
    assert {cell.paper for cell in brief.cells.values()} == {
        "gan2014",
        "dcgan2015",
        "improved_gan2016",
        "deligan2017",
    }
    for key, cell in brief.cells.items():
        toy = cell.dataset.startswith("toy-")
        assert cell.seeds == ("0-19" if toy else "0-4") and (cell.budget == 1) == toy, key


def test_cells_are_those_of_the_paper_profile_but_for_budget_seeds_and_protocols(
    params: Params, brief: Profile
) -> None:
    papers = {cell.run: cell for cell in params.profiles["paper"].cells.values()}
    for key, cell in brief.cells.items():
        known = papers.get(cell.run) or next(c for c in params.profiles["cpu"].cells.values() if c.run == cell.run)
        assert (cell.paper, cell.probe) == (known.paper, known.probe), key
        assert set(cell.protocols) <= set(known.protocols), key


def test_compared_runs_are_cut_alike(brief: Profile) -> None:
    """DeLiGAN and what its paper compares it with; the conditional DCGAN and the GAN of the same table."""
    for start in ("brief-deligan-mnist", "brief-deligan-cifar10", "brief-dcgan-mnist"):
        assert len({cell.budget for key, cell in brief.cells.items() if key.startswith(start)}) == 1, start


def test_what_is_measured_in_less_is_noted_and_read_by_reduced_cells_alone(
    params: Params, brief: Profile, ledger: dict[str, Deviation]
) -> None:
    whole = params.profiles["paper"]
    for block in ("probe", "protocols", "real_neighbours"):
        ours, theirs = getattr(brief, block), getattr(whole, block)
        changed = {one.name for one in fields(ours) if getattr(ours, one.name) != getattr(theirs, one.name)}
        noted = {key.split(".")[3] for key in ledger if key.startswith(f"profiles.brief.{block}.")}
        if block == "protocols":
            assert changed == noted
            for name in changed & set(READ_BY):
                readers = [cell for cell in brief.cells.values() if READ_BY[name] in cell.protocols]
                assert readers and all(cell.budget < 1 for cell in readers), name
        else:
            assert bool(changed) == bool(noted), block
    assert all(cell.budget < 1 for cell in brief.cells.values() if cell.model == "dcgan")  # the probe's


def test_histories_are_long_enough_to_show_an_oscillation(params: Params, brief: Profile) -> None:
    for key, cell in brief.cells.items():
        recipe = params.recipe_of(cell)
        units = recipe.updates // unit_steps(recipe)
        assert units // history_window(recipe) >= 200, key


def test_by_the_assumed_rates_it_fits_into_half_an_hour(params: Params, brief: Profile) -> None:
    reduced = replace(brief, cells={key: cell for key, cell in brief.cells.items() if cell.budget < 1})
    seconds = {key: assumed_seconds(work, 5) or 0.0 for key, work in workloads(params, reduced).items()}
    together = sum(seconds.values()) + sum(ELSEWHERE.values())
    assert min(seconds.values()) > 0 and 0.9 * HALF_AN_HOUR < together <= HALF_AN_HOUR
    assert f"prints the sum, {together / 60:.1f} minutes" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert sum(taken / brief.cells[key].budget for key, taken in seconds.items()) > 20 * HALF_AN_HOUR  # uncut


def test_the_written_estimates_are_of_the_cells_that_there_are(params: Params) -> None:
    written = read_estimates(ROOT / "benchmarks" / "speed" / "estimates.json")
    profiles = [one for one in params.profiles.values() if one.device == "cuda"]
    files = sorted(path.name for path in (ROOT / "benchmarks" / "speed" / "results").glob("training-*.json"))
    assert [one.profile for one in written.profiles] == [one.name for one in profiles]
    for found, profile in zip(written.profiles, profiles, strict=True):
        planned = [(key, len(cell.seed_numbers), params.recipe_of(cell).updates) for key, cell in profile.cells.items()]
        assert [(one.cell, one.seeds, one.updates) for one in found.cells] == planned
        assert [name.split(" ")[0] for name in found.measured] == files  # else: python -m replication.estimate --write
