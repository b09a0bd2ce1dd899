"""A killed training, and two at once: the same bytes as one that nobody disturbed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.in_small import linked, params_written, write_few

pytestmark = pytest.mark.slow
CELLS = {"cpu-deligan-toy": "toy-bimodal", "cpu-gan-digits": "digits", "cpu-improved-digits": "digits"}
PATIENCE = 120.0  # seconds


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the sources and prepared data, and cells that train for several seconds."""
    content = params_written()
    content["recipes"]["deligan"]["toy"] |= {"updates": 60_000}
    content["recipes"]["gan"]["digits"] |= {"updates": 1000}
    content["recipes"]["improved_gan"]["digits"] |= {"updates": 120}  # whose noise on layers is drawn again
    cells = content["profiles"]["cpu"]["cells"]
    root = linked(tmp_path / "project")
    write_few(content, {key: {**cells[key], "seeds": "0-1"} for key in CELLS}, root)
    run = [sys.executable, "-m", "replication.prepare", *sorted({*CELLS.values()})]
    subprocess.run(run, cwd=root, check=True, capture_output=True)
    return root


def start(root: Path, key: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "replication.train", key]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finished(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    return said


def copy(root: Path, name: str) -> Path:
    return Path(shutil.copytree(root, root.parent / name, symlinks=True))


def contents(root: Path, key: str) -> dict[str, Any]:
    """Every file of the cell, provenance without its clock."""
    (folder,) = root.glob(f"outputs/train/*/*/{key}")
    files: dict[str, Any] = {file.name: file.read_bytes() for file in folder.iterdir()}
    provenance = json.loads(files["provenance.json"])
    return {**files, "provenance.json": {name: value for name, value in provenance.items() if name != "clock"}}


def wait_for(root: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    """Wait until a file appears, while the process runs."""
    until = time.monotonic() + PATIENCE
    while not list(root.glob(pattern)):
        assert process.poll() is None and time.monotonic() < until, f"no {pattern}"
        time.sleep(0.02)


@pytest.mark.parametrize("key", CELLS)
def test_a_killed_training_goes_on_to_the_same_bytes(project: Path, key: str) -> None:
    killed = copy(project, "killed")
    finished(start(project, key))
    process = start(killed, key)
    checkpoints = f".replication/checkpoints/{key}-*/"
    wait_for(killed, checkpoints + "clock.json", process)
    units = [int(file.name.split("-")[1]) for file in killed.glob(checkpoints + "state-*")]
    process.kill()
    process.communicate()
    assert process.returncode == -9 and max(units) > 0
    assert not list(killed.glob(f"outputs/train/*/*/{key}"))
    before = json.loads(next(killed.glob(checkpoints + "clock.json")).read_text("utf-8"))
    began = time.monotonic()
    said = finished(start(killed, key))
    assert f"{key}:   0%" not in said  # it went on, from the checkpoint
    assert contents(killed, key) == contents(project, key)
    clock = json.loads(next(killed.glob(f"outputs/train/*/*/{key}/provenance.json")).read_text("utf-8"))["clock"]
    assert clock["started"] == before["started"]
    assert before["duration_s"] < clock["duration_s"] <= before["duration_s"] + time.monotonic() - began
    assert not list(killed.glob(checkpoints))


def test_of_two_at_once_one_waits_and_both_end_well(project: Path) -> None:
    key = "cpu-gan-digits"
    alone = copy(project, "alone")
    processes = [start(project, key) for _ in range(2)]
    said = [finished(process) for process in processes]
    assert sum("Another process trains this cell; waiting" in text for text in said) == 1
    assert sum(f"{key}: 100%" in text for text in said) == 1  # the other found it done
    finished(start(alone, key))
    assert contents(project, key) == contents(alone, key)
    made, expected = ([file.name for file in root.glob("outputs/train/*/*/*")] for root in (project, alone))
    assert made == expected
    assert not list(project.glob(f".replication/checkpoints/{key}-*/"))
