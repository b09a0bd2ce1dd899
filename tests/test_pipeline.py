"""dvc.yaml against the code: an edit re-runs all that it can change, and nothing else."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from replication.config.strict import read_yaml
from replication.foundation.provenance import import_closure
from replication.inputs import stage_inputs
from replication.models import MODELS, source_file
from tests.in_small import ROOT, params_written

PIPELINE: dict[str, dict[str, Any]] = read_yaml(ROOT / "dvc.yaml")["stages"]
PARAMS = params_written()
STAGES = {name: stage.get("do", stage) for name, stage in PIPELINE.items()}
COMPUTING = [name for name in STAGES if name not in ("inputs", "data")]
LAYERS = ROOT / "replication/models/layers"
# What a stage gives to functions of other modules that read `params` themselves.
PASSED_ON: dict[str, set[str]] = {
    "train": {"run.device"},  # what protocols need is only looked for, and again by the stage that runs them
    "score": {"judges"},
    "experiment": {"judges"},
    "report": {"recipes", "run"},
}

# What a stage sees through the output of another, which changes with it.
THROUGH_TRAINING = {"score": {"recipes", "datasets"}}  # of data sets alone who judges them, where that is said


@cache
def inputs_of(profile: str) -> dict[str, Any]:
    return stage_inputs({**PARAMS, "run": PARAMS["profiles"][profile]}, ROOT)


def module_of(stage: str) -> Path:
    package = ROOT / "replication" / stage
    return package / "__main__.py" if package.is_dir() else package.with_suffix(".py")


def closure(file: Path) -> set[str]:
    return {str(result.relative_to(ROOT)) for result in import_closure(file, ROOT)}


def written_for(stage: str, run: dict[str, Any]) -> list[str]:
    """The files of `replication.inputs` that the stages of a name depend on, from dvc.yaml's grid for a profile."""
    (place,) = [dep for dep in STAGES[stage]["deps"] if dep.startswith("outputs/inputs/")]
    lists = {"prepare": "datasets", "judge": "judges", "train": "models", "score": "models"}
    names = run[lists[stage]] if stage in lists else [""]
    return [place.replace("${item}", name).replace("${item.model}", name) for name in names]


KINDS = ("outs", "metrics")


@pytest.mark.parametrize("profile", PARAMS["profiles"])
def test_every_stage_depends_on_what_is_written_of_its_own_inputs(profile: str) -> None:
    run = PARAMS["profiles"][profile]
    files = {stage: written_for(stage, run) for stage in COMPUTING}
    expected = {f"outputs/inputs/{name}.json" for name in inputs_of(profile)}
    assert sorted(expected) == sorted(file for named in files.values() for file in named)
    for stage, named in files.items():
        assert all(file.startswith((f"outputs/inputs/{stage}/", f"outputs/inputs/{stage}.json")) for file in named)


def test_sources_are_dependencies_of_the_first_stage_alone() -> None:
    written = [dep for dep in STAGES["inputs"]["deps"] if dep != "params.yaml"]
    covered = [str(f.relative_to(ROOT)) for dep in written for f in ((ROOT / dep).rglob("*.py"))]
    covered += [dep for dep in written if dep.endswith(".py")]
    needed = closure(module_of("inputs")).union(*(inputs["code"] for inputs in inputs_of("cpu").values()))
    needed |= {str(source_file(model)) for model in MODELS}  # of other profiles too
    assert needed <= set(covered) and {dep for dep in written if dep.endswith(".py")} <= needed
    assert len(set(covered)) == len(covered)
    for stage in COMPUTING:
        sources = [dep for dep in STAGES[stage]["deps"] if dep.startswith("replication")]
        beside = ["replication/report/templates", "replication/report/error_rates.json"]  # its code, what it reads
        assert sources == (beside if stage == "page" else [])


@pytest.mark.parametrize("model", MODELS)
def test_of_the_models_a_model_imports_layers_alone(model: str) -> None:
    source, models = str(source_file(model)), {str(file.relative_to(ROOT)) for file in LAYERS.parent.rglob("*.py")}
    layers = {str(file.relative_to(ROOT)) for file in LAYERS.glob("*.py")}
    assert layers == {str(file.relative_to(ROOT)) for file in LAYERS.rglob("*.py")}  # which the deps list
    assert closure(ROOT / source) & models <= layers | {source, "replication/models/__init__.py"}


def test_every_layer_is_of_some_model_or_judge() -> None:
    used = closure(module_of("judge")).union(*(closure(ROOT / source_file(model)) for model in MODELS))
    assert {str(file.relative_to(ROOT)) for file in LAYERS.glob("*.py")} <= used


def test_the_experiments_depend_on_the_models_that_they_build() -> None:
    named = re.findall(r'params\.recipe\(\s*"(\w+)"', module_of("experiment").read_text("utf-8"))
    assert named and {str(source_file(model)) for model in named} <= set(inputs_of("cpu")["experiment"]["code"])
    cells = [cell for profile in PARAMS["profiles"].values() for cell in profile["experiments"].values()]
    assert {cell["model"] for cell in cells if cell["experiment"] in ("theory", "feature-controls")} == set(named)


def test_every_stage_runs_a_module_of_its_own_name() -> None:
    for name, stage in STAGES.items():
        command = stage["cmd"].split()
        assert command[:3] == ["python", "-m", f"replication.{name}"]
        assert command[3:] in ([], ["${item}"], ["${key}"], ["${item.model}"], ["all"])
        assert module_of(name).is_file()


def reads(stage: str) -> set[str]:
    """Dotted keys of params.yaml that the stage's own module reads, from its source."""
    kinds = {"recipe": "recipes", "recipe_of": "recipes", "judged_by": "datasets"}
    kinds |= {"trained_cells": "run.cells", "experiment": "run.experiments"}
    source = module_of(stage).read_text(encoding="utf-8")
    keys = set(PASSED_ON.get(stage, ()))
    for first, inner in re.findall(r"\b(?:params|load_params\(\))\.(\w+)(?:\.(\w+))?", source):
        keys.add(f"run.{inner}" if first == "profile" and inner else kinds.get(first, first))
    elsewhere = {"run.runner", "run.cluster"}  # where the work is done changes no result, and runs no stage again
    return keys - {"profile", "yaml"} - elsewhere - THROUGH_TRAINING.get(stage, set())


@pytest.mark.parametrize("stage", COMPUTING)
def test_the_params_written_down_cover_those_read(stage: str) -> None:
    if "params.yaml" in STAGES[stage]["deps"]:
        return  # the whole file is
    for file in written_for(stage, PARAMS["profiles"]["cpu"]):
        listed = inputs_of("cpu")[file.removeprefix("outputs/inputs/").removesuffix(".json")]["params"]
        for key in reads(stage):
            assert any(f"{key}.".startswith(f"{known}.") or known.startswith(f"{key}.") for known in listed), key


def test_what_reads_finds() -> None:
    assert reads("train") >= {"run.device", "run.threads", "run.cells", "recipes"}
    assert reads("experiment") >= {"run.name", "run.probe", "run.experiments", "recipes", "theory", "judges"}
    assert reads("prepare") == {"datasets"}


def test_a_stage_sees_what_the_others_made() -> None:
    assert STAGES["data"]["always_changed"]  # nothing else can notice a changed picture
    assert "outputs/raw/${item}.json" in STAGES["prepare"]["deps"]
    assert {"outputs/data", "outputs/judge"} <= set(STAGES["prepared"]["deps"])
    for stage in ("train", "score", "experiment"):  # of data sets those alone that their cells name
        assert not {"outputs/data", "outputs/judge"} & set(STAGES[stage]["deps"])
        place = "experiment" if stage == "experiment" else f"{stage}/${{item.model}}"
        assert f"outputs/prepared/{place}.json" in STAGES[stage]["deps"]
    # Or DVC deletes the cells that training would keep.
    assert STAGES["train"]["outs"] == [{"outputs/train/${item.profile}/${item.model}": {"persist": True}}]
    (trained,) = STAGES["train"]["outs"]
    # Recipes and data reach scoring through what was trained on them.
    assert {*trained} <= set(STAGES["score"]["deps"])
    for stage in ("score", "experiment"):
        assert all(option == {"persist": True} for (option,) in map(dict.values, STAGES[stage]["outs"]))


def test_one_stage_owns_a_place_and_only_reports_and_the_page_are_in_git() -> None:
    outputs = [(name, out) for name, stage in STAGES.items() for kind in KINDS for out in stage.get(kind, [])]
    places = []
    for name, out in outputs:
        for place, option in (out if isinstance(out, dict) else {out: {}}).items():
            places.append(place)
            assert place.startswith("reports/" if name in ("report", "page") else "outputs/")
            assert (option.get("cache", True) is False) == place.startswith("reports/")
    assert len(places) == len(set(places)) and {name for name, _ in outputs} == set(STAGES)
    for profile in PARAMS["profiles"].values():
        assert not set(profile["cells"]) & set(profile["experiments"])  # a key names one folder
