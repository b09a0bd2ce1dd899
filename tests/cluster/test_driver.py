"""What follows a unit's end, with a pool that computes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from replication.cluster.demands import Demand
from replication.cluster.driver import Driver
from replication.cluster.goods import content_digest
from replication.cluster.screen import Screen
from replication.cluster.units import Unit
from replication.cluster.worker import Result
from replication.config.params import Params


class Pool:
    """Answers each unit with the next of some results; nodes have `memory` bytes."""

    def __init__(self, results: list[Result], memory: int = 10**12) -> None:
        self.results, self.memory, self.running, self.submitted = results, memory, [], []

    def submit(self, unit: Unit) -> None:
        self.running.append(unit)
        self.submitted.append(unit)

    def fits(self, unit: Unit) -> bool:
        return unit.demand.memory <= self.memory

    def finished(self, seconds: float) -> list[tuple[Unit, Result]]:
        return [(self.running.pop(0), self.results.pop(0))]

    def told(self) -> dict[str, tuple[int, int, str]]:
        return {unit.title: (50, 200, "a-node") for unit in self.running[:3]}

    def cancel(self) -> None:
        self.running.clear()


WEIGHTS = {"judge.safetensors": b"weights"}
DONE = Result(WEIGHTS, content_digest(WEIGHTS))
MORE = Result(needs_more=True)


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


@pytest.mark.parametrize(("memory", "most"), [(100, 150), (0, 10**12)])
def test_what_no_node_can_give_fails_in_a_sentence(params: Params, memory: int, most: int) -> None:
    driver = trained(params, Pool([MORE], most), memory)
    assert "needs more than 1 CPU" in driver.failed["digits"] and not Path("outputs").exists()


def test_what_was_changed_on_its_way_is_refused(params: Params) -> None:
    driver = trained(params, Pool([replace(DONE, content={"judge.safetensors": b"other"})]), 0)
    assert "is not what was sent" in driver.failed["digits"] and not Path("outputs/judge/digits").exists()


def test_the_screen_has_a_line_for_each_unit_that_runs_and_room_for_all(params: Params) -> None:
    pool: Any = Pool([])
    for number in range(5):
        pool.submit(Unit("train", f"cell+{number}", print, (), Path("made"), {}))
    lines = Screen(pool).lines(10)
    assert len(lines) == 4 and "train cell+0" in lines[0] and "25%" in lines[0] and "a-node" in lines[0]
    assert lines[-1] == "3 running, 2 waiting"
    few = Screen(pool).lines(3)
    assert len(few) == 3 and "more" in few[1] and few[-1] == lines[-1]
