"""What a command does with params.yaml before anything is computed: read it, find each stage's inputs, describe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from replication.config.expansion import expand
from replication.config.params import Params, checked
from replication.config.strict import check_plain, read_yaml
from replication.describe.__main__ import describe, to_text
from replication.inputs import stage_inputs
from tests.fuzz.outcomes import Outcome, outcome_of

ROOT = Path(__file__).parents[2]
PARAMS = ROOT / "params.yaml"
Place = tuple[str | int, ...]  # keys and numbers that lead to a value
Recipe = tuple[str, str, str]  # model, recipe, variant


@cache
def written() -> dict[str, Any]:
    """The suite's own params.yaml, as it is written."""
    return read_yaml(PARAMS)


@cache
def whole() -> Params:
    """The same, checked."""
    return checked(written(), PARAMS)


@cache
def of_model(model: str) -> dict[str, Any]:
    """The recipes of a model and the cells that train them."""
    values, profiles = written(), {}
    for name, profile in values["profiles"].items():
        cells = [entry for entry in profile["cells"] if entry["model"] == model]
        profiles[name] = {**profile, "models": [model], "experiments": [], "cells": cells}
    recipes = {model: values["recipes"][model]}
    return {**values, "recipes": recipes, "profiles": profiles, "run": profiles[values["run"]["name"]]}


def changed(values: Any, place: Place, value: object) -> Any:
    """A copy with another value at a place. It shares the rest, so that an alias keeps what it stands for."""
    if not place:
        return value
    copy = list(values) if isinstance(values, list) else dict(values)
    copy[place[0]] = changed(values[place[0]], place[1:], value)  # pyright: ignore[reportArgumentType, reportCallIssue]
    return copy


def at(values: Any, place: Place) -> Any:
    """The value at a place."""
    for part in place:
        values = values[part]
    return values


def places(values: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every place below the top, with its value."""
    parts = values.items() if isinstance(values, Mapping) else enumerate(values) if isinstance(values, list) else ()
    for key, value in parts:
        yield (*place, key), value
        yield from places(value, (*place, key))


def used(values: Any, recipes: tuple[Recipe, ...]) -> Outcome:
    """Read the values of a params.yaml as the commands `inputs` and `describe` do, the latter for some recipes."""

    def use() -> None:
        check_plain(values, str(PARAMS))
        params = checked(values, PARAMS)
        stage_inputs(expand(values).written, ROOT)
        for cell in params.profile.scored.values():
            assert cell.line
        for recipe in recipes:
            assert to_text(describe(params, *recipe), ())

    return outcome_of(use)


def recipes_at(place: Place) -> tuple[Recipe, ...]:
    """The recipes that a value at a place below `recipes` is of: one variant of one, or of the first of an arm's."""
    if place[0] != "recipes" or len(place) < 4:
        return ()
    model, name, *rest = map(str, place[1:])
    if name == "arms":
        name, *rest = rest
        bases = written()["recipes"][model]["arms"][name]["extends"]
        name = f"{bases[0]}-{name}"
    variants = list(whole().variants(model, name))
    variant = rest[1].removesuffix("!") if rest[0].startswith("variants") and len(rest) > 1 else variants[0]
    return ((model, name, variant),) if variant in variants else ()
