"""The training stage as a user runs it, on a params.yaml in small."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from replication import prepare
from replication import train as stage
from replication.config.params import load_params
from replication.foundation.command import exit_clearly
from replication.foundation.errors import InputError
from replication.foundation.places import TRAINED
from replication.foundation.provenance import code_hash, environment, import_closure
from replication.training import block, cells
from replication.training.block import Paused
from replication.training.code import training_code
from replication.training.state import State, initial_state
from tests.in_small import Change, edit, put, write_small

TOY, DIGITS = "cpu-gan-toy-k1", "cpu-deligan-digits"


@pytest.fixture(autouse=True)
def workplace(sources: Path) -> None:
    """A folder with the sources and small recipes, the current directory of the test."""
    write_small({TOY: "1-3", DIGITS: "0-1"}, threads=2)  # of which the recipes have one


def train(key: str, dataset: str) -> Path:
    """Prepare the data and train a cell through the stage's own entry; its output."""
    if not (stage.DATA / dataset).exists():
        prepare.main([dataset])
    stage.main([key])
    return TRAINED / load_params().cell(key).folder


def read(output: Path) -> dict[str, Any]:
    return json.loads((output / "provenance.json").read_text(encoding="utf-8"))


def contents(output: Path) -> dict[str, object]:
    """Every file's bytes, provenance without its clock."""
    files: dict[str, object] = {f.name: f.read_bytes() for f in output.iterdir() if f.suffix == ".safetensors"}
    return {**files, "provenance": {key: value for key, value in read(output).items() if key != "clock"}}


def test_a_toy_cell() -> None:
    output = train(TOY, "toy-bimodal")
    weights = {f"step{step}.safetensors" for step in (0, 10, 20, 40)}
    assert {file.name for file in output.iterdir()} == {*weights, "history.safetensors", "provenance.json"}
    final = load_file(output / "step40.safetensors")
    assert final["generator.body.0.weight"].shape == (3, 4, 2)
    assert not any(name.startswith(("first", "balance", "steps")) for name in final)
    assert load_file(output / "history.safetensors")["losses"].shape == (3, 40, 2)
    provenance = read(output)
    cell = load_params().cell(TOY)
    for name in ("model", "recipe", "variant", "dataset", "split", "seeds"):
        assert provenance[name] == getattr(cell, name)
    assert (provenance["cell"], provenance["updates"], provenance["window"], provenance["steps"]) == (
        TOY,
        40,
        1,
        [0, 10, 20, 40],
    )
    assert provenance["diverged_seeds"] == {} and provenance["environment"]["threads"] == 1  # the recipe's
    assert {*provenance["clock"]} == {"started", "duration_s", "host", "usage"} and provenance["clock"]["usage"][
        "seeds"
    ] > 0
    files, names = training_code("gan"), Path("replication/models/__init__.py")  # names of models change no training
    assert {Path("replication/training/cells.py"), *import_closure(Path("replication/models/gan.py"))} - {names} < files
    assert provenance["code_sha256"] == code_hash(files) and Path("replication/training/loop.py") in files
    strangers = ("models/__init__", "deligan", "scoring", "metrics/inception", "report", "requirements")
    assert not any(name in str(file) for file in files for name in strangers) and "selected_steps" not in provenance
    assert (provenance["device"], provenance["precision"]) == ("cpu", "float32")
    assert not list(Path(".replication/checkpoints").glob("*/*")), "a finished cell keeps no checkpoint"


@pytest.mark.integration
def test_an_image_cell_twice_gives_the_same_bytes() -> None:
    output = train(DIGITS, "digits")
    first = contents(output)
    assert load_file(output / "step20.safetensors")["generator.prior.sigma"].shape == (2, 50, 3)
    (output / "provenance.json").unlink()
    assert contents(train(DIGITS, "digits")) == first


@pytest.mark.integration
def test_a_finished_output_is_kept_and_one_of_another_recipe_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    output = train(TOY, "toy-bimodal")
    before, clock = contents(output), read(output)["clock"]
    with monkeypatch.context() as patch:
        patch.setattr(stage, "train_block", lambda *_: pytest.fail("trained again"))
        train(TOY, "toy-bimodal")
    assert contents(output) == before and read(output)["clock"] == clock
    edit(put("recipes.gan.toy-k1.adam.learning_rate", 0.01))
    after = contents(train(TOY, "toy-bimodal"))
    assert after["step40.safetensors"] != before["step40.safetensors"]
    assert after["step0.safetensors"] == before["step0.safetensors"]
    assert read(output)["params_sha256"] != before["provenance"]["params_sha256"]  # pyright: ignore[reportIndexIssue]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("data_sha256", put("datasets.toy-bimodal.seed", 1)),
        ("seeds", put(f"run.cells.{TOY}.seeds", "1-2")),
        ("params_sha256", put("recipes.gan.toy-k1.discriminator_scale", 1.0)),
        ("", put("run.threads", 1)),
    ],
)
def test_the_key_of_a_cell_sees(field: str, change: Change) -> None:
    def key() -> dict[str, Any]:
        prepare.main(["toy-bimodal"])
        params, place = load_params(), stage.DATA / "toy-bimodal"
        samples = cells.training_samples(stage.load_prepared(place), stage.load_split(place, "full"))
        where = environment("cpu", params.profile.threads)
        return cells.cell_key(params.cell(TOY), params.recipe("gan", "toy-k1", "paper"), samples, "cpu", where)

    before = key()
    assert key() == before
    edit(change)
    after = key()
    changed = {name for name in before if before[name] != after[name]}
    assert changed - {"params_sha256"} == {field} - {"params_sha256", ""} and changed >= {field} - {""}


@pytest.mark.integration
def test_a_diverged_seed_stands_in_the_provenance(monkeypatch: pytest.MonkeyPatch) -> None:
    def beyond_floats(*arguments: Any) -> State:
        state = initial_state(*arguments)
        next(tensor for tensor in state.values() if tensor.is_floating_point() and tensor.dim() > 2).fill_(math.inf)
        return state

    monkeypatch.setattr(block, "initial_state", beyond_floats)
    provenance = read(train(TOY, "toy-bimodal"))
    assert set(provenance["diverged_seeds"]) == {"1", "2", "3"}
    assert all(0 < step <= 40 for step in provenance["diverged_seeds"].values())


@pytest.mark.integration
def test_what_one_machine_began_another_finishes(monkeypatch: pytest.MonkeyPatch) -> None:
    edit(put("recipes.gan.toy-k1.engine", "kernel"), put("recipes.gan.toy-k1.updates", 1600))  # two pieces
    prepare.main(["toy-bimodal"])
    real = stage.environment

    def on(name: str, threads: int) -> None:
        where = {"device": name, "threads": threads}
        monkeypatch.setattr(stage, "environment", lambda *arguments: {**real(*arguments), **where})
        edit(put("run.threads", threads))

    on("A processor", 1)
    with pytest.raises(Paused, match="stopped at update 400 of 1600"):  # where networks are scored
        stage.train_cell(load_params(), load_params().cell(TOY), lambda *_: True)
    (file,) = Path(".replication/checkpoints").glob("*/clock.json")
    stored = json.loads(file.read_text("utf-8"))
    assert 0 <= stored["duration_s"] < 600
    file.write_text(json.dumps({**stored, "started": "2020-01-01T00:00:00+00:00", "duration_s": 5000.0}), "utf-8")
    on("Another processor", 2)
    assert stage.train_cell(load_params(), load_params().cell(TOY))
    output = TRAINED / load_params().cell(TOY).folder
    resumed, clock = contents(output), read(output)["clock"]
    assert clock["started"].startswith("2020") and 5000 <= clock["duration_s"] < 5600  # the sum of both calls
    assert read(output)["environment"]["device"] == "A processor, then Another processor"
    assert not stage.train_cell(load_params(), load_params().cell(TOY))
    (output / "provenance.json").unlink()
    assert stage.train_cell(load_params(), load_params().cell(TOY))
    assert {**contents(output), "provenance": 0} == {**resumed, "provenance": 0}
    assert read(output)["environment"]["device"] == "Another processor"
    assert not read(output)["clock"]["started"].startswith("2020")  # it began anew


@pytest.mark.integration
def test_a_part_of_the_seeds_is_trained_beside_the_plan_and_ends_the_same() -> None:
    whole = train(TOY, "toy-bimodal")
    before = contents(whole)
    stage.main([TOY, "--seeds", "2-3"])
    part = TRAINED / "cpu-parts/gan" / f"{TOY}+2-3"
    assert contents(whole) == before and read(part)["seeds"] == "2-3"
    for file in whole.glob("*.safetensors"):
        tensors, some = load_file(file), load_file(part / file.name)
        assert all(torch.equal(tensors[name][1:], some[name]) for name in tensors), file.name
    stage.main(["gan"])
    assert part.is_dir() and contents(whole) == before
    with pytest.raises(InputError, match="--seeds 3-4 is no part of cell cpu-gan-toy-k1, whose seeds are 1-3"):
        stage.main(["gan", "--seeds", "3-4"])
    if not torch.cuda.is_available():
        prepare.main(["digits"])
        with pytest.raises(InputError, match="torch finds none"):
            stage.main([DIGITS, "--device", "cuda"])


@pytest.mark.integration
def test_a_model_trains_its_cells_keeps_those_that_are_as_before_and_removes_strangers() -> None:
    train(TOY, "toy-bimodal")
    folder = TRAINED / load_params().cell(TOY).folder
    before = read(folder)
    (folder.parent / "cpu-gone").mkdir()
    stage.main(["gan"])
    assert [path.name for path in folder.parent.iterdir()] == [TOY] and read(folder) == before  # its clock included
    edit(put("recipes.gan.toy-k1.updates", 20))
    stage.main(["gan"])
    assert read(folder)["updates"] == 20


@pytest.mark.parametrize(("key", "named"), [("cpu-gan", f"{TOY}, {DIGITS}"), (DIGITS, "replication.prepare digits`")])
def test_what_a_user_can_mend(capsys: pytest.CaptureFixture[str], key: str, named: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        exit_clearly(lambda: stage.main([key]))
    errors = capsys.readouterr().err
    assert stopped.value.code == 2 and named in errors and errors.count("\n") == 1
    assert not TRAINED.exists()


def test_a_stopping_rule_measures_the_images_outside_of_the_split() -> None:
    edit(put("recipes.deligan.digits.stopping", {"every": 10, "samples": 50, "sigma_points": 20}))
    provenance = read(train(DIGITS, "digits"))
    assert set(provenance["selected_steps"]) == {"0", "1"} and set(provenance["selected_steps"].values()) <= {10, 20}
    edit(put(f"run.cells.{DIGITS}.split", "full"))
    with pytest.raises(InputError, match=f"{DIGITS}: the stopping rule measures training samples outside of the spl"):
        train(DIGITS, "digits")
