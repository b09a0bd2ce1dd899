"""params.yaml in small: the suite's own read once by a process, cells and claims of toys, and scores that are drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replication.config.expansion import read_params
from replication.config.params import Cell, Params, load_params
from replication.config.recipes import Adam, Noise, Recipe

# NumPy is imported where needed: the process that hands out the tests reads this file too, and computes nothing.
if TYPE_CHECKING:
    import numpy as np

    from replication.verdicts.published import Benchmark

ROOT = Path(__file__).parents[1]
BENCHMARK = Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")

TOY: dict[str, Any] = {
    "engine": "kernel",
    "objective": "non-saturating",
    "discriminator_scale": 0.5,
    "schedule": "alternate",
    "inner_steps": 1,
    "updates": 100,
    "batch": 10,
    "latent_dim": 2,
    "noise": {"distribution": "uniform"},
    "adam": {"learning_rate": 0.001, "beta1": 0.5},
    "network": {"hidden": [4]},
}
RECIPES = {"gan": {"toy-k1": TOY, "toy-k5": {**TOY, "inner_steps": 5}, "digits": {**TOY, "engine": "eager"}}}
BLOCKS = {
    "cpu": {"cpu-k1": ("toy-k1", "0-4"), "cpu-k5": ("toy-k5", "0-4"), "cpu-digits": ("digits", "0-2")},
    "paper": {"paper-k1": ("toy-k1", "0-2"), "paper-k5": ("toy-k5", "0-2")},
}


def plain_recipe(**changes: Any) -> Recipe:
    """The plainest recipe of all, with some keys changed."""
    plain = {**TOY, "engine": "eager", "noise": Noise("uniform"), "network": {}, "adam": Adam(**TOY["adam"])}
    return Recipe(**{**plain, **changes})


@cache
def own_params() -> Params:
    """The suite's own params.yaml, which takes half a second to read."""
    return load_params(ROOT / "params.yaml")


@cache
def own_benchmarks() -> tuple[Benchmark, ...]:
    """The suite's own benchmark files."""
    from replication.verdicts.benchmarks import load_benchmarks

    return load_benchmarks(ROOT / "benchmarks")


@cache
def _written() -> str:
    return json.dumps(read_params(ROOT / "params.yaml"))


def params_written() -> dict[str, Any]:
    """What the suite's own params.yaml says, written out, all its values apart."""
    return json.loads(_written())


def write_few(content: dict[str, Any], cells: Mapping[str, Any], **profile: Any) -> None:
    """`content` as params.yaml of the current directory with these cells and their recipes alone, in one profile.

    The fewer lines, the sooner they are read, which a stage does again and again.
    """
    recipes: dict[str, Any] = {}
    for cell in cells.values():
        recipes.setdefault(cell["model"], {})[cell["recipe"]] = content["recipes"][cell["model"]][cell["recipe"]]
    few = {"experiments": {}, "threads": 1, **profile, "cells": dict(cells), "models": sorted(recipes)}
    run = {**content["profiles"]["cpu"], **few}
    content |= {"recipes": recipes, "run": run, "profiles": {"cpu": run}}
    Path("params.yaml").write_text(json.dumps(content), encoding="utf-8")


def params_in_small() -> str:
    """The suite's own params.yaml with small recipes and few cells, as JSON, which is YAML too."""
    content = {**params_written(), "recipes": RECIPES, "papers": {"gan": "gan2014"}}
    for name, blocks in BLOCKS.items():
        cells = {}
        for key, (recipe, seeds) in blocks.items():
            dataset = "digits" if recipe == "digits" else "toy-bimodal"
            cells[key] = {"paper": "gan2014", "model": "gan", "recipe": recipe, "dataset": dataset, "split": "full",
                          "variant": "paper", "seeds": seeds}  # fmt: skip
        few = {"cells": cells, "experiments": {}, "models": ["gan"], "threads": 1}
        content["profiles"][name] = {**content["profiles"][name], **few}
    profiles = {name: content["profiles"][name] for name in BLOCKS}
    return json.dumps({**content, "profiles": profiles, "run": profiles["cpu"]}, indent=1)


def score(folder: Path, cell: Cell, profile: str) -> None:
    """Scores of one cell, drawn rather than measured; equal arguments give equal files."""
    import numpy as np

    from replication.scoring.rows import write_scored
    from replication.table.measurements import Measurement, to_table

    rows = []
    common = {column: getattr(cell, column) for column in ("paper", "model", "recipe", "variant", "dataset", "split")}
    generator = np.random.default_rng([len(cell.key), *cell.key.encode()])
    spread, many = 0.01, "k5" in cell.recipe
    metrics = {"hit_rate": 0.5, "discriminator_gap": 0.02 if many else 0.2, "generator_loss": 0.7}
    if cell.dataset == "digits":
        metrics = {"duplicate_rate": 0.2}
    for seed in cell.seed_numbers:
        for step in (0, 50, 100):
            for metric, mean in metrics.items():
                value = float(mean + 0.001 * step + spread * generator.normal() - (0.1 if metric == "hit_rate" else 0))
                rows.append(Measurement(profile, **common, n_train=40, seed=seed, step=step, metric=metric, value=value,
                                        n_samples=100))  # fmt: skip
        if cell.dataset != "digits":
            success = float(many or seed == 0)
            rows.append(Measurement(profile, **common, n_train=40, seed=seed, step=100, metric="success", value=success,
                                    n_samples=100))  # fmt: skip
    write_scored(folder, to_table(rows), samples_of(cell, generator), provenance_of(cell))


def provenance_of(cell: Cell) -> dict[str, Any]:
    where = {"python": "3.11", "torch": "2.11", "device": "A processor (2 cores)", "threads": 1}
    hashes = {
        field: letter * 64 for field, letter in zip(("code_sha256", "params_sha256", "data_sha256"), "abc", strict=True)
    }
    names = {name: getattr(cell, name) for name in ("model", "recipe", "variant", "dataset", "split", "seeds")}
    clock = {"started": "2020-01-01T00:00:00+00:00", "duration_s": 1.5, "host": "somewhere"}
    return {
        "cell": cell.key,
        **names,
        **hashes,
        "device": "cpu",
        "precision": "float32",
        "environment": where,
        "updates": 100,
        "diverged_seeds": {},
        "clock": clock,
    }


def samples_of(cell: Cell, generator: np.random.Generator) -> dict[str, np.ndarray]:
    import numpy as np

    if cell.dataset == "digits":
        return {
            name: generator.integers(0, 255, (9, 1, 8, 8)).astype(np.uint8) for name in ("grid", "neighbours", "real")
        }
    points = generator.normal(size=(len(cell.seed_numbers), 30, 2))
    return {"points": points, "early_points": 0.1 * points, "real": points[0]}
