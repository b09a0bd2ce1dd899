"""The stage as a user runs it: what it writes, and how it fails."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from replication import prepare as stage
from replication.config.datasets import Dataset, Split
from replication.data.reading import load_images, load_split, load_toy
from replication.foundation.command import exit_clearly

FULL = {"full": Split("all")}


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in, with the repository's own params.yaml."""
    shutil.copy(Path(__file__).parents[1] / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def knows(monkeypatch: pytest.MonkeyPatch, *datasets: Dataset) -> None:
    known = {dataset.name: dataset for dataset in datasets}
    monkeypatch.setattr(stage, "load_params", lambda: SimpleNamespace(datasets=known))


def fails(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run the stage to its non-zero exit; return the one line that it said."""
    with pytest.raises(SystemExit) as stopped:
        exit_clearly(lambda: stage.main([name]))
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert not list(Path().glob("outputs/data/*/*"))
    return said


def contents(place: Path) -> dict[str, bytes]:
    return {str(file.relative_to(place)): file.read_bytes() for file in place.rglob("*") if file.is_file()}


def test_the_default_data_sets_need_no_network_and_repeat_bit_for_bit(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.main(["toy-bimodal", "digits"])
    said = capsys.readouterr().out
    assert said == "outputs/data/toy-bimodal: 400 train\noutputs/data/digits: 1297 train, 500 test\n"
    before = contents(workplace / "outputs")
    stage.main(["toy-bimodal", "digits"])
    assert contents(workplace / "outputs") == before
    assert load_toy(Path("outputs/data/toy-bimodal")).points.shape == (400, 2)
    images = load_images(Path("outputs/data/digits"))
    chosen = images.train_labels[load_split(Path("outputs/data/digits"), "last50")]
    assert np.bincount(chosen).tolist() == [50] * 10


def test_an_unknown_name_lists_the_known_ones(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "'digit' is no data set of params.yaml; accepted: toy-bimodal, toy-unimodal" in fails("digit", capsys)


def test_a_folder_under_a_name_of_its_own(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cat/a.png", "dog/b.png"):
        file = Path("data/raw/pets/train") / name
        file.parent.mkdir(parents=True)
        Image.new("L", (4, 4), 9).save(file)
    knows(monkeypatch, Dataset("pets", "folder", licence="mine", splits=FULL))
    stage.main(["pets"])
    data = load_images(Path("outputs/data/pets"))
    assert data.train_images.shape == (2, 3, 4, 4)
    assert (data.manifest["source"], data.manifest["canonical"], data.manifest["licence"]) == ("folder", False, "mine")


def test_a_split_that_cannot_be_had_leaves_no_half_written_output(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    knows(monkeypatch, Dataset("digits", "digits", splits={"many": Split("first", n=5000)}))
    assert "asks for 5000 images of the training set, which has only 1297" in fails("digits", capsys)
    assert list(Path("outputs/data").iterdir()) == []
