"""What the stages read: an edit changes the files of the stages that it concerns, and no other."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from replication.config.expansion import read_params
from replication.config.params import value_at
from replication.foundation.errors import InputError
from replication.inputs import OUTPUT, main, stage_inputs
from tests.in_small import ROOT, params_written, put

MODELS = ("gan", "dcgan", "improved_gan", "deligan")
LAST = MODELS[2:]  # which have minibatch layers
TRAIN, SCORE = {f"train/{model}" for model in MODELS}, {f"score/{model}" for model in MODELS}
PREPARE = {f"prepare/{name}" for name in ("toy-bimodal", "digits", "digits-planted")}
JUDGE = {"judge/digits", "judge/digits-planted"}

PARAMS = {
    "recipes.dcgan.digits-planted.updates": {"prepared", "train/dcgan"},
    "recipes.dcgan.digits.batch": {"prepared", "train/dcgan", "experiment"},  # whose networks, untrained, are a control
    "recipes.gan.toy-k1.batch": {"prepared", "train/gan", "experiment"},  # its generator is measured by the theory
    "recipes.dcgan.cifar10.batch": set(),  # of another profile
    "profiles.paper.threads": set(),
    "datasets.digits.splits": {"prepare/digits", "prepared"},
    "datasets.mnist.splits": set(),
    "judges.digits.epochs": {"judge/digits", "prepared", "experiment", *SCORE},
    "run.cells.cpu-gan-digits.seeds": {"prepared", "train/gan", "score/gan"},
    "run.experiments.cpu-theory.seeds": {"prepared", "experiment"},
    "run.device": {*JUDGE, "prepared", *TRAIN, *SCORE, "experiment"},
    "run.threads": {*JUDGE, "prepared", *TRAIN, *SCORE, "experiment"},
    "run.probe.costs": {"prepared", *SCORE, "experiment"},
    "run.near_duplicates.pairs": {"prepared", "experiment"},
    "theory.updates": {"experiment"},
    "background.outliers.width": {"prepared", "experiment"},
    "released.draws": {"prepared", "experiment"},
}
CODE = {
    "models/gan.py": {"prepared", "train/gan", "score/gan", "experiment"},
    "models/deligan.py": {"prepared", "train/deligan", "score/deligan"},
    "models/layers/minibatch.py": {"prepared", *(f"{stage}/{name}" for stage in ("train", "score") for name in LAST)},
    "models/__init__.py": {*JUDGE, "prepared", *SCORE, "experiment"},  # a name more trains nothing
    "table/definitions/toy.py": {"prepared", *SCORE, "experiment", "report", "page"},
    "train.py": set(),  # trainings are kept by their keys
    "training/block.py": {*TRAIN},  # scores follow through what was trained
    "scoring/toy.py": {*SCORE, "experiment"},
    "experiments/theory.py": {"experiment"},
    "data/embedded.py": PREPARE,
    "report/figures.py": {"report"},
    "report/page.py": {"page"},
    "config/strict.py": {*PREPARE, *JUDGE, "prepared", *TRAIN, *SCORE, "experiment", "report", "page"},
    "check.py": set(),
}


def written() -> dict[str, Any]:
    """params.yaml with the default profile in force, all its values apart."""
    params = params_written()
    return json.loads(json.dumps({**params, "run": params["profiles"]["cpu"]}))


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize("key", PARAMS)
def test_an_edited_value(copied: Path, before: dict[str, Any], key: str) -> None:
    params = written()
    assert value_at(params, key)
    put(key, "edited")(params)
    assert changed(before, stage_inputs(params, copied)) == PARAMS[key]


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("copied")
    shutil.copytree(ROOT / "replication", root / "replication", ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.fixture(scope="module")
def before(copied: Path) -> dict[str, Any]:
    return stage_inputs(written(), copied)


@pytest.mark.parametrize("file", CODE)
def test_an_edited_source(copied: Path, before: dict[str, Any], file: str) -> None:
    path = copied / "replication" / file
    source = path.read_bytes()
    path.write_bytes(source + b"# edited\n")
    after = stage_inputs(written(), copied)
    path.write_bytes(source)
    assert changed(before, after) == CODE[file]


def test_a_new_cell_is_of_its_model_alone(copied: Path, before: dict[str, Any]) -> None:
    params = written()
    cells = params["run"]["cells"]
    params["run"]["cells"] = {"cpu-new": {**cells["cpu-deligan-toy"], "seeds": "20"}, **cells}
    assert changed(before, stage_inputs(params, copied)) == {"prepared", "train/deligan", "score/deligan"}


def test_values_and_hashes_are_those_of_the_files() -> None:
    params, inputs = written(), stage_inputs(written(), ROOT)["judge/digits"]
    run = params["run"]
    expected = {"run.device": run["device"], "run.threads": run["threads"], "judges.digits": params["judges"]["digits"]}
    assert inputs["params"] == expected
    assert "replication/scoring/classifier.py" in inputs["code"] and "replication/train.py" not in inputs["code"]
    for name, digest in inputs["code"].items():
        assert digest == hashlib.sha256((ROOT / name).read_bytes()).hexdigest()


def test_the_command_writes_one_file_a_stage(sources: Path) -> None:
    main([])
    before = {str(path.relative_to(OUTPUT)): path.read_bytes() for path in OUTPUT.rglob("*.json")}
    assert {"report.json", "experiment.json", "prepare/toy-bimodal.json", "score/gan.json"} <= before.keys()
    assert json.loads(before["train/gan.json"]) == stage_inputs(read_params(Path("params.yaml")))["train/gan"]
    path = sources / "params.yaml"
    path.write_text(path.read_text("utf-8").replace("inner_steps:", "iner_steps:", 1), encoding="utf-8")
    with pytest.raises(InputError, match="iner_steps"):
        main([])
    assert {str(path.relative_to(OUTPUT)): path.read_bytes() for path in OUTPUT.rglob("*.json")} == before
