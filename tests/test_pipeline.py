"""dvc.yaml against the code: an edit re-runs all that it can change, and nothing else."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from replication.models import MODELS, source_file
from replication.provenance import import_closure
from replication.strict import read_yaml

ROOT = Path(__file__).parents[1]
PIPELINE: dict[str, dict[str, Any]] = read_yaml(ROOT / "dvc.yaml")["stages"]
PARAMS = read_yaml(ROOT / "params.yaml")
STAGES = {name: stage.get("do", stage) for name, stage in PIPELINE.items()}
MODEL = "replication/models/${item.model}.py"
LAYERS = ROOT / "replication/models/layers"
# What a stage gives to functions of other modules that read `params` themselves.
PASSED_ON: dict[str, set[str]] = {"score": {"judges"}, "experiment": {"judges"}, "report": {"recipes", "run"}}

# What a stage sees through the output of another, which changes with it.
THROUGH_TRAINING = {"score": {"recipes", "run.cells"}}


def module_of(stage: str) -> Path:
    package = ROOT / "replication" / stage
    return package / "__main__.py" if package.is_dir() else package.with_suffix(".py")


def closure(file: Path) -> set[str]:
    return {str(found.relative_to(ROOT)) for found in import_closure(file, ROOT)}


def dependencies(stage: str) -> tuple[list[str], list[str]]:
    """Source dependencies of a stage as written, and every file that they cover; models apart."""
    models = {str(source_file(model)) for model in MODELS}
    written = [d for d in STAGES[stage]["deps"] if d.startswith("replication") and d != MODEL and d not in models]
    covered = []
    for place in written:
        path = ROOT / place
        covered += [str(f.relative_to(ROOT)) for f in path.rglob("*.py")] if path.is_dir() else [place]
    return written, covered


def needed(stage: str) -> set[str]:
    """What a stage's module imports, and what its models do: any layer, where a cell says which model is built."""
    files, deps = closure(module_of(stage)), set(STAGES[stage]["deps"])
    if MODEL in deps:
        return files | {str(file.relative_to(ROOT)) for file in LAYERS.glob("*.py")}
    built = {str(source_file(model)) for model in MODELS} & deps
    return files.union(*(closure(ROOT / model) for model in built)) - built


@pytest.mark.parametrize("stage", STAGES)
def test_dependencies_are_the_import_closure(stage: str) -> None:
    written, covered = dependencies(stage)
    assert set(covered) == needed(stage)
    assert len(set(covered)) == len(covered)
    for place in written:
        assert (ROOT / place).exists()
        others = {f.suffix for f in (ROOT / place).rglob("*") if f.is_file() and "__pycache__" not in f.parts}
        assert others <= {".py"} or place == "replication/report"  # which has its templates beside it


@pytest.mark.parametrize("model", MODELS)
def test_of_the_models_a_model_imports_layers_alone(model: str) -> None:
    own, models = str(source_file(model)), {str(file.relative_to(ROOT)) for file in LAYERS.parent.rglob("*.py")}
    layers = {str(file.relative_to(ROOT)) for file in LAYERS.glob("*.py")}
    assert layers == {str(file.relative_to(ROOT)) for file in LAYERS.rglob("*.py")}  # which the deps list
    assert closure(ROOT / own) & models <= layers | {own, "replication/models/__init__.py"}


def test_every_layer_is_of_some_model_or_judge() -> None:
    used = closure(module_of("judge")).union(*(closure(ROOT / source_file(model)) for model in MODELS))
    assert {str(file.relative_to(ROOT)) for file in LAYERS.glob("*.py")} <= used


@pytest.mark.parametrize("model", MODELS)
def test_a_model_needs_nothing_beyond_its_stage(model: str) -> None:
    for stage in ("train", "score"):
        assert MODEL in STAGES[stage]["deps"]
        _, covered = dependencies(stage)
        assert closure(ROOT / source_file(model)) <= {*covered, str(source_file(model))}


def test_the_experiments_depend_on_the_models_that_they_build() -> None:
    written = {d for d in STAGES["experiment"]["deps"] if d.startswith("replication/models/")}
    models = {str(source_file(model)) for model in MODELS}
    named = re.findall(r'params\.recipe\(\s*"(\w+)"', module_of("experiment").read_text("utf-8"))
    assert named and written & models == {str(source_file(model)) for model in named}
    cells = [cell for profile in PARAMS["profiles"].values() for cell in profile["experiments"].values()]
    assert {cell["model"] for cell in cells if cell["experiment"] in ("theory", "feature-controls")} == set(named)


def test_the_closure_sees_every_import() -> None:
    for file in (ROOT / "replication").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            relative = isinstance(node, ast.ImportFrom) and node.level > 0
            assert not relative, f"{file}: the import closure follows absolute imports only"


def test_every_stage_runs_a_module_of_its_own_name() -> None:
    for name, stage in STAGES.items():
        command = stage["cmd"].split()
        assert command[:3] == ["python", "-m", f"replication.{name}"]
        assert command[3:] in ([], ["${item}"], ["${key}"], ["${item.model}"], ["all"])
        assert module_of(name).is_file()


def reads(stage: str) -> set[str]:
    """Dotted keys of params.yaml that the stage's own module reads, from its source."""
    keys = set(PASSED_ON.get(stage, set()))
    kinds = {"recipe": "recipes", "trained_cells": "run.cells", "experiment": "run.experiments"}
    for node in ast.walk(ast.parse(module_of(stage).read_text(encoding="utf-8"))):
        chain = list(attributes(node))
        if chain[-1:] == ["params"] or chain[-1:] == ["load_params"]:
            path = list(reversed(chain[:-1]))
            if path:
                first = kinds.get(path[0], path[0])
                keys.add("run." + path[1] if first == "profile" and len(path) > 1 else first)
    return keys - {"profile"} - THROUGH_TRAINING.get(stage, set())


def attributes(node: ast.AST) -> Iterator[str]:
    """`params.profile.name` → name, profile, params; a call stands for its result."""
    while isinstance(node, ast.Attribute):
        yield node.attr
        node = node.value
    node = node.func if isinstance(node, ast.Call) else node
    if isinstance(node, ast.Name):
        yield node.id


@pytest.mark.parametrize("stage", STAGES)
def test_the_params_listed_cover_those_read(stage: str) -> None:
    listed = [re.sub(r"\.\$\{.*", "", key) for key in STAGES[stage].get("params", [])]
    if "params.yaml" in STAGES[stage]["deps"]:
        assert not listed  # the whole file is
        return
    missing = {
        key
        for key in reads(stage)
        if not any(key == known or key.startswith(known + ".") or known.startswith(key + ".") for known in listed)
    }
    assert not missing
    for key in listed:
        node = PARAMS
        for part in key.split("."):
            assert part in node, f"{stage} lists {key}, which params.yaml lacks"
            node = node[part]


def test_what_reads_finds() -> None:
    assert reads("train") >= {"run.device", "run.threads", "run.cells", "recipes"}
    assert reads("experiment") >= {"run.name", "run.probe", "run.experiments", "recipes", "theory", "judges"}
    assert reads("prepare") == {"datasets"}


def test_experiments_depend_on_the_recipes_that_they_name() -> None:
    cells = [cell for profile in PARAMS["profiles"].values() for cell in profile["experiments"].values()]
    probed = {f"recipes.dcgan.{cell['recipe']}" for cell in cells if cell["experiment"] == "feature-controls"}
    assert {f"recipes.gan.{PARAMS['theory']['generator']}", *probed} <= set(STAGES["experiment"]["params"])


def test_training_sees_every_parameter_and_keeps_what_it_trained() -> None:
    assert {"params.yaml", "outputs/data"} <= set(STAGES["train"]["deps"])
    assert STAGES["train"]["outs"] == [{"outputs/train/${item.profile}/${item.model}": {"persist": True}}]


def test_scoring_sees_cells_recipes_and_data_through_what_was_trained_on_them() -> None:
    (trained,) = STAGES["train"]["outs"]
    assert set(trained) <= set(STAGES["score"]["deps"])


def test_one_stage_owns_a_directory_and_only_the_report_is_in_git() -> None:
    outputs = [(name, out) for name, stage in STAGES.items() for out in stage["outs"]]
    for name, out in outputs:
        if name == "report":
            assert out == {"reports/${item.profile}": {"cache": False}}
        else:
            assert all(place.startswith("outputs/") for place in ([out] if isinstance(out, str) else out))
    assert len(outputs) == len(STAGES)
    for profile in PARAMS["profiles"].values():
        assert not set(profile["cells"]) & set(profile["experiments"])  # a key names one folder


def test_the_grid_comes_from_the_profile_in_force() -> None:
    grids = {name: stage.get("foreach", stage.get("matrix")) for name, stage in PIPELINE.items()}
    profile = {"profile": ["${run.name}"]}
    assert grids == {
        "prepare": "${run.datasets}",
        "judge": "${run.judges}",
        "train": {**profile, "model": "${run.models}"},
        "score": {**profile, "model": "${run.models}"},
        "experiment": profile,
        "report": profile,
    }


def test_dvc_asks_nobody_and_ignores_caches() -> None:
    settings = configparser.ConfigParser()
    settings.read_string(re.sub(r"(?m)^\s+", "", (ROOT / ".dvc/config").read_text(encoding="utf-8")))
    assert settings["core"]["analytics"] == "false" and settings["core"]["check_update"] == "false"
    assert "__pycache__/" in (ROOT / ".dvcignore").read_text(encoding="utf-8").split()
