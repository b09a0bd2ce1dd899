"""What a recipe trains: `python -m replication.describe MODEL RECIPE [--variant NAME] [--dataset NAME]`.

Prints each layer of both networks with its output shape (B is the batch) and parameters, every key of the recipe with
its value, and the entries of the ledger in force. It needs no prepared data and computes nothing.

`python -m replication.describe --cells [PROFILE]` prints every cell of a profile with all its fields, one a line.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from replication.config.datasets import Dataset, class_count, sample_shape
from replication.config.expansion import recipe_sources
from replication.config.params import Cell, Params, load_params
from replication.config.recipes import Recipe
from replication.config.strict import read_yaml
from replication.foundation.command import exit_clearly
from replication.foundation.errors import InputError, chosen
from replication.training.schedule import SIDES, objectives_of, update_counts
from replication.verdicts.benchmarks import load_benchmarks
from replication.verdicts.ledger import Held, RecipeName, deviations_in_force
from replication.verdicts.published import Deviation

if TYPE_CHECKING:  # torch takes seconds to load, and a wrong name gets its sentence at once
    from replication.describe.networks import Tables

PARAMS = Path("params.yaml")
REASONS = {
    "recipe": "on keys of this recipe",
    "shared": "on lines that this recipe shares with another",
    "cell": "on cells that train this recipe",
    "paper": "on the paper as a whole, whichever the recipe",
}


class Description(NamedTuple):
    name: RecipeName
    variants: tuple[str, ...]  # all that the recipe has
    recipe: Recipe
    dataset: Dataset
    cells: tuple[str, ...]  # dotted paths of those that train the recipe's variant
    tables: Tables


def describe(params: Params, model: str, recipe: str, variant: str = "", dataset: str = "") -> Description:
    """A recipe and its networks, without the ledger.

    The default `variant` is `paper` where the recipe has it; the default `dataset` is that of a cell that trains the
    recipe, or the one for which the recipe is named.

    Raises:
        InputError: there is no such model, recipe, variant or data set, no cell tells the data set, or the networks do
            not fit its samples.
    """
    variants = tuple(params.recipes.get(model, {}).get(recipe, {}).get("variants") or ("paper",))
    name = RecipeName(model, recipe, variant or ("paper" if "paper" in variants else variants[0]))
    resolved = params.recipe(*name)
    cells = [cell for profile in params.profiles.values() for cell in profile.cells.values()]
    cells = [cell for cell in cells if (cell.model, cell.recipe) == (model, recipe)]
    options = _dataset(params, name, dataset, cells)
    shape = sample_shape(options)
    try:
        tables = _tables(model, resolved, shape, class_count(options))
    except (IndexError, RuntimeError, ValueError) as error:
        if not dataset:
            raise
        raise InputError(
            f"The networks of recipes.{model}.{recipe} do not fit samples of shape {shape}, which data set {dataset} "
            "has: name another."
        ) from error
    paths = tuple(f"profiles.{cell.profile}.cells.{cell.key}" for cell in cells if cell.variant == name.variant)
    return Description(name, variants, resolved, options, paths, tables)


def _dataset(params: Params, name: RecipeName, dataset: str, cells: Sequence[Cell]) -> Dataset:
    """The data set whose samples have the shape: the one named, of a cell, or by the recipe's name."""
    if dataset:
        return chosen(params.datasets, dataset, "data set of params.yaml")
    of_cells = [cell.dataset for cell in sorted(cells, key=lambda cell: cell.variant != name.variant)]
    by_name = [known for known in params.datasets if f"{name.recipe}-".startswith(f"{known}-")]
    if not of_cells and not by_name:
        raise InputError(
            f"No cell of params.yaml trains recipes.{name.model}.{name.recipe}: name the data set whose samples it is "
            f"for with --dataset; accepted: {', '.join(params.datasets)}."
        )
    return params.datasets[(of_cells or by_name)[0]]


def _tables(model: str, recipe: Recipe, shape: tuple[int, ...], classes: int) -> Tables:
    import torch

    from replication.describe.networks import network_tables
    from replication.models import load

    with torch.device("meta"):
        networks = load(model).build(recipe.network, recipe.prior, recipe.latent_dim, shape, classes)
    return network_tables(networks, recipe.latent_dim, shape, classes, recipe.batch)


def to_text(description: Description, held: Sequence[Held]) -> str:
    """The description as a page for a terminal."""
    name, tables, dataset = description.name, description.tables, description.dataset
    size = "×".join(map(str, sample_shape(dataset)))
    lines = [
        f"{name.model} {name.recipe}, variant {name.variant} of {', '.join(description.variants)}",
        f"data set {dataset.name}: samples of {size}, {class_count(dataset)} classes",
    ]
    for side in SIDES:
        rows = [
            (layer.name, layer.kind, " × ".join(map(str, layer.output_shape or ("not called",))), str(layer.parameters))
            for layer in tables.layers
            if layer.network == side
        ]
        totals = f"{tables.parameters[side]} trainable parameters, and {tables.buffers[side]} values in buffers"
        lines += ["", f"{side}: {totals}", *_aligned([("layer", "kind", "output", "parameters"), *rows])]
    lines += ["", "training", *_training(description.recipe)]
    for reason, title in REASONS.items():
        entries = [entry.deviation for entry in held if entry.reason == reason]
        lines += ["", f"ledger, {title}", *(_entry(entry, reason) for entry in entries)] if entries else []
    return "\n".join(lines if held else [*lines, "", "ledger: no entry"])


def _training(recipe: Recipe) -> list[str]:
    """Objectives and optimiser in words, the updates of each network, and every key that has a value."""
    from replication.training.objectives import named
    from replication.training.optimisers import optimiser_of

    optimiser, options = optimiser_of(recipe)
    words = [named(name).words(recipe) for name in objectives_of(recipe)]
    values = {
        "G descends": "; early in training ".join(dict.fromkeys(generator for generator, _ in words)),
        "D descends": "; early in training ".join(dict.fromkeys(discriminator for _, discriminator in words)),
        "optimiser": optimiser.words(options),
        "updates of networks": update_counts(recipe),
    }
    keys = {key: value for key, value in asdict(recipe).items() if value is not None and key not in values}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in {**values, **keys}.items()}
    return [_wrapped(key.ljust(max(map(len, texts))), text) for key, text in texts.items()]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _wrapped(label: str, text: str) -> str:
    """A label and its text, further lines under the text's beginning."""
    start = f"  {label}  "
    return textwrap.fill(text, 120, initial_indent=start, subsequent_indent=" " * len(start), break_long_words=False)


def _entry(deviation: Deviation, reason: str) -> str:
    """An entry by its id: the key where it tells more than the title, what the suite does, what paper and code do."""
    key = deviation.key if reason in ("shared", "cell") else ".".join(deviation.key.split(".")[3:])
    text = f"{f'[{key}] ' if key else ''}{deviation.ours} Paper: {deviation.paper} Code: {deviation.code}"
    return _wrapped(deviation.id.ljust(12), " ".join(text.split()))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one recipe, or the cells of a profile."""
    parser = argparse.ArgumentParser(
        prog="python -m replication.describe", description="Describe what a recipe trains, or list all cells."
    )
    parser.add_argument("model", metavar="MODEL", nargs="?", help="a model under `recipes` in params.yaml")
    parser.add_argument("recipe", metavar="RECIPE", nargs="?", help="one of its recipes")
    parser.add_argument("--variant", default="", help="paper or code, where the recipe has both (default: paper)")
    parser.add_argument("--dataset", default="", metavar="NAME", help="whose samples (default: those of a cell)")
    about_cells = "print every cell of PROFILE (default: the one in force) with all its fields, one a line"
    parser.add_argument("--cells", nargs="?", const="", metavar="PROFILE", help=about_cells)
    options = parser.parse_args(arguments)
    if options.cells is None and options.recipe is None:
        parser.error("name MODEL and RECIPE, or write --cells")
    params = load_params(PARAMS)
    if options.cells is not None:
        profile = chosen(params.profiles, options.cells or params.profile.name, "profile of params.yaml")
        print(*(cell.line for cell in profile.scored.values()), sep="\n")
        return
    description = describe(params, options.model, options.recipe, options.variant, options.dataset)
    papers, sources = load_benchmarks(), recipe_sources(read_yaml(PARAMS))
    print(to_text(description, deviations_in_force(papers, description.name, description.cells, sources)))


if __name__ == "__main__":
    exit_clearly(main)
