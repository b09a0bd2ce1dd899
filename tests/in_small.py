"""params.yaml in small: the suite's own read once by a process, cells and claims of toys, and scores that are drawn."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replication.config.expansion import read_params
from replication.config.params import Cell, Params, load_params
from replication.config.recipes import Adam, Noise, Recipe
from replication.config.strict import strict

# NumPy is imported where needed: the process that hands out the tests reads this file too, and computes nothing.
if TYPE_CHECKING:
    import numpy as np

    from replication.data.contents import ImageSet
    from replication.models.layers.networks import Networks
    from replication.verdicts.published import Benchmark

Change = Callable[[dict[str, Any]], object]
ROOT = Path(__file__).parents[1]
BENCHMARK = Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")

TOY: dict[str, Any] = {
    "engine": "kernel", "objective": "non-saturating", "discriminator_scale": 0.5, "schedule": "alternate",
    "inner_steps": 1, "updates": 100, "batch": 10, "latent_dim": 2, "noise": {"distribution": "uniform"},
    "adam": {"learning_rate": 0.001, "beta1": 0.5}, "network": {"hidden": [4]},
}  # fmt: skip
RECIPES = {"gan": {"toy-k1": TOY, "toy-k5": {**TOY, "inner_steps": 5}, "digits": {**TOY, "engine": "eager"}}}
BLOCKS = {
    "cpu": {"cpu-k1": ("toy-k1", "0-4"), "cpu-k5": ("toy-k5", "0-4"), "cpu-digits": ("digits", "0-2")},
    "paper": {"paper-k1": ("toy-k1", "0-2"), "paper-k5": ("toy-k5", "0-2")},
}
# Recipes that train in a moment; not in compiled loops, which take half a minute to compile.
DENSE = {"engine": "eager", "network": {"hidden": [4], "nonlinearity": "tanh"}, "n_samples": 70}
CONVOLUTIONS = {"kernel": 3, "init_std": 0.02, "generator": [[4, 0], [1, 2]], "discriminator": [[4, 2], [4, 2]]}
LAYERS = {"start": 4, "generator": [[1, 3, 2]], "discriminator": [[4, 3, 2]], "pool": 2, "minibatch": [2, 2]}
SMALL: dict[str, dict[str, Any]] = {
    "gan.toy-k1": {"updates": 40, **DENSE},
    "deligan.toy": {"updates": 200, **DENSE},
    "dcgan.digits": {"updates": 8, "latent_dim": 3, "network": CONVOLUTIONS, "n_samples": 70},
    "deligan.digits": {"updates": 20, "latent_dim": 3, "network": {"convolutional": LAYERS}, "n_samples": 70},
}


def plain_recipe(**changes: Any) -> Recipe:
    """The plainest recipe of all, with some keys changed."""
    plain = {**TOY, "engine": "eager", "noise": Noise("uniform"), "network": {}, "adam": Adam(**TOY["adam"])}
    return Recipe(**{**plain, **changes})


def builder(model: str, recipe: Recipe, shape: tuple[int, ...], classes: int = 0) -> Callable[[], Networks]:
    """Builds a recipe's networks for samples of a shape."""
    from replication.models import load

    return partial(load(model).build, recipe.network, recipe.prior, recipe.latent_dim, shape, classes)


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


def put(path: str, value: Any) -> Change:
    """Sets the value at a dotted path, whose numbers are places of lists; mappings on the way are made."""

    def change(content: dict[str, Any]) -> None:
        holder, key = _holder(content, path)
        holder[key] = value

    return change


def drop(path: str) -> Change:
    """Removes what stands at a dotted path."""

    def change(content: dict[str, Any]) -> None:
        holder, key = _holder(content, path)
        del holder[key]

    return change


def _holder(node: Any, path: str) -> tuple[Any, Any]:
    *way, last = path.split(".")
    for part in way:
        node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
    return node, int(last) if isinstance(node, list) else last


def edit(*changes: Change) -> None:
    """Change the params.yaml of the current directory, which is JSON."""
    content = json.loads(Path("params.yaml").read_text(encoding="utf-8"))
    for change in changes:
        change(content)
    Path("params.yaml").write_text(json.dumps(content), encoding="utf-8")


def write_few(content: dict[str, Any], cells: Mapping[str, Any], folder: Path = Path(), **profile: Any) -> None:
    """`content` as params.yaml with these cells in one profile and their recipes alone: few lines are read soon."""
    models = sorted({cell["model"] for cell in cells.values()})
    few = {"experiments": {}, "threads": 1, **profile, "cells": dict(cells), "models": models}
    named = [(cell["model"], cell["recipe"]) for cell in cells.values()]
    if any(entry["experiment"] == "theory" for entry in few["experiments"].values()):
        named.append(("gan", content["theory"]["generator"]))
    recipes: dict[str, Any] = {}
    for model, recipe in named:
        recipes.setdefault(model, {})[recipe] = content["recipes"][model][recipe]
    run = {**content["profiles"]["cpu"], **few}
    content |= {"recipes": recipes, "run": run, "profiles": {"cpu": run}}
    (folder / "params.yaml").write_text(json.dumps(content), encoding="utf-8")


def write_small(seeds: Mapping[str, str], *changes: Change, **profile: Any) -> None:
    """These cells of the profile `cpu`, each with its seeds, as `write_few` writes them: small, with a small judge."""
    content = params_written()
    for name, small in SMALL.items():
        model, recipe = name.split(".")
        content["recipes"][model][recipe] |= small
    content["judges"]["digits"] |= {"channels": [4], "epochs": 1}
    for change in changes:
        change(content)
    cells = content["profiles"]["cpu"]["cells"]
    write_few(content, {key: {**cells[key], "seeds": block} for key, block in seeds.items()}, **profile)


def linked(root: Path) -> Path:
    """A new folder with the suite's sources."""
    root.mkdir(parents=True)
    (root / "replication").symlink_to(ROOT / "replication")
    return root


def shades(shape: tuple[int, ...]) -> ImageSet:
    """40 training and 20 test images, bright and dark in turn, of [channels, height, width]."""
    import numpy as np

    from replication.data.contents import ImageSet

    labels = np.arange(60, dtype=np.int64) % 2
    noise = np.random.default_rng(0).integers(0, 100, (60, *shape))
    images = (noise + 150 * labels[:, None, None, None]).astype(np.uint8)
    return ImageSet(images[:40], labels[:40], images[40:], labels[40:], ("dark", "bright"), "none", ("numpy",))


def write_shades(contents: ImageSet) -> None:
    """As the prepared data set `shades` below the current directory."""
    from replication.config.datasets import Dataset, Split
    from replication.data.writing import write_dataset

    place = Path("outputs/data/shades")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    write_dataset(contents, Dataset("shades", "folder", splits={"full": Split("all")}), place)


def params_in_small() -> str:
    """The suite's own params.yaml with small recipes and few cells, as JSON, which is YAML too."""
    content = {**params_written(), "recipes": RECIPES, "papers": {"gan": "gan2014"}}
    kind = {"paper": "gan2014", "model": "gan", "split": "full", "variant": "paper"}
    profiles = {}
    for name, blocks in BLOCKS.items():
        cells = {}
        for key, (recipe, seeds) in blocks.items():
            dataset = "digits" if recipe == "digits" else "toy-bimodal"
            cells[key] = {**kind, "recipe": recipe, "dataset": dataset, "seeds": seeds}
        few = {"cells": cells, "experiments": {}, "models": ["gan"], "threads": 1}
        profiles[name] = {**content["profiles"][name], **few}
    return json.dumps({**content, "profiles": profiles, "run": profiles["cpu"]}, indent=1)


def score(folder: Path, cell: Cell, profile: str) -> None:
    """Scores of one cell, drawn rather than measured; equal arguments give equal files."""
    import numpy as np

    from replication.scoring.rows import write_scored
    from replication.table.measurements import Measurement, to_table

    rows: list[Measurement] = []
    common = {column: getattr(cell, column) for column in ("paper", "model", "recipe", "variant", "dataset", "split")}
    generator = np.random.default_rng([len(cell.key), *cell.key.encode()])
    spread, many = 0.01, "k5" in cell.recipe

    def add(seed: int, step: int, metric: str, value: float) -> None:
        rows.append(Measurement(profile, **common, n_train=40, seed=seed, step=step, metric=metric, value=value,
                                n_samples=100))  # fmt: skip

    metrics = {"hit_rate": 0.5, "discriminator_gap": 0.02 if many else 0.2, "generator_loss": 0.7}
    if cell.dataset == "digits":
        metrics = {"duplicate_rate": 0.2}
    for seed in cell.seed_numbers:
        for step in (0, 50, 100):
            for metric, mean in metrics.items():
                value = float(mean + 0.001 * step + spread * generator.normal() - (0.1 if metric == "hit_rate" else 0))
                add(seed, step, metric, value)
        if cell.dataset != "digits":
            add(seed, 100, "success", float(many or seed == 0))
    write_scored(folder, to_table(rows), samples_of(cell, generator), provenance_of(cell))


def provenance_of(cell: Cell) -> dict[str, Any]:
    from replication.training.cells import params_sha256

    where = {"python": "3.11", "torch": "2.11", "device": "A processor (2 cores)", "threads": 1}
    recipe = strict(Recipe, RECIPES[cell.model][cell.recipe], cell.recipe)
    hashes = {"code_sha256": "a" * 64, "params_sha256": params_sha256(cell, recipe), "data_sha256": "c" * 64}
    clock = {"started": "2020-01-01T00:00:00+00:00", "duration_s": 1.5, "host": "somewhere"}
    computed = {"device": "cpu", "precision": "float32", "environment": where, "updates": 100, "diverged_seeds": {}}
    return {**cell.identity, **hashes, **computed, "clock": clock}


def samples_of(cell: Cell, generator: np.random.Generator) -> dict[str, np.ndarray]:
    import numpy as np

    if cell.dataset == "digits":
        names, shape = ("grid", "neighbours", "real"), (9, 1, 8, 8)
        return {name: generator.integers(0, 255, shape).astype(np.uint8) for name in names}
    points = generator.normal(size=(len(cell.seed_numbers), 30, 2))
    return {"points": points, "early_points": 0.1 * points, "real": points[0]}
