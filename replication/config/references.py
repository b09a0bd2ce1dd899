"""Every name in params.yaml that stands for something else there is held against what there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from replication.config.cell import BUNDLED, EXPERIMENTS, LABELS, OWN, Cell
from replication.config.protocols import ProtocolOptions
from replication.config.recipes import Recipe
from replication.config.strict import Name, strict
from replication.foundation.errors import InputError, chosen
from replication.foundation.folders import entries_of

if TYPE_CHECKING:
    from replication.config.params import Params, Profile

FILE = "params.yaml"  # how a sentence on what is wrong in it begins
PROTOCOLS = {option.name.replace("_", "-"): option for option in fields(ProtocolOptions)}  # by a cell's word
WRITES = ("experiment", "paper", "model", "recipe", "variant", "dataset", "split")  # what tells rows of cells apart
Recipes = Mapping[tuple[str, str, str], Recipe]


class Papers(NamedTuple):
    of_models: Mapping[str, str]
    files: Mapping[str, None] | None  # names of the files of claims; None where there is no folder of them


def check_references(params: Params, papers: Mapping[str, str], benchmarks: Path) -> None:
    """Hold every name against what it stands for, and cells against each other.

    `papers` are those of the models. A cell's paper has a file in the folder `benchmarks`, where there is one.

    Raises:
        InputError: a name stands for nothing; the sentence names its place and the accepted ones.
    """
    files = [file.stem for file in entries_of(benchmarks, "*.yaml")] if benchmarks.is_dir() else None
    named = Papers(papers, None if files is None else dict.fromkeys((*files, OWN)))
    for dataset in params.datasets.values():
        if dataset.judged_by:
            chosen(params.judges, dataset.judged_by, "judge", f"{FILE}: datasets.{dataset.name}.judged_by")
    for name in params.judges:
        chosen(params.datasets, name, "data set", f"{FILE}: judges")
    if EXPERIMENTS in params.recipes:
        raise InputError(
            f"{FILE}: recipes: a model is called {EXPERIMENTS}, as the folder of experiments is: rename it."
        )
    recipes = _all_recipes(params)
    for name, profile in (*params.profiles.items(), ("", params.profile)):
        _check_profile(params, profile, f"profiles.{name}" if name else "run", recipes, named)
        if name and profile.name != name:
            raise InputError(f"{FILE}: profiles.{name}: its name is {profile.name}; write name: {name}.")
    chosen(params.profiles, params.profile.name, "profile", f"{FILE}: run.name")


def _all_recipes(params: Params) -> Recipes:
    """Every variant of every recipe, so that one that no cell trains is checked too; what others extend before them."""
    names = [(model, recipe) for model, recipes in params.recipes.items() for recipe in recipes]
    names.sort(key=lambda name: params.places.get(f"recipes.{'.'.join(name)}", "").count("extends"))
    return {
        (model, recipe, variant): params.recipe(model, recipe, variant)
        for model, recipe in names
        for variant in params.variants(model, recipe)
    }


def _check_profile(params: Params, profile: Profile, where: str, recipes: Recipes, papers: Papers) -> None:
    """The lists of a profile, and each of its cells."""
    of = f"of profile {profile.name}"
    for name in profile.datasets:
        chosen(params.datasets, name, f"dataset {of}", f"{FILE}: {where}.datasets")
    for name in profile.probe.limited_labels_of:
        chosen(params.datasets, name, "data set", f"{FILE}: {where}.probe.limited_labels_of")
    for name in profile.judges:
        chosen(params.judges, name, "judge: write its entry under judges, or take it out", f"{FILE}: {where}.judges")
        chosen(dict.fromkeys(profile.datasets), name, f"dataset {of}", f"{FILE}: {where}.judges")
    for key, cell in profile.cells.items():
        place = f"{FILE}: {params.places[f'{where}.cells.{key}']}"
        _check_names(params, profile, cell, place, papers)
        if cell.experiment:
            raise InputError(f"{place}: experiment {cell.experiment} stands under experiments, not under cells.")
        params.variant(cell.model, cell.recipe, cell.variant, place)
        _check_labelled(cell, recipes[cell.model, cell.recipe, cell.variant], place)
        _check_judge(params, profile, cell, place, where)
    for key, cell in profile.experiments.items():
        place = f"{FILE}: {params.places[f'{where}.experiments.{key}']}"
        _check_names(params, profile, cell, place, papers)
        _check_experiment(params, cell, place)
        if cell.experiment == "reference-points":
            _check_judge(params, profile, cell, place, where)
    _check_seeds(profile.scored.values(), where)
    used = {cell.model for cell in profile.cells.values()}
    if set(profile.models) != used:
        raise InputError(f"{FILE}: models {of} are {sorted(used)}, as its cells have them.")
    for what, names in (("datasets", profile.datasets), ("judges", profile.judges), ("models", profile.models)):
        if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
            raise InputError(f"{FILE}: {where}.{what} has {twice[0]!r} more than once: take it out.")


def _check_names(params: Params, profile: Profile, cell: Cell, place: str, papers: Papers) -> None:
    """What a cell names exists; `place` is where the cell stands."""
    bundled = cell.experiment == "generative-discriminative"  # whose rows name the data sets
    prepared = {name: params.datasets[name].splits for name in profile.datasets}
    splits = chosen(
        {BUNDLED: {"full": None}} if bundled else prepared, cell.dataset, f"dataset of profile {profile.name}", place
    )
    chosen(splits, cell.split, f"split of data set {cell.dataset}", place)
    if cell.probe not in ("own", "none"):
        chosen(prepared, cell.probe, f"dataset of profile {profile.name}", place)
    if not cell.key.startswith(f"{profile.name}-"):
        raise InputError(f"{place}: cell {cell.key}: keys of profile {profile.name} start with {profile.name}-.")
    for name in cell.protocols:
        chosen(PROTOCOLS, name, "protocol", place)
    if papers.files is not None:
        where = f"{FILE}: papers.{cell.model}" if papers.of_models.get(cell.model) == cell.paper else place
        chosen(papers.files, cell.paper, "paper with a file of claims in benchmarks", where)


def _check_experiment(params: Params, cell: Cell, place: str) -> None:
    """An experiment's rows go under the model and the recipe that claims look for."""
    model, recipe = chosen(LABELS, cell.experiment, "experiment: write its name at key experiment", place)
    chosen({model: None}, cell.model, f"model of experiment {cell.experiment}", place)
    if recipe:
        chosen({recipe: None}, cell.recipe, f"recipe of experiment {cell.experiment}", place)
    elif cell.experiment == "feature-controls":
        params.variant(cell.model, cell.recipe, cell.variant, place)
    strict(dict[str, Name], {"recipe": cell.recipe, "variant": cell.variant}, place)  # which nothing else may hold
    if cell.experiment == "theory":
        params.variant("gan", params.theory.generator, "paper", f"{FILE}: theory.generator")


def _check_labelled(cell: Cell, recipe: Recipe, place: str) -> None:
    if "nearest-generated" in cell.protocols and recipe.network.get("kind") != "conditional":
        raise InputError(
            f"{place}: cell {cell.key} names protocol nearest-generated, but the network of its recipe "
            f"{cell.recipe} is not of kind conditional, so its samples have no labels: take the protocol out."
        )


def _check_judge(params: Params, profile: Profile, cell: Cell, place: str, where: str) -> None:
    """Whatever is scored as images asks the judge of its data set, which the profile trains."""
    judge = params.judged_by(cell.dataset)
    if judge and judge not in profile.judges and params.datasets[cell.dataset].source != "toy":
        raise InputError(
            f"{place}: cell {cell.key} is scored under the judge of {judge}, which profile {profile.name} does not "
            f"train: add {judge} to {where}.judges, or take it out of judges."
        )


def _check_seeds(cells: Iterable[Cell], where: str) -> None:
    """No row of the table is written by two cells."""
    alike: dict[tuple[str, ...], list[Cell]] = defaultdict(list)
    for cell in cells:
        alike[tuple(getattr(cell, name) for name in WRITES)].append(cell)
    for blocks in alike.values():
        for cell, other in pairwise(sorted(blocks, key=lambda block: block.seed_numbers)):
            if shared := sorted(set(cell.seed_numbers) & set(other.seed_numbers)):
                raise InputError(
                    f"{FILE}: {where}: cells {cell.key} (seeds {cell.seeds}) and {other.key} (seeds {other.seeds}) "
                    f"would both write the rows of seed {shared[0]}: give them different seeds, or take one out."
                )
