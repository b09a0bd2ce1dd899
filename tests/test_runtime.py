"""How a stage sets up its process."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import torch

from replication.errors import InputError
from replication.runtime import Clock, in_processes, in_turns, prepare_device, stage_argument


@pytest.fixture
def restored() -> Iterator[None]:
    """Torch's process-wide settings, as they were."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_one_thread_and_no_reduced_precision(restored: None) -> None:
    torch.set_num_threads(2)
    assert prepare_device("cpu") == "cpu"
    assert torch.get_num_threads() == 1
    assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_DEVICE_MAX_CONNECTIONS", "8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"torch finds none: use a machine with one, or `run: \*cpu`"):
        prepare_device("cuda")


@pytest.mark.parametrize(("chosen", "expected"), [(None, "32"), ("8", "8")])
def test_more_queues_are_asked_for_before_cuda_starts(
    chosen: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.delenv("CUDA_DEVICE_MAX_CONNECTIONS", raising=False)
    if chosen:
        monkeypatch.setenv("CUDA_DEVICE_MAX_CONNECTIONS", chosen)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: seen.append(os.environ["CUDA_DEVICE_MAX_CONNECTIONS"]))
    with pytest.raises(InputError):
        prepare_device("cuda")
    assert seen == [expected]


def test_a_stage_takes_one_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert stage_argument("train", "a cell", ["cpu-gan-digits"]) == "cpu-gan-digits"
    for wrong in ([], ["one", "two"]):
        with pytest.raises(SystemExit) as stopped:
            stage_argument("train", "a cell", wrong)
        assert stopped.value.code == 2
        assert "python -m replication.train" in capsys.readouterr().err


def test_the_clock_reads_start_duration_and_host() -> None:
    clock = Clock()
    read = clock.read()
    started = datetime.fromisoformat(str(read["started"]))
    assert abs(datetime.now(UTC) - started) < timedelta(seconds=5)
    assert isinstance(read["duration_s"], float) and 0 <= read["duration_s"] < 5
    assert read["host"] == socket.gethostname()
    assert clock.read()["started"] == read["started"]


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_every_turn_of_every_item_comes_once_and_in_order(threads: int) -> None:
    seen: dict[int, list[int]] = {item: [] for item in range(5)}
    in_turns(lambda item, turn: seen[item].append(turn), 5, 4, threads)
    assert seen == {item: [0, 1, 2, 3] for item in range(5)}


def test_one_thread_takes_the_item_that_waits_longest() -> None:
    seen: list[tuple[int, int]] = []
    in_turns(lambda item, turn: seen.append((item, turn)), 3, 2, 1)
    assert seen == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]


def test_what_a_turn_raises_is_raised() -> None:
    def fail(item: int, turn: int) -> None:
        raise ValueError(f"{item} {turn}")

    with pytest.raises(ValueError, match="0 0"):
        in_turns(fail, 2, 2, 1)


def leave_process(folder: Path, name: str) -> None:
    if name == "broken":
        raise InputError("One is broken.")
    (folder / name).write_text(str(os.getpid()))


@pytest.mark.parametrize("processes", [1, 2])
def test_every_item_is_worked_on_in_another_process_where_there_are_two(tmp_path: Path, processes: int) -> None:
    in_processes(partial(leave_process, tmp_path), ["a", "b", "c"], processes)
    found = {path.name: int(path.read_text()) for path in tmp_path.iterdir()}
    assert set(found) == {"a", "b", "c"}
    forked = processes > 1 and sys.platform == "linux"
    assert (os.getpid() in found.values()) != forked


def test_what_another_process_raises_is_raised(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="One is broken."):
        in_processes(partial(leave_process, tmp_path), ["broken", "a"], 2)
