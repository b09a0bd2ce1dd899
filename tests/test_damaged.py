"""A training that is damaged, or of another recipe, split or data, is trained again by train and refused by score."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from replication import score, train
from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.foundation.places import DATA, SCORED, TRAINED
from replication.prepare import prepare
from replication.scoring import toy
from tests.in_small import edit, linked, put, write_small

pytestmark = pytest.mark.integration

CELL = "cpu-gan-toy-k1"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small parameters, prepared data and a small training."""
    root = linked(tmp_path_factory.mktemp("trained") / "place")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        write_small({CELL: "1-2"})
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
def test_what_is_damaged_is_trained_again(training: Path, damage: Callable[[Path], object]) -> None:
    whole = contents(training)
    damage(training)
    with pytest.raises(InputError, match=r"outputs/train/cpu/gan/cpu-gan-toy-k1.*run `uv run"):
        score.main([CELL])
    assert not SCORED.exists()
    train.main([CELL])
    assert contents(training) == whole
    score.main([CELL])


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
    prepare(load_params().datasets["toy-bimodal"], DATA / "toy-bimodal")
    with pytest.raises(InputError, match=words):
        score.main([CELL])
    train.main([CELL])
    score.main([CELL])
