"""How blocks are cut into units, what units ask of a node, and what follows a unit's end, computing nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from replication.cluster.driver import Course, Driver
from replication.cluster.goods import content_digest
from replication.cluster.screen import Screen
from replication.cluster.units import Demand, Unit, demand_of, inputs_of, parts_of, recorded_usage, training_unit
from replication.cluster.worker import Result
from replication.config.params import Cell, Params
from replication.foundation.errors import InputError
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

    def demanded(seeds: int) -> Demand:
        return demand_of(paper, cell, seeds, recorded_usage(cell, "train"))

    assert demanded(5).gpus == 1.0  # nothing is known
    usage = {"memory": 10**9, "gpu_memory": 8, "gpu_total": 100, "seeds": 5}
    recorded(cell, usage)
    assert demanded(5).gpus == 1.0  # how busy it was is not
    recorded(cell, {**usage, "gpu_load": 0.02})
    assert demanded(5) == Demand(cpus=2, gpus=0.1, memory=1_200_000_000)  # 8 % and a fifth, in twentieths
    assert demanded(10).gpus == 0.2
    recorded(cell, {**usage, "gpu_load": 0.61})
    assert demanded(5).gpus == 0.65
    recorded(cell, {**usage, "gpu_share": 0.3})  # it shared the GPU, and 0.3 of it was enough
    assert demanded(5).gpus == 0.3


def test_what_needs_more_gets_twice_as_much_until_there_is_no_more() -> None:
    demand: Demand | None = Demand(cpus=1, gpus=0.3, memory=100)
    for expected in ((0.3, 100), (0.6, 200), (1.0, 400), (1.0, 800)):
        assert demand and (demand.gpus, demand.memory) == expected
        demand = demand.doubled()
    assert Demand(gpus=1.0).doubled() is None and Demand().doubled() is None
    assert Demand().doubled(had=50) == Demand(memory=100)


def test_inputs_are_what_a_cell_reads(paper: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (DATA / "mnist", DATA / "cifar10", JUDGES / "mnist", Path(paper.released.directory)):
        folder.mkdir(parents=True)
    assert set(inputs_of(paper, paper.profile.cells["paper-gan-mnist"])) == {DATA / "mnist", JUDGES / "mnist"}
    experiment = paper.profile.experiments["paper-released-cifar10"]
    assert set(inputs_of(paper, experiment)) == {DATA / "cifar10", Path(paper.released.directory)}
    for far in ("/weights", "../weights"):
        with pytest.raises(InputError, match="put it below"):
            inputs_of(replace(paper, released=replace(paper.released, directory=far)), experiment)


class Pool:
    """Answers each unit with the next of some results; a node has `memory` bytes, and a CPU `had` of them."""

    def __init__(self, results: list[Result], memory: int = 10**12, had: int = 0) -> None:
        self.results, self.memory, self.had, self.running, self.submitted = results, memory, had, [], []

    def submit(self, unit: Unit) -> None:
        self.running.append(unit)
        self.submitted.append(unit)

    def fits(self, unit: Unit) -> bool:
        return unit.demand.memory <= self.memory

    def gpus(self) -> int:
        return 2

    def memory_of(self, cpus: int) -> int:
        return cpus * self.had

    def finished(self, seconds: float) -> list[tuple[Unit, Result]]:
        return [(self.running.pop(0), self.results.pop(0))]

    def told(self) -> dict[str, tuple[int, int, str]]:
        return {unit.title: (50, 200, "a-node") for unit in self.running[:3]}

    def cancel(self) -> None:
        self.running.clear()


WEIGHTS = {"judge.safetensors": b"weights"}
DONE = Result(WEIGHTS, content_digest(WEIGHTS))
MORE = Result(needs_more=True)
LOST = replace(MORE, error="It was lost 6 times.")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def trained(params: Params, pool: Pool, memory: int) -> Driver:
    """A driver after it trained the judge of digits, which asked for so much memory."""
    driver = Driver(params, pool)  # type: ignore[arg-type]
    unit = Unit("judge", "digits", print, (), Path("outputs/judge/digits"), {}, Demand(memory=memory))
    driver._submit(unit)
    driver._attend(lambda: False)
    return driver


def test_a_unit_that_needed_more_is_run_again_with_twice_as_much(params: Params) -> None:
    pool = Pool([MORE, MORE, DONE])
    driver = trained(params, pool, 100)
    assert [unit.demand.memory for unit in pool.submitted] == [100, 200, 400] and not driver.failed
    assert Path("outputs/judge/digits/judge.safetensors").read_bytes() == b"weights"


def test_of_what_nothing_is_recorded_has_its_cpus_part_of_a_node(params: Params) -> None:
    pool = Pool([MORE, DONE], had=300)
    assert not trained(params, pool, 0).failed
    assert [unit.demand.memory for unit in pool.submitted] == [0, 600]


def test_a_process_that_is_lost_again_and_again_gets_more_once(params: Params) -> None:
    """The system may have killed it for its memory; where it has another cause, more does not help."""
    pool = Pool([LOST, LOST])
    assert trained(params, pool, 100).failed == {"digits": LOST.error}
    assert [unit.demand.memory for unit in pool.submitted] == [100, 200]


def test_a_node_with_other_packages_is_named(params: Params) -> None:
    driver = trained(params, Pool([replace(DONE, host="a-node", versions={"torch": "1.0"})]), 0)
    assert "a-node has torch 1.0" in driver.failed["digits"] and not Path("outputs/judge/digits").exists()


def test_what_the_first_parts_took_of_a_gpu_is_what_the_others_ask_for(paper: Params) -> None:
    cell, pool = paper.profile.cells["paper-gan-mnist"], Pool([])
    units = [training_unit(paper, cell, part) for part in parts_of(paper, cell, 1)]
    driver = Driver(paper, pool)  # type: ignore[arg-type]
    driver._await(Course(cell, ["train"]), [(unit, Path("units") / unit.name) for unit in units])
    assert [unit.demand.gpus for unit in pool.submitted] == [1.0, 1.0]  # as many as there are GPUs
    usage = {"memory": 10**9, "gpu_memory": 8, "gpu_total": 100, "gpu_load": 0.02, "seeds": 1}
    content = {"provenance.json": json.dumps({"clock": {"usage": usage}}).encode()}
    driver._follow(units[0], Result(content, content_digest(content)))
    assert [unit.title for unit in pool.submitted] == [unit.title for unit in units]
    assert {unit.demand.gpus for unit in pool.submitted[2:]} == {0.1}


@pytest.mark.parametrize(("memory", "most"), [(100, 150), (0, 10**12)])
def test_what_no_node_can_give_fails_in_a_sentence(params: Params, memory: int, most: int) -> None:
    driver = trained(params, Pool([MORE], most), memory)
    assert "needs more than 1 CPU" in driver.failed["digits"] and not Path("outputs").exists()


def test_what_was_changed_on_its_way_is_refused(params: Params) -> None:
    driver = trained(params, Pool([replace(DONE, content={"judge.safetensors": b"other"})]), 0)
    assert "is not what was sent" in driver.failed["digits"] and not Path("outputs/judge/digits").exists()


def test_the_screen_has_a_line_for_each_cell_and_says_what_has_no_room(capsys: pytest.CaptureFixture[str]) -> None:
    pool: Any = Pool([])
    for name in ("a+0", "a+1", "b", "c+0", "c+1"):
        pool.submit(Unit("train", name, print, (), Path("made"), {}))
    screen = Screen(pool)
    screen.ended(Unit("train", "a+2", print, (), Path("made"), {}), DONE)
    lines = screen.lines(10)
    assert [" ".join(line.split()) for line in lines] == [
        "train a 1 of 3 units 25% on a-node, 25% on a-node",
        "train b 0 of 1 units 25% on a-node",
        "train c 0 of 2 units",
        "3 running, 2 waiting, 1 done",
    ]
    few = screen.lines(3)
    assert len(few) == 3 and "and 2 more" in few[1] and few[-1] == lines[-1]
