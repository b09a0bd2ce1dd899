"""A pipeline in small, command by command, each from a copy of what the ones before it left."""

from __future__ import annotations

import hashlib
import importlib
import json
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import chdir
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.in_small import BENCHMARK, DENSE, ROOT, TOY, linked, params_written

SMALL = {**TOY, "network": DENSE["network"], "n_samples": 100}
CELLS = {"cpu-k1": ("toy-k1", "toy-bimodal"), "cpu-digits": ("digits", "digits")}
PACKED = "cells.tar.gz"
PASSING = {"clock", "clocks", "duration_s", "started", "host"}  # what no two runs have in common
FLEETING = (".replication",)  # checkpoints and caches, which a finished command may or may not leave


class Step(NamedTuple):
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
    (linked(root) / "benchmarks").mkdir()
    shutil.copy(ROOT / "benchmarks" / "schema.json", root / "benchmarks")
    claims = BENCHMARK.replace("metric: hit_rate,", "metric: hit_rate, metric_variant: trained,")
    claims = claims.replace("metric: discriminator_gap}", "metric: discriminator_gap, metric_variant: trained}")
    (root / "benchmarks" / "gan2014.yaml").write_text(claims, encoding="utf-8")
    content = params_written()
    eager = {**SMALL, "engine": "eager", "updates": 10}
    content["recipes"] = {"gan": {"toy-k1": SMALL, "toy-k5": SMALL, "digits": eager}}
    content["judges"]["digits"] |= {"epochs": 1}
    kind = {"paper": "gan2014", "model": "gan", "split": "full", "variant": "paper", "seeds": "0-1"}
    cells = {key: {**kind, "recipe": recipe, "dataset": dataset} for key, (recipe, dataset) in CELLS.items()}
    few = {"cells": cells, "experiments": {}, "models": ["gan"], "threads": 1, "datasets": ["toy-bimodal", "digits"]}
    profile = {**content["profiles"]["cpu"], **few, "judges": ["digits"]}
    content |= {"profiles": {"cpu": profile}, "run": profile}
    (root / "params.yaml").write_text(json.dumps(content), encoding="utf-8")


def copy(before: Path, root: Path, step: Step) -> None:
    """A folder in which the step can run."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(before, root, symlinks=True)
    if step.without:
        shutil.rmtree(root / step.without)


def run(step: Step, root: Path) -> None:
    """Run the step's command in this process."""
    with chdir(root):
        importlib.import_module(step.module).main(list(step.arguments))


@cache
def commit() -> str:
    """The commit of this checkout, with `-dirty` where it was changed since; "unknown" outside of Git."""
    asked = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


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
