"""A pipeline in small, command by command, each from a copy of what the ones before it left."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replication.config.expansion import read_params
from tests.conftest import BENCHMARK, ROOT, TOY

NETWORK = {"hidden": [4], "nonlinearity": "tanh"}
SMALL = {**TOY, "network": NETWORK, "n_samples": 100}
CELLS = {"cpu-k1": ("toy-k1", "toy-bimodal"), "cpu-digits": ("digits", "digits")}
PACKED = "cells.tar.gz"
PASSING = {"clock", "clocks", "duration_s", "started", "host"}  # what no two runs have in common
FLEETING = (".replication",)  # checkpoints and caches, which a finished command may or may not leave


@dataclass(frozen=True)
class Step:
    """One command; `after` names the step whose folder it begins from, `without` what is taken away first."""

    name: str
    module: str
    arguments: tuple[str, ...]
    after: str
    without: str = ""


STEPS = (
    Step("data", "replication.data.__main__", (), "start"),
    Step("prepare", "replication.prepare", ("toy-bimodal", "digits"), "data"),
    Step("judge", "replication.judge", ("digits",), "prepare"),
    Step("train", "replication.train", ("gan",), "judge"),
    Step("score", "replication.score", ("gan",), "train"),
    Step("pack", "replication.record", ("--pack", PACKED), "score"),
    Step("record", "replication.record", (PACKED,), "pack", "outputs/score"),
    Step("report", "replication.report.__main__", (), "score"),
)


def needed(commands: Sequence[str]) -> list[Step]:
    """The steps of these names and those that they begin from, in order."""
    names, by_name = set(commands), {step.name: step for step in STEPS}
    for step in reversed(STEPS):
        if step.name in names:
            names.add(step.after)
    return [step for name, step in by_name.items() if name in names]


def begin(root: Path) -> None:
    """The folder that the first step begins from."""
    root.mkdir(parents=True)
    (root / "replication").symlink_to(ROOT / "replication")
    (root / "benchmarks").mkdir()
    shutil.copy(ROOT / "benchmarks" / "schema.json", root / "benchmarks")
    claims = BENCHMARK.replace("metric: hit_rate,", "metric: hit_rate, metric_variant: trained,")
    claims = claims.replace("metric: discriminator_gap}", "metric: discriminator_gap, metric_variant: trained}")
    (root / "benchmarks" / "gan2014.yaml").write_text(claims, encoding="utf-8")
    (root / "params.yaml").write_text(json.dumps(_params()), encoding="utf-8")


def _params() -> dict[str, Any]:
    written = {
        **read_params(ROOT / "params.yaml"),
        "recipes": {"gan": {"toy-k1": SMALL, "toy-k5": SMALL, "digits": {**SMALL, "engine": "eager", "updates": 10}}},
    }
    written["judges"]["digits"] |= {"epochs": 1}
    kind = {"paper": "gan2014", "model": "gan", "split": "full", "variant": "paper", "seeds": "0-1"}
    cells = {key: {**kind, "recipe": recipe, "dataset": dataset} for key, (recipe, dataset) in CELLS.items()}
    few = {"cells": cells, "experiments": {}, "models": ["gan"], "threads": 1, "datasets": ["toy-bimodal", "digits"]}
    profile = {**written["profiles"]["cpu"], **few, "judges": ["digits"]}
    return {**written, "profiles": {"cpu": profile}, "run": profile}


def copy(before: Path, root: Path, step: Step) -> None:
    """A folder in which the step can run."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(before, root, symlinks=True)
    if step.without:
        shutil.rmtree(root / step.without)


def run(step: Step, root: Path) -> None:
    """Run the step's command in this process."""
    with inside(root):
        importlib.import_module(step.module).main(list(step.arguments))


@contextmanager
def inside(root: Path) -> Iterator[None]:
    """The current directory, for the time being."""
    before = Path.cwd()
    os.chdir(root)
    try:
        yield
    finally:
        os.chdir(before)


def contents(root: Path) -> dict[str, str]:
    """Path → SHA-256 of every file that a command leaves, without clocks; a temporary file counts too."""
    files = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink() or path.is_dir() or name.startswith(FLEETING):
            continue
        content = path.read_bytes()
        if path.suffix == ".json":
            content = json.dumps(_lasting(json.loads(content)), sort_keys=True).encode()
        files[name] = "" if name == PACKED else hashlib.sha256(content).hexdigest()  # it holds clocks
    return files


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(inner) for key, inner in value.items() if key not in PASSING}
    return [_lasting(inner) for inner in value] if isinstance(value, list) else value
