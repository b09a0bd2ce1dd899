"""Data sets as a user prepares them, how that fails, and what a stage depends on of prepared data and judges."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from replication import prepare as stage
from replication.config.datasets import Dataset, Split
from replication.config.params import Params, load_params
from replication.data.contents import ImageSet
from replication.data.reading import load_images, load_split, load_toy
from replication.data.sources import read_source
from replication.foundation.command import exit_clearly
from replication.foundation.errors import InputError
from replication.foundation.places import DATA, JUDGES, RAW
from replication.prepare import prepare
from replication.prepared import OUTPUT, main, used
from replication.scoring import room
from tests.pictures import save_picture


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
    Path("data/raw/pets/train/cat").mkdir(parents=True)
    Image.new("L", (4, 4), 9).save("data/raw/pets/train/cat/a.png")
    knows(monkeypatch, Dataset("pets", "folder", licence="mine", splits={"full": Split("all")}))
    stage.main(["pets"])
    data = load_images(Path("outputs/data/pets"))
    assert data.train_images.shape == (1, 3, 4, 4)
    assert (data.manifest["source"], data.manifest["canonical"], data.manifest["licence"]) == ("folder", False, "mine")


@pytest.mark.parametrize("name", ["a.png", "c.png"])
def test_a_picture_that_changes_while_it_is_read_is_not_taken_for_prepared(
    sources: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    def read(options: Dataset) -> ImageSet:
        contents = read_source(options)
        save_picture(options.raw / f"train/cat/{name}", 8)
        return cast(ImageSet, contents)

    save_picture(Path("data/raw/pets/train/cat/a.png"))
    knows(monkeypatch, Dataset("pets", "folder", splits={"full": Split("all")}))
    monkeypatch.setattr(stage, "read_source", read)
    assert f"train/cat/{name} changed while the files of data/raw/pets were read: prepare" in fails("pets", capsys)
    assert not list(RAW.glob("*"))


def test_what_cannot_be_had_leaves_no_half_written_output(
    sources: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "'digit' is no data set of params.yaml; accepted: toy-bimodal, toy-unimodal" in fails("digit", capsys)
    knows(monkeypatch, Dataset("digits", "digits", splits={"many": Split("first", n=5000)}))
    assert "asks for 5000 images of the training set, which has only 1297" in fails("digits", capsys)
    assert list(Path("outputs/data").iterdir()) == []


def listed() -> dict[str, Any]:
    """Run the command; the content of each file by its name."""
    main([])
    return {str(path.relative_to(OUTPUT)): json.loads(path.read_text("utf-8")) for path in OUTPUT.rglob("*.json")}


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


@pytest.fixture
def params(sources: Path) -> Params:
    """The parameters, with the data sets of the profile in force prepared below the current directory."""
    params = load_params()
    for name in params.profile.datasets:
        prepare(params.datasets[name], DATA / name)
    return params


@pytest.mark.integration
def test_each_stage_has_the_data_and_judges_of_its_cells_alone(params: Params) -> None:
    place = JUDGES / "digits" / "judge.safetensors"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"a judge")
    stages = listed()
    models = params.profile.models
    expected = {f"{stage}/{model}.json" for stage in ("train", "score") for model in models} | {"experiment.json"}
    assert set(stages) == expected
    assert set(stages["train/gan.json"]) == {"data/toy-bimodal", "data/digits"}
    assert set(stages["score/gan.json"]) == {"data/toy-bimodal", "data/digits", "judge/digits"}
    assert set(stages["train/dcgan.json"]) == {"data/digits", "data/digits-planted"}
    place.write_bytes(b"another judge")
    prepare(params.datasets["toy-unimodal"], DATA / "toy-unimodal")  # which no cell names
    again = listed()
    assert changed(stages, again) == {f"score/{model}.json" for model in models} | {"experiment.json"}
    options = params.datasets["digits-planted"]
    assert options.planted
    prepare(replace(options, planted=replace(options.planted, seed=1)), DATA / options.name)
    assert changed(again, listed()) == {"train/dcgan.json", "score/dcgan.json"}


def test_weights_of_others_change_the_stages_that_read_them(params: Params) -> None:
    some = next(iter(params.profile.experiments.values()))
    cell = next(cell for cell in params.profile.cells.values() if cell.model == "dcgan")
    experiments = {some.key: replace(some, experiment="released-probe")}
    cells = {cell.key: replace(cell, protocols=("inception",))}
    profile = replace(params.profile, experiments=experiments, cells=cells, models=("dcgan",))
    place = RAW / "_weights.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    stages = []
    for content in ("{}", '{"released": {"a": 1}}', '{"released": {"a": 1}, "inception": {"b": 2}}'):
        place.write_text(content)
        stages.append(used(replace(params, profile=profile)))
    assert changed(stages[0], stages[1]) == {"experiment"}
    assert changed(stages[1], stages[2]) == {"score/dcgan"}


def test_what_a_cell_lacks_stops_the_pipeline(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "memory", lambda: 1000)
    with pytest.raises(InputError, match="Cell cpu-.* GiB of memory"):
        main([])
    assert not OUTPUT.exists()


def test_a_data_set_that_is_not_prepared_is_named(sources: Path) -> None:
    params = load_params()
    cells = {key: cell for key, cell in params.profile.cells.items() if cell.dataset == "toy-bimodal"}
    few = replace(params, profile=replace(params.profile, cells=cells, experiments={}, models=("gan",)))
    with pytest.raises(InputError, match="no prepared data set in outputs/data/toy-bimodal"):
        used(few)
