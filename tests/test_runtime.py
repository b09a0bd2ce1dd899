"""How a stage sets up its process and shares out its work; outputs appear whole or not at all."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Barrier

import pytest
import torch
from safetensors.torch import save_file

from replication.foundation.atomic import atomic_directory, write_atomically
from replication.foundation.child import in_processes
from replication.foundation.errors import InputError
from replication.foundation.runtime import Clock, in_turns, prepare_device, side_by_side


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


def test_algorithms_are_searched_for_where_shapes_repeat_in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """cuDNN keeps what a search finds for a thread alone, and scoring starts threads again and again."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    for device, training, searched in (("cuda", True, True), ("cuda", False, False), ("cpu", True, False)):
        assert prepare_device(device, training) == device
        assert torch.backends.cudnn.benchmark is searched


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_DEVICE_MAX_CONNECTIONS", "8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"torch finds none: use a machine with one, `--device cpu` or `run: \*cpu`"):
        prepare_device("cuda")


def test_more_queues_are_asked_for_before_cuda_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    name, seen = "CUDA_DEVICE_MAX_CONNECTIONS", []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: seen.append(os.environ[name]))
    for prepare in (monkeypatch.delenv, lambda key, raising: monkeypatch.setenv(key, "8")):
        prepare(name, raising=False)
        with pytest.raises(InputError):
            prepare_device("cuda")
    assert seen == ["32", "8"]


def test_the_clock_reads_start_duration_and_host() -> None:
    clock = Clock()
    read = clock.read()
    started = datetime.fromisoformat(str(read["started"]))
    assert abs(datetime.now(UTC) - started) < timedelta(seconds=5)
    assert isinstance(read["duration_s"], float) and 0 <= read["duration_s"] < 5
    assert read["host"] == socket.gethostname()
    assert clock.read()["started"] == read["started"]


@pytest.mark.parametrize(("at_once", "threads"), [(1, 1), (1, 2), (3, 1), (3, 2)])
def test_so_many_are_at_work_together_each_on_its_threads(restored: None, at_once: int, threads: int) -> None:
    torch.set_num_threads(1)
    together = Barrier(at_once)

    def work(item: int) -> tuple[int, int]:
        together.wait(60)  # comes to an end only if so many are here at once
        return item, torch.get_num_threads()

    assert side_by_side(work, range(2 * at_once), at_once, threads) == [(item, threads) for item in range(2 * at_once)]
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_every_turn_of_every_item_comes_once_and_in_order(threads: int) -> None:
    seen: list[tuple[int, int]] = []
    in_turns(lambda item, turn: seen.append((item, turn)), 5, 4, threads)
    for item in range(5):
        assert [turn for other, turn in seen if other == item] == [0, 1, 2, 3]
    if threads == 1:  # it takes the item that waits longest
        assert seen == [(item, turn) for turn in range(4) for item in range(5)]


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
    workers = {path.name: int(path.read_text()) for path in tmp_path.iterdir()}
    assert set(workers) == {"a", "b", "c"}
    forked = processes > 1 and sys.platform == "linux"
    assert (os.getpid() in workers.values()) != forked


def test_what_another_process_raises_is_raised(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="One is broken."):
        in_processes(partial(leave_process, tmp_path), ["broken", "a"], 2)


def test_a_directory_replaces_the_one_before(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "cell"
    for number in (1, 2):
        with atomic_directory(place) as directory:
            assert directory.parent.parent == place.parent and not list(directory.iterdir())
            (directory / f"file{number}").write_text("new", encoding="utf-8")
            assert not (place / f"file{number}").exists()
    assert [file.name for file in place.iterdir()] == ["file2"]
    assert [file.name for file in place.parent.iterdir()] == ["cell"]
    assert place.stat().st_mode & 0o777 == 0o755
    with atomic_directory(place) as directory:
        save_file({"weight": torch.zeros(1)}, directory / "weights.safetensors")
    assert (place / "weights.safetensors").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_what_there_was(tmp_path: Path, error: type[BaseException]) -> None:
    place = tmp_path / "cell"
    place.mkdir()
    (place / "file").write_text("old", encoding="utf-8")
    with pytest.raises(error), atomic_directory(place) as directory:
        (directory / "file").write_text("half", encoding="utf-8")
        raise error
    assert [file.name for file in tmp_path.iterdir()] == ["cell"]
    assert (place / "file").read_text(encoding="utf-8") == "old"
    with pytest.raises(error), atomic_directory(tmp_path / "new"):
        raise error
    assert not (tmp_path / "new").exists()


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    for content, expected in (("µ\n", "µ\n".encode()), (b"\x00\xff", b"\x00\xff")):
        write_atomically(path, content)
        assert path.read_bytes() == expected
    assert path.stat().st_mode & 0o777 == 0o644
    assert len(list(path.parent.iterdir())) == 1


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failing_write_leaves_what_there_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "file"
    write_atomically(path, "old")

    def full(*_: object) -> None:
        raise OSError("full")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="full"):
        write_atomically(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_next_writer_removes_what_a_killed_one_left_and_nothing_of_one_that_runs(tmp_path: Path) -> None:
    script = """
        import os, sys, time
        from pathlib import Path
        from replication.foundation.atomic import atomic_directory, scratch_directory
        with scratch_directory(Path("file")), atomic_directory(Path("cell")) as directory:
            (directory / "half").write_text("half")
            print("ready", flush=True)
            time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        for _ in range(2):
            write_atomically(tmp_path / "file", "whole")
            with atomic_directory(tmp_path / "cell"):
                pass
            process_runs = process.poll() is None
            assert (len(list(tmp_path.glob(".*"))) == 2) == process_runs
            process.kill()
            process.wait()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cell", "file"]
