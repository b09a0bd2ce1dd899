"""What a recipe trains: `python -m replication.describe MODEL RECIPE [--variant NAME] [--dataset NAME] [--json]`.

Prints each layer of both networks with its output shape (B is the batch) and parameters, how they are trained, and the
entries of the ledger in force. Needs no prepared data and computes nothing: the networks are built without values.

`python -m replication.describe --cells [PROFILE]` prints every cell of a profile with all its fields, one a line.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from replication.config.datasets import Dataset
from replication.config.expansion import recipe_sources
from replication.config.params import Cell, Params, load_params
from replication.config.recipes import Recipe
from replication.config.strict import read_yaml
from replication.data.shapes import class_count, sample_shape
from replication.describe.recipe import sentences
from replication.foundation.command import exit_clearly
from replication.foundation.errors import InputError, chosen
from replication.training.schedule import SIDES, update_counts
from replication.verdicts.benchmarks import load_benchmarks
from replication.verdicts.ledger import Held, RecipeName, deviations_in_force
from replication.verdicts.published import Deviation

if TYPE_CHECKING:  # torch takes seconds to load, and a wrong name is said at once
    from replication.describe.networks import Layer, Tables

PARAMS, BENCHMARKS = Path("params.yaml"), Path("benchmarks")
OBJECTIVES = ("objective", "discriminator_scale", "early", "feature_matching", "real_target", "historical_averaging",
              "parameter_average", "labels")  # fmt: skip
SCHEDULE = ("schedule", "inner_steps", "generator_steps", "generator_minibatch", "noise_of_step", "minibatches",
            "balance")  # fmt: skip
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
    chosen_for: str  # why this data set
    cells: tuple[str, ...]  # dotted paths of those that train the recipe's variant
    tables: Tables


def describe(params: Params, model: str, recipe: str, variant: str = "", dataset: str = "") -> Description:
    """All that is said of a recipe but the ledger.

    `variant` is `paper` where it is left out and the recipe has it; `dataset` that of a cell that trains the recipe.

    Raises:
        InputError: there is no such model, recipe, variant or data set, no cell tells the data set, or the networks do
            not fit its samples.
    """
    variants = tuple(params.recipes.get(model, {}).get(recipe, {}).get("variants") or ("paper",))
    name = RecipeName(model, recipe, variant or ("paper" if "paper" in variants else variants[0]))
    found = params.recipe(*name)
    cells = [cell for cell in _cells(params) if (cell.model, cell.recipe) == (model, recipe)]
    options, chosen_for = _dataset(params, name, dataset, cells)
    shape = sample_shape(options)
    try:
        tables = _tables(model, found, shape, class_count(options))
    except (IndexError, RuntimeError, ValueError) as error:
        if not dataset:
            raise
        raise InputError(
            f"The networks of recipes.{model}.{recipe} do not fit samples of shape {shape}, which data set {dataset} "
            "has: name another."
        ) from error
    own = tuple(f"profiles.{cell.profile}.cells.{cell.key}" for cell in cells if cell.variant == name.variant)
    return Description(name, variants, found, options, chosen_for, own, tables)


def _cells(params: Params) -> list[Cell]:
    """Trained cells of every profile, those of the one in force first."""
    profiles = dict.fromkeys((params.profile.name, *params.profiles))
    return [cell for name in profiles for cell in params.profiles[name].cells.values()]


def _dataset(params: Params, name: RecipeName, given: str, cells: Sequence[Cell]) -> tuple[Dataset, str]:
    """The data set that tells the samples' shape: as asked for, of a cell, or by the recipe's name."""
    accepted = ", ".join(params.datasets)
    if given:
        if given not in params.datasets:
            raise InputError(f"params.yaml has no data set {given!r}; accepted: {accepted}.")
        return params.datasets[given], "as asked for"
    for cell in sorted(cells, key=lambda cell: cell.variant != name.variant):
        return params.datasets[cell.dataset], f"of cell {cell.key}"
    for cell in _cells(params):
        if cell.model == name.model and name.recipe.startswith(f"{cell.recipe}-"):
            return params.datasets[cell.dataset], f"of cell {cell.key}, which trains {cell.recipe}; none trains this"
    for dataset in params.datasets:
        if name.recipe == dataset or name.recipe.startswith(f"{dataset}-"):
            return params.datasets[dataset], "for which the recipe is named; none trains this"
    raise InputError(
        f"No cell of params.yaml trains recipes.{name.model}.{name.recipe}: name the data set whose samples it is for "
        f"with --dataset; accepted: {accepted}."
    )


def _tables(model: str, recipe: Recipe, shape: tuple[int, ...], classes: int) -> Tables:
    import torch

    from replication.describe.networks import network_tables
    from replication.models import load

    with torch.device("meta"):
        networks = load(model).build(recipe.network, recipe.prior, recipe.latent_dim, shape, classes)
    return network_tables(networks, recipe.latent_dim, shape, classes, recipe.batch)


def to_json(said: Description, held: Sequence[Held]) -> dict[str, Any]:
    """The description as plain values; of a network's updates null where losses decide whose an update is."""
    recipe, tables = said.recipe, said.tables
    whole = asdict(recipe)
    return {
        **said.name._asdict(),
        "variants": list(said.variants),
        "dataset": said.dataset.name,
        "shape": list(sample_shape(said.dataset)),
        "classes": class_count(said.dataset),
        "conditional": tables.conditional,
        **{key: whole[key] for key in ("batch", "latent_dim", "pixels", "precision", "initial_images")},
        **{side: {"parameters": tables.parameters[side], "buffers": tables.buffers[side]} for side in SIDES},
        "layers": [{key: value for key, value in asdict(one).items() if key != "settings"} for one in tables.layers],
        "optimiser": {"name": recipe.optimiser_name, **asdict(recipe.descent)}
        | {key: whole[key] for key in ("linear_decay", "geometric_decay")},
        "objectives": {key: whole[key] for key in OBJECTIVES},
        "prior": {**whole["prior"], "noise": whole["noise"], "display_noise": whole["display_noise"]},
        "schedule": {key: whole[key] for key in SCHEDULE},
        "updates": update_counts(recipe),
        "stopping": whole["stopping"],
        "in_words": _sentences(said),
        "deviations": [one.deviation.id for one in held],
    }


def to_text(said: Description, held: Sequence[Held]) -> str:
    """The description as a page for a terminal."""
    name, tables = said.name, said.tables
    other = [variant for variant in said.variants if variant != name.variant]
    beside = f"--variant {' or '.join(other)} describes the other" if other else "the recipe has no other"
    lines = [f"{name.model} {name.recipe}, variant {name.variant} ({beside})", _samples(said)]
    for side in SIDES:
        totals = f"{tables.parameters[side]} trainable parameters, and {tables.buffers[side]} values in buffers"
        lines += ["", f"{side}: {totals}", *_table([layer for layer in tables.layers if layer.network == side])]
    words = _sentences(said)
    width = max(map(len, words))
    lines += ["", "training", *(_wrapped(label.ljust(width), text) for label, text in words.items())]
    for reason, title in REASONS.items():
        entries = [one.deviation for one in held if one.reason == reason]
        lines += ["", f"ledger, {title}", *(_entry(one, reason) for one in entries)] if entries else []
    return "\n".join(lines if held else [*lines, "", "ledger: no entry"])


def _samples(said: Description) -> str:
    shape, classes = sample_shape(said.dataset), class_count(said.dataset)
    counted = f", {classes} class{'' if classes == 1 else 'es'}" if classes else ""
    size = "×".join(map(str, shape))
    kind = f"images of {size}" if len(shape) > 1 else f"points of {size} coordinates"
    return f"{kind}{counted}: data set {said.dataset.name}, {said.chosen_for}; B is a batch"


def _sentences(said: Description) -> dict[str, str]:
    words = sentences(said.recipe, images=len(sample_shape(said.dataset)) > 1)
    given = {"labels": f"given to the generator as a condition; {words['labels']}"} if said.tables.conditional else {}
    return {**words, **given}


def _wrapped(label: str, text: str) -> str:
    """A label and its sentence, further lines under the sentence's beginning."""
    start = f"  {label}  "
    return textwrap.fill(text, 120, initial_indent=start, subsequent_indent=" " * len(start), break_long_words=False)


def _table(layers: Sequence[Layer]) -> list[str]:
    """The rows of one network: layer, kind, output shape, parameters."""
    rows = [("layer", "kind", "output", "parameters")]
    for layer in layers:
        kind = f"{layer.type} ({layer.settings})" if layer.settings else layer.type
        output = "not called" if layer.output_shape is None else " × ".join(map(_size, layer.output_shape))
        rows.append((layer.name, kind, output, str(layer.parameters)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"  {name:<{widths[0]}}  {kind:<{widths[1]}}  {output:<{widths[2]}}  {count:>{widths[3]}}"
        for name, kind, output, count in rows
    ]


def _size(size: int | str) -> str:
    return f"({size})" if "+" in str(size) else str(size)


def _entry(deviation: Deviation, reason: str) -> str:
    """An entry by its id: the key where it tells more than the title, what the suite does, what paper and code do."""
    key = deviation.key if reason in ("shared", "cell") else ".".join(deviation.key.split(".")[3:])
    there = f"Paper: {deviation.paper} Code: {deviation.code}"
    text = f"{f'[{key}] ' if key else ''}{deviation.ours} {there}"
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
    parser.add_argument("--json", action="store_true", help="print the same as JSON")
    said = "print every cell of PROFILE (default: the one in force) with all its fields, one a line, and no recipe"
    parser.add_argument("--cells", nargs="?", const="", metavar="PROFILE", help=said)
    given = parser.parse_args(arguments)
    if given.cells is None and given.recipe is None:
        parser.error("name MODEL and RECIPE, or write --cells")
    params = load_params(PARAMS)
    if given.cells is not None:
        profile = chosen(params.profiles, given.cells or params.profile.name, "profile of params.yaml")
        print(*(cell.line for cell in profile.scored.values()), sep="\n")
        return
    said = describe(params, given.model, given.recipe, given.variant, given.dataset)
    sources = recipe_sources(read_yaml(PARAMS))
    held = deviations_in_force(load_benchmarks(BENCHMARKS), said.name, said.cells, sources)
    print(json.dumps(to_json(said, held), indent=1, ensure_ascii=False) if given.json else to_text(said, held))


if __name__ == "__main__":
    exit_clearly(main)
