"""A training that is damaged, or of another recipe, split or data, is trained again by train and refused by score."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from replication import score, train
from replication.config.expansion import read_params
from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.foundation.places import DATA, SCORED, TRAINED
from replication.foundation.provenance import changed_file, recorded
from replication.prepare import prepare
from replication.scoring import toy
from tests.in_small import ROOT

pytestmark = pytest.mark.integration

CELL = "cpu-gan-toy-k1"


def edit(change: Callable[[dict[str, Any]], object]) -> None:
    content = read_params(Path("params.yaml"))
    change(content)
    Path("params.yaml").write_text(json.dumps(content), encoding="utf-8")


def shrink(content: dict[str, Any]) -> None:
    small = {"updates": 40, "network": {"hidden": [4], "nonlinearity": "tanh"}, "n_samples": 60}
    content["recipes"] = {"gan": {"toy-k1": {**content["recipes"]["gan"]["toy-k1"], **small}}}
    content["papers"] = {"gan": "gan2014"}
    profile = content["profiles"]["cpu"]
    cell = {**profile["cells"][CELL], "seeds": "1-2"}
    content["run"] = {**profile, "cells": {CELL: cell}, "experiments": {}, "models": ["gan"]}
    content["profiles"] = {"cpu": content["run"]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small parameters, prepared data and a small training."""
    root = tmp_path_factory.mktemp("trained")
    shutil.copy(ROOT / "params.yaml", root)
    (root / "replication").symlink_to(ROOT / "replication")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        edit(shrink)
        prepare(load_params().datasets["toy-bimodal"], DATA / "toy-bimodal")
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


DAMAGE: dict[str, Callable[[Path], object]] = {
    "changed weights": lambda folder: zeros_in_the_middle(folder / "step40.safetensors"),
    "missing weights": lambda folder: (folder / "step0.safetensors").unlink(),
    "half a file": lambda folder: (folder / "step40.safetensors").write_bytes(b"half"),
    "changed losses": lambda folder: zeros_in_the_middle(folder / "history.safetensors"),
    "empty provenance": lambda folder: (folder / "provenance.json").write_text(""),
    "foreign provenance": lambda folder: (folder / "provenance.json").write_text("[]"),
    "a provenance without hashes": lambda folder: (folder / "provenance.json").write_text('{"steps": [0, 40]}'),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_what_is_damaged_is_refused_by_score_and_trained_again_by_train(
    training: Path, damage: Callable[[Path], object]
) -> None:
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


@pytest.mark.parametrize("damage", SCORES.values(), ids=SCORES)
def test_scores_that_are_damaged_are_measured_again(training: Path, damage: Callable[[Path], object]) -> None:
    score.main([CELL])
    folder = SCORED / load_params().cell(CELL).folder
    whole = {name: (folder / name).read_bytes() for name in ("measurements.csv", "samples.npz")}
    damage(folder)
    score.main([CELL])
    assert {name: (folder / name).read_bytes() for name in whole} == whole and not changed_file(
        folder, recorded(folder)
    )


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "updates": (lambda content: content["recipes"]["gan"]["toy-k1"].update(updates=80), "another recipe"),
    "latent_dim": (lambda content: content["recipes"]["gan"]["toy-k1"].update(latent_dim=9), "another recipe"),
    "seeds": (lambda content: content["run"]["cells"][CELL].update(seeds="1-3"), "another seeds"),
    "data": (lambda content: content["datasets"]["toy-bimodal"].update(seed=9), "other data"),
}


@pytest.mark.parametrize("scored_before", [False, True])
@pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES)
def test_a_training_of_something_else_is_not_scored_under_this_name(
    training: Path, change: Callable[[dict[str, Any]], object], words: str, scored_before: bool
) -> None:
    if scored_before:
        score.main([CELL])
    edit(change)
    prepare(load_params().datasets["toy-bimodal"], DATA / "toy-bimodal")
    with pytest.raises(InputError, match=words):
        score.main([CELL])
    train.main([CELL])
    score.main([CELL])
