"""Outputs appear whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from replication.foundation.atomic import atomic_directory, write_atomically


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
