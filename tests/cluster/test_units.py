"""How blocks are cut into units, and what units ask of a node."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest

from replication.cluster.demands import Demand, demand_of
from replication.cluster.units import inputs_of, parts_of
from replication.config.params import Cell, Params
from replication.foundation.places import DATA, JUDGES, TRAINED
from replication.scoring.toy import TOGETHER


@pytest.fixture
def paper(params: Params) -> Params:
    return replace(params, profile=params.profiles["paper"])


@pytest.mark.parametrize("seeds", [0, 1, 3, 7, 1000])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_parts_of_every_cell_are_the_cell(paper: Params, seeds: int, device: str) -> None:
    params = replace(paper, profile=replace(paper.profile, device=device))
    for cell in params.profile.cells.values():
        parts = parts_of(params, cell, seeds)
        assert tuple(chain(*(part.seed_numbers for part in parts))) == cell.seed_numbers
        assert len({part.name for part in parts}) == len(parts)
        assert {part.key for part in parts} == {cell.key}
        recipe = params.recipe_of(cell)
        if recipe.engine == "kernel":  # games of ten seeds are played together
            assert all((part.seed_numbers[0] - cell.seed_numbers[0]) % TOGETHER == 0 for part in parts)
        elif recipe.labels and recipe.labels.trainings_per_draw > 1:  # an ensemble is scored as a whole
            draws = [{seed // recipe.labels.trainings_per_draw for seed in part.seed_numbers} for part in parts]
            assert sum(map(len, draws)) == len(set(chain(*draws)))
        elif seeds:
            assert max(len(part.seed_numbers) for part in parts) <= seeds


def test_parts_of_a_block_of_another_device_and_some_seeds(paper: Params) -> None:
    cell = replace(paper.profile.cells["paper-gan-mnist"], seeds="1-3", part="@cpu+1-3")
    names = [part.name for part in parts_of(paper, cell, 2)]
    assert names == ["paper-gan-mnist@cpu+1-2", "paper-gan-mnist@cpu+3"]


def recorded(cell: Cell, usage: Mapping[str, object]) -> None:
    folder = TRAINED / cell.folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "provenance.json").write_text(json.dumps({"clock": {"usage": usage}}), encoding="utf-8")


def test_the_share_of_a_gpu(paper: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what was recorded."""
    monkeypatch.chdir(tmp_path)
    cell = paper.profile.cells["paper-gan-mnist"]
    assert demand_of(paper, cell, 5).gpus == 1.0  # nothing is known
    usage = {"memory": 10**9, "gpu_memory": 8, "gpu_total": 100, "seeds": 5}
    recorded(cell, usage)
    assert demand_of(paper, cell, 5).gpus == 1.0  # how busy it was is not
    recorded(cell, {**usage, "gpu_load": 0.02})
    assert demand_of(paper, cell, 5) == Demand(cpus=2, gpus=0.1, memory=1_200_000_000)  # 8 % and a fifth, in twentieths
    assert demand_of(paper, cell, 10).gpus == 0.2
    recorded(cell, {**usage, "gpu_load": 0.61})
    assert demand_of(paper, cell, 5).gpus == 0.65


def test_what_needs_more_gets_twice_as_much_until_there_is_no_more() -> None:
    demand: Demand | None = Demand(cpus=1, gpus=0.3, memory=100)
    for expected in ((0.3, 100), (0.6, 200), (1.0, 400), (1.0, 800)):
        assert demand and (demand.gpus, demand.memory) == expected
        demand = demand.doubled()
    assert Demand(gpus=1.0).doubled() is None and Demand().doubled() is None


def test_inputs_are_what_a_cell_reads(paper: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (DATA / "mnist", DATA / "cifar10", JUDGES / "mnist", Path(paper.released.directory)):
        folder.mkdir(parents=True)
    assert set(inputs_of(paper, paper.profile.cells["paper-gan-mnist"])) == {DATA / "mnist", JUDGES / "mnist"}
    experiment = paper.profile.experiments["paper-released-cifar10"]
    assert set(inputs_of(paper, experiment)) == {DATA / "cifar10", Path(paper.released.directory)}
