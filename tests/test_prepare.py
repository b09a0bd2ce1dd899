"""The stage as a user runs it: what it writes, and how it fails."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from replication import prepare as stage
from replication.config.datasets import Dataset, Split
from replication.data.reading import load_images, load_split, load_toy
from replication.foundation.command import exit_clearly


def knows(monkeypatch: pytest.MonkeyPatch, dataset: Dataset) -> None:
    monkeypatch.setattr(stage, "load_params", lambda: SimpleNamespace(datasets={dataset.name: dataset}))


def fails(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run the stage to its non-zero exit; return the one line that it said."""
    with pytest.raises(SystemExit) as stopped:
        exit_clearly(lambda: stage.main([name]))
    assert stopped.value.code == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: ") and errors.count("\n") == 1
    assert not list(Path().glob("outputs/data/*/*"))
    return errors


def test_the_default_data_sets_repeat_bit_for_bit(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contents = []
    for _ in range(2):
        stage.main(["toy-bimodal", "digits"])
        contents.append({path: path.read_bytes() for path in Path("outputs").rglob("*") if path.is_file()})
    printed = "outputs/data/toy-bimodal: 400 train\noutputs/data/digits: 1297 train, 500 test\n"
    assert capsys.readouterr().out == 2 * printed and contents[0] == contents[1]
    assert load_toy(Path("outputs/data/toy-bimodal")).points.shape == (400, 2)
    images = load_images(Path("outputs/data/digits"))
    chosen = images.train_labels[load_split(Path("outputs/data/digits"), "last50")]
    assert np.bincount(chosen).tolist() == [50] * 10


def test_a_folder_under_a_name_of_its_own(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cat/a.png", "dog/b.png"):
        file = Path("data/raw/pets/train") / name
        file.parent.mkdir(parents=True)
        Image.new("L", (4, 4), 9).save(file)
    knows(monkeypatch, Dataset("pets", "folder", licence="mine", splits={"full": Split("all")}))
    stage.main(["pets"])
    data = load_images(Path("outputs/data/pets"))
    assert data.train_images.shape == (2, 3, 4, 4)
    assert (data.manifest["source"], data.manifest["canonical"], data.manifest["licence"]) == ("folder", False, "mine")


def test_what_cannot_be_had_leaves_no_half_written_output(
    sources: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "'digit' is no data set of params.yaml; accepted: toy-bimodal, toy-unimodal" in fails("digit", capsys)
    knows(monkeypatch, Dataset("digits", "digits", splits={"many": Split("first", n=5000)}))
    assert "asks for 5000 images of the training set, which has only 1297" in fails("digits", capsys)
    assert list(Path("outputs/data").iterdir()) == []
