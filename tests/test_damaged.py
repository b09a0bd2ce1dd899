"""Trainings that are damaged, killed or doubled end with the same bytes; those of another recipe are not scored."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from replication import prepare, score, train
from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.foundation.places import SCORED, TRAINED
from replication.foundation.provenance import recorded
from replication.scoring import toy
from replication.table.scored import damaged
from tests.in_small import edit, linked, params_written, put, write_few, write_small

CELL = "cpu-gan-toy-k1"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small parameters, prepared data and a small training."""
    root = linked(tmp_path_factory.mktemp("trained") / "place")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        write_small({CELL: "1-2"})
        prepare.main(["toy-bimodal"])
        train.main([CELL])
    return root


@pytest.fixture
def training(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a small training, in a copy that is the current directory; its game is scored in short."""
    shutil.copytree(trained, tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setattr(toy, "GAP_UPDATES", 3)
    return TRAINED / load_params().cell(CELL).folder


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.suffix == ".safetensors"}


def zeros_in_the_middle(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-8:] = bytes(8) if any(content[-8:]) else b"\1" * 8
    file.write_bytes(bytes(content))


def told(**changes: Any) -> Callable[[Path], object]:
    """Writes other values into a provenance; `...` takes the key out."""

    def change(folder: Path) -> None:
        written = {**recorded(folder), **changes}
        provenance = {name: value for name, value in written.items() if value is not ...}
        (folder / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")

    return change


DAMAGE: dict[str, Callable[[Path], object]] = {
    "changed weights": lambda folder: zeros_in_the_middle(folder / "step40.safetensors"),
    "missing weights": lambda folder: (folder / "step0.safetensors").unlink(),
    "half a file": lambda folder: (folder / "step40.safetensors").write_bytes(b"half"),
    "changed losses": lambda folder: zeros_in_the_middle(folder / "history.safetensors"),
    "empty provenance": lambda folder: (folder / "provenance.json").write_text(""),
    "foreign provenance": lambda folder: (folder / "provenance.json").write_text("[]"),
    "a provenance without hashes": lambda folder: (folder / "provenance.json").write_text('{"steps": [0, 40]}'),
    "another device": told(device="cuda"),
    "another precision": told(precision="tf32"),
    "seeds that are none": told(diverged_seeds={"abc": 1}),
    "no divergence": told(diverged_seeds=None),
    "divergence before the first step": told(diverged_seeds={"1": -5}),
    "divergence after the last step": told(diverged_seeds={"1": 41}),
    "divergence of another seed": told(diverged_seeds={"7": 5}),
    "no clock": told(clock=...),
    "no window": told(window=...),
    "a window of text": told(window="x"),
    "a window of nothing": told(window=0),
    "no hash of data": told(data_sha256=...),
}


@pytest.mark.integration
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_what_is_damaged_is_trained_again(training: Path, damage: Callable[[Path], object]) -> None:
    whole = contents(training)
    damage(training)
    with pytest.raises(InputError, match=r"outputs/train/cpu/gan/cpu-gan-toy-k1.*run `uv run"):
        score.main([CELL])
    assert not SCORED.exists()
    train.main([CELL])
    assert contents(training) == whole
    score.main([CELL])


SCORES = {
    "another value": lambda folder: rewrite(folder / "measurements.csv", b",100,", b",101,"),
    "no samples": lambda folder: (folder / "samples.npz").unlink(),
    "no hashes": lambda folder: rewrite(folder / "provenance.json", b'"files"', b'"other"'),
}


def rewrite(path: Path, old: bytes, new: bytes) -> None:
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new))


@pytest.mark.integration
@pytest.mark.parametrize("damage", SCORES.values(), ids=SCORES)
def test_scores_that_are_damaged_are_measured_again(training: Path, damage: Callable[[Path], object]) -> None:
    score.main([CELL])
    folder = SCORED / load_params().cell(CELL).folder
    whole = {name: (folder / name).read_bytes() for name in ("measurements.csv", "samples.npz")}
    damage(folder)
    score.main([CELL])
    assert {name: (folder / name).read_bytes() for name in whole} == whole
    assert not damaged(folder, recorded(folder))


@pytest.mark.integration
@pytest.mark.parametrize("scored_before", [False, True])
@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("recipes.gan.toy-k1.updates", 80, "another recipe"),
        ("recipes.gan.toy-k1.latent_dim", 9, "another recipe"),
        (f"run.cells.{CELL}.seeds", "1-3", "another seeds"),
        ("datasets.toy-bimodal.seed", 9, "other data"),
    ],
)
def test_another_training(training: Path, path: str, value: object, words: str, scored_before: bool) -> None:
    """A training of something else is not scored under this name."""
    if scored_before:
        score.main([CELL])
    edit(put(path, value))
    prepare.main(["toy-bimodal"])
    with pytest.raises(InputError, match=words):
        score.main([CELL])
    train.main([CELL])
    score.main([CELL])


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
    bars = {**os.environ, "TQDM_DISABLE": ""}  # also where no terminal sees them
    return subprocess.Popen(command, cwd=root, env=bars, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finished(process: subprocess.Popen[str]) -> str:
    printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, printed
    return printed


def copy(root: Path, name: str) -> Path:
    return Path(shutil.copytree(root, root.parent / name, symlinks=True))


def all_files(root: Path, key: str) -> dict[str, Any]:
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


@pytest.mark.slow
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
    printed = finished(start(killed, key))
    assert f"{key}:   0%" not in printed  # it went on, from the checkpoint
    assert all_files(killed, key) == all_files(project, key)
    clock = json.loads(next(killed.glob(f"outputs/train/*/*/{key}/provenance.json")).read_text("utf-8"))["clock"]
    assert clock["started"] == before["started"]
    assert before["duration_s"] < clock["duration_s"] <= before["duration_s"] + time.monotonic() - began
    assert not list(killed.glob(checkpoints))


@pytest.mark.slow
def test_of_two_at_once_one_waits_and_both_end_well(project: Path) -> None:
    key = "cpu-gan-digits"
    alone = copy(project, "alone")
    processes = [start(project, key) for _ in range(2)]
    printed = [finished(process) for process in processes]
    assert sum("Another process trains this cell; waiting" in text for text in printed) == 1
    assert sum(f"{key}: 100%" in text for text in printed) == 1  # the other found it done
    finished(start(alone, key))
    assert all_files(project, key) == all_files(alone, key)
    files, expected = ([file.name for file in root.glob("outputs/train/*/*/*")] for root in (project, alone))
    assert files == expected
    assert not list(project.glob(f".replication/checkpoints/{key}-*/"))
