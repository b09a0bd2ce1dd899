"""Write down what each stage of the pipeline reads: `python -m replication.inputs`.

Writes `outputs/inputs/<stage>.json`, or `outputs/inputs/<stage>/<name>.json` where there are several of a stage: the
values of params.yaml that it reads and the SHA-256 of the source files that it runs. A stage in dvc.yaml depends on its
file, and so runs again where one of them changed. DVC could compare both itself, but it parses params.yaml eight times
for each stage and lists everything in dvc.lock, which it rewrites after each: more than a minute of a default run.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, reduce
from pathlib import Path
from typing import Any

from replication.config.expansion import read_params
from replication.config.params import load_params
from replication.foundation.atomic import atomic_directory
from replication.foundation.command import exit_clearly
from replication.foundation.provenance import import_closure, sha256_file
from replication.models import MODELS, source_file
from replication.training.code import training_code

OUTPUT = Path("outputs/inputs")
Key = tuple[str, ...]  # of params.yaml: ("run", "device")

DEVICE: tuple[Key, ...] = (("run", "device"), ("run", "threads"))
SCORING: tuple[Key, ...] = (*DEVICE, ("run", "name"), ("run", "probe"), ("run", "protocols"), ("judges",))
OF_EXPERIMENTS = ("feature_controls", "near_duplicates", "real_neighbours", "experiments")
SHARED: tuple[Key, ...] = (("theory",), ("background",), ("released",))  # by the experiments of every profile
CHECKED: tuple[Key, ...] = (("run", "feature_controls"), ("run", "near_duplicates"), ("background",), ("released",))
EXPERIMENTS: tuple[Key, ...] = (*SCORING, *(("run", name) for name in OF_EXPERIMENTS), *SHARED)


def stage_inputs(written: Mapping[str, Any], root: Path = Path(".")) -> dict[str, dict[str, Any]]:
    """Values of `written` (params.yaml written out, the profile in force under `run`) and source hashes, by stage."""
    hashed = cache(sha256_file)
    return {
        name: {
            "params": {".".join(key): reduce(lambda value, part: value[part], key, written) for key in keys},
            "code": {str(file.relative_to(root)): hashed(file) for file in _sources(name, models, root)},
        }
        for name, keys, models in _stages(written)
    }


def _stages(written: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Key], Iterable[str]]]:
    """Name, keys of params.yaml and models of each stage."""
    run = written["run"]
    for name in run["datasets"]:
        yield f"prepare/{name}", [("datasets", name)], ()
    for name in run["judges"]:
        yield f"judge/{name}", [*DEVICE, ("judges", name)], ()
    for model in run["models"]:
        cells = {key: cell for key, cell in run["cells"].items() if cell["model"] == model}
        keys: list[Key] = [("run", "cells", key) for key in cells]
        yield f"train/{model}", [*DEVICE, *keys, *_recipes(written, cells.values())], [model]
        data = dict.fromkeys(cell["dataset"] for cell in cells.values())
        judged = [("datasets", name, "judged_by") for name in data if "judged_by" in written["datasets"][name]]
        yield f"score/{model}", [*SCORING, *keys, *judged], [model]  # recipes reach it through what was trained
    sets, judges = [("datasets", name) for name in run["datasets"]], [("judges", name) for name in run["judges"]]
    grid: list[Key] = [("run", name) for name in ("models", "cells", "experiments")]
    asked = [*run["cells"].values(), *run["experiments"].values()]
    needed = [*grid, *SCORING, *CHECKED, *sets, *judges, *_recipes(written, asked)]
    yield "prepared", list(dict.fromkeys(needed)), run["models"]
    cells = run["experiments"].values()
    theory = any(cell.get("experiment") == "theory" for cell in cells)
    generator: list[Key] = [("recipes", "gan", written["theory"]["generator"])] if theory else []
    built = [cell["model"] for cell in cells if cell["model"] in MODELS]
    yield "experiment", [*EXPERIMENTS, *generator, *_recipes(written, cells)], built
    yield "report", [], ()  # it shows all recipes, and depends on the whole of params.yaml
    yield "page", [], ()


def _recipes(written: Mapping[str, Any], cells: Iterable[Mapping[str, Any]]) -> list[Key]:
    """Keys of the recipes that cells name; an experiment may name what is none."""
    named = [(cell["model"], cell["recipe"]) for cell in cells]
    return [("recipes", *names) for names in named if names[1] in written["recipes"].get(names[0], {})]


def _sources(name: str, models: Iterable[str], root: Path) -> list[Path]:
    """Source files that a stage runs: its module, its models and all that they import; of `train` what keys hold."""
    stage = name.split("/")[0]
    if stage == "train":
        return sorted(file for model in models for file in training_code(model, root))
    module = root / "replication" / stage
    entries = [module / "__main__.py" if module.is_dir() else module.with_suffix(".py")]
    entries += [root / source_file(model) for model in models]
    return sorted({file for entry in entries for file in import_closure(entry, root)})


def write_each(output: Path, stages: Mapping[str, Mapping[str, Any]]) -> None:
    """Write a folder of one JSON file for each stage, whole or not at all; a name may hold a `/`."""
    with atomic_directory(output) as directory:
        for name, content in stages.items():
            path = directory / f"{name}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write what each stage of the profile in force reads."""
    argparse.ArgumentParser(prog="python -m replication.inputs").parse_args(arguments)
    load_params()  # what is wrong with params.yaml stops the pipeline here
    write_each(OUTPUT, stage_inputs(read_params(Path("params.yaml"))))


if __name__ == "__main__":
    exit_clearly(main)
