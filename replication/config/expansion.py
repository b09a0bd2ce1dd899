"""`params.yaml` written out: every recipe with what it extends, every arm on its bases, every cell of a product.

`extends: NAME` gives a recipe all keys of another of its model (`MODEL.NAME`: of another model). Mappings merge at
every depth; lists and plain values replace. A key that ends in `!` inherits nothing: its value stands alone, and null
takes the key away. `ARM: {extends: [A, B], …}` under `arms` of a model makes the recipes A-ARM and B-ARM.

An entry under `cells` or `experiments` of a profile makes a cell for each combination of its `AXES`. Each may be a
list, or a mapping whose keys go into the name in place of the values. A name is PROFILE-PAPER-RECIPE, or PROFILE and
the entry's `name` or experiment, then what each list adds. PAPER is the first word of the model's paper, by `papers`.
A mapping of names to cells, as it comes out of here, may stand in place of the entries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from replication.config.cell import KEY, Cell
from replication.config.strict import read_yaml, shown, strict
from replication.foundation.errors import InputError

MOST_CELLS = 10_000  # of an entry; the longest of the suite's own makes 25
# What a profile may leave out, as if it stood there.
OPTIONAL: Mapping[str, Any] = {
    "judges": [],
    "experiments": {},
    **{key: {} for key in ("protocols", "real_neighbours", "near_duplicates", "feature_controls")},
}
AXES = ("recipe", "dataset", "split", "variant", "seeds")  # of a product of cells, the last one turning fastest
Values = Mapping[str, Any]


class Expansion(NamedTuple):
    written: dict[str, Any]  # as if all of it stood in the file
    places: dict[str, str]  # where each recipe and cell stands in the file, by its path in `written`


class Source(NamedTuple):
    """A recipe as it is written."""

    place: str
    values: Values  # without `extends`
    parent: tuple[str, str] | None  # model and name of what it extends


Sources = dict[tuple[str, str], Source]  # by model and name


def read_params(path: Path) -> dict[str, Any]:
    """Read `params.yaml` and write it out."""
    return expand(read_yaml(path)).written


def expand(written: Any) -> Expansion:
    """Write out what `read_yaml` returns, which stays as it is; InputError names the place of what cannot be."""
    written = _mapping(written, "the whole")
    places: dict[str, str] = {}
    papers = _mapping(written.get("papers", {}), "papers")
    profiles = _mapping(written.get("profiles", {}), "profiles")
    run = written.get("run", {})
    if isinstance(run, str) and run in profiles:
        why = f"{run!r} is a text: write `run: *{run}`, where profiles has `{run}: &{run}`"
        raise InputError(f"params.yaml: run: {why}.")
    whole = {
        "recipes": _recipes(written, places),
        "profiles": {key: _profile(profiles[key], f"profiles.{key}", papers, places) for key in profiles},
        "run": _profile(run, "run", papers, places),
    }
    return Expansion({**written, **{key: whole[key] for key in whole if key in written}}, places)


def recipe_sources(written: Values) -> Sources:
    """Every recipe as it is written, those of `arms` too."""
    sources: Sources = {}
    for model, recipes in _mapping(written.get("recipes", {}), "recipes").items():
        for name, recipe in _mapping(recipes, f"recipes.{model}").items():
            if name != "arms":
                _add(sources, model, name, recipe, f"recipes.{model}.{name}")
        for arm, change in _mapping(recipes.get("arms", {}), f"recipes.{model}.arms").items():
            place = f"recipes.{model}.arms.{arm}"
            bases = _mapping(change, place).get("extends")
            if not isinstance(bases, list) or not bases:
                raise InputError(f"params.yaml: {place}.extends: write a list of recipes (got {shown(bases)}).")
            for base in bases:
                _add(sources, model, f"{base}-{arm}", {**change, "extends": base}, place)
    return sources


def merged(inherited: Values, change: Values, place: str) -> dict[str, Any]:
    """The mapping `change`, which stands at `place`, laid over another at every depth; it shares values with both."""
    result = dict(inherited)
    for written, value in change.items():
        key = str(written).removesuffix("!")
        alone = key != str(written)
        if alone and key not in inherited:
            raise InputError(f"params.yaml: {place}.{written}: nothing is inherited there; write {key}.")
        below = {} if alone else result.get(key)
        if alone and value is None:
            del result[key]
        elif isinstance(value, Mapping):
            result[key] = merged(below if isinstance(below, Mapping) else {}, value, f"{place}.{written}")
        else:
            result[key] = value
    return result


def _add(sources: Sources, model: str, name: str, recipe: Any, place: str) -> None:
    values = dict(_mapping(recipe, place))
    extends = values.pop("extends", "")
    if not isinstance(extends, str) or (not extends and "extends" in recipe):
        raise InputError(f"params.yaml: {place}.extends: write the name of a recipe (got {shown(extends)}).")
    if (model, name) in sources:
        there = sources[model, name].place
        raise InputError(f"params.yaml: {place} makes a recipe {name}, as {there} does: rename one.")
    of, _, parent = extends.rpartition(".")
    sources[model, name] = Source(place, values, (of or model, parent) if extends else None)


def _recipes(written: Values, places: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Every recipe written out, by model and name; the place of each is added to `places`."""
    sources = recipe_sources(written)
    recipes: dict[str, dict[str, Any]] = {model: {} for model in written.get("recipes", {})}
    for (model, name), source in sources.items():
        chain = _chain(sources, source)
        whole: dict[str, Any] = {}
        for source in reversed(chain):
            whole = merged(whole, source.values, source.place)
        recipes[model][name] = deepcopy(whole)
        extended = "".join(f", which extends {source.parent[1]}" for source in chain if source.parent)
        places[f"recipes.{model}.{name}"] = chain[0].place + extended
    return recipes


def _chain(sources: Sources, source: Source) -> list[Source]:
    """A recipe, what it extends, what that extends, and so on."""
    chain = [source]
    while parent := chain[-1].parent:
        place = f"params.yaml: {chain[-1].place}.extends"
        if parent not in sources:
            accepted = ", ".join(recipe for model, recipe in sources if model == parent[0]) or "none"
            raise InputError(f"{place}: {parent[1]!r} is no recipe of {parent[0]}; accepted: {accepted}.")
        if sources[parent] in chain:
            raise InputError(f"{place}: {parent[1]} extends this recipe itself; one of the two must not.")
        chain.append(sources[parent])
    return chain


def _profile(profile: Any, place: str, papers: Values, places: dict[str, str]) -> dict[str, Any]:
    """A profile with every cell by its name; the place of each is added to `places`."""
    result: dict[str, Any] = dict(_mapping(profile, place))
    result |= {key: deepcopy(value) for key, value in OPTIONAL.items() if key not in result}
    seen: dict[str, str] = {}
    if isinstance(name := result.get("name"), str):
        _check_key(name, f"{place}.name")
    for block in sorted({"cells", "experiments"} & {*result}):
        cells = {}
        for key, cell, where in _cells(result[block], f"{place}.{block}", str(name), papers):
            _check_key(key, where)
            if key in seen:
                raise InputError(f"params.yaml: {where} and {seen[key]} make the same cell: name one otherwise.")
            if type(cell.get("seeds")) is int:  # `seeds: 7`, where a text stands in every longer block
                cell["seeds"] = str(cell["seeds"])
            strict(Cell, cell, f"params.yaml: {where}")
            cells[key], seen[key], places[f"{place}.{block}.{key}"] = cell, where, where
        result[block] = cells
    return result


def _cells(written: Any, place: str, profile: str, papers: Values) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Name, values and place of each cell of a block."""
    if isinstance(written, Mapping):
        for key, cell in written.items():
            yield key, dict(_mapping(cell, f"{place}.{key}")), f"{place}.{key}"
    elif isinstance(written, list):
        for number, entry in enumerate(written, 1):
            where = f"{place}, entry {number}"
            cells = _product(_mapping(entry, where), where, profile, papers)
            yield from ((key, cell, f"{where} ({key})") for key, cell in cells)
    else:
        raise InputError(f"params.yaml: {place}: write a list of entries (got {shown(written)}).")


def _product(entry: Values, place: str, profile: str, papers: Values) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and values of each cell of an entry."""
    model, recipe = entry.get("model"), entry.get("recipe")
    paper = entry.get("paper", papers.get(str(model)))
    if paper is None:
        raise InputError(f"params.yaml: {place}: {model!r} is no model of papers; accepted: {', '.join(papers)}.")
    derived = [re.split(r"[\d_]", str(paper))[0], *([recipe] if isinstance(recipe, str) else [])]
    first = [entry[key] for key in ("name", "experiment") if key in entry][:1] or derived
    axes = [axis for axis in AXES if axis in entry]
    rest = {key: value for key, value in entry.items() if key not in ("name", *axes)}
    choices = [_choices(entry[axis], f"{place}: {axis}") for axis in axes]
    if (count := prod(map(len, choices))) > MOST_CELLS:
        raise InputError(f"params.yaml: {place} makes {count} cells; accepted: {MOST_CELLS} at most.")
    for combination in product(*choices):
        name = "-".join(filter(None, (profile, *map(str, first), *(suffix for suffix, _ in combination))))
        values = {axis: value for axis, (_, value) in zip(axes, combination, strict=True)}
        yield name, {"paper": paper, **deepcopy(rest), **values}


def _choices(value: Any, place: str) -> list[tuple[str, Any]]:
    """The values of an axis, each after what it adds to the name of a cell."""
    if not isinstance(value, list | Mapping):
        return [("", value)]
    if not value:
        raise InputError(f"params.yaml: {place}: nothing is listed; name one at least.")
    return [(str(key), value[key] if isinstance(value, Mapping) else key) for key in value]


def _check_key(key: str, place: str) -> None:
    if not re.fullmatch(KEY, key):
        rule = "write small letters, digits and hyphens, 100 at most and no hyphen first"
        raise InputError(f"params.yaml: {place}: {shown(key)} cannot name a folder: {rule}.")


def _mapping(value: Any, place: str) -> Values:
    if not isinstance(value, Mapping):
        raise InputError(f"params.yaml: {place}: write a mapping of keys to values (got {shown(value)}).")
    return value
