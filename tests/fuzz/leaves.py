"""Every number of params.yaml, and of small recipes that are trained, set to what it rarely means; and why it may.

That is 0, −1, a million millions, NaN and both infinities. A comment beside the key in its dataclass says why 0 or a
negative number is accepted. The small recipes stand in `tests/training/every_key.yaml`.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import fields, is_dataclass
from functools import partial
from importlib import import_module
from io import StringIO
from math import inf, nan
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from replication.config.datasets import Dataset
from replication.config.experiments import Background, Released
from replication.config.params import Judge, Profile, Theory
from replication.config.recipes import Recipe
from replication.foundation.errors import InputError
from replication.models import MODELS
from tests.fuzz.outcomes import ACCEPTED, Outcome, Trial, outcome_of
from tests.fuzz.subject import Place, at, changed, of_model, places, recipes_at, used, written
from tests.training.test_every_key import KIND, TABLE, computed_from

VALUES = (0, -1, 10**12, nan, inf, -inf)


def numbers(values: Any, place: Place = ()) -> list[Place]:
    """Places of all numbers below a place."""
    below = places(values, place)
    return [leaf for leaf, value in below if isinstance(value, int | float) and not isinstance(value, bool)]


def leaves() -> list[Place]:
    """Places of all numbers, as they are written; the profile in force is one of the profiles."""
    return numbers({key: value for key, value in written().items() if key != "run"})


def as_before(value: float, before: object) -> float:
    return float(value) if isinstance(before, float) else value


def trial(place: Place, value: float, outcome: Outcome, how: str = "") -> Trial:
    """A value at a place, unreasoned where it is accepted and no comment beside its key says what it does."""
    name = f"{'.'.join(map(str, place))}: {value}{how}"
    return Trial(name, outcome, outcome.kind == ACCEPTED and not reason(place, value))


def leaf_trials(every: int = 1) -> Iterator[Trial]:
    """Set one number after another to one value after another, or each so-manieth of these pairs."""
    pairs = [(place, value) for place in leaves() for value in VALUES]
    for place, value in pairs[::every]:
        now = as_before(value, at(written(), place))
        values = changed(of_model(str(place[1])) if place[0] == "recipes" else written(), place, now)
        if place[:2] == ("profiles", "cpu"):  # the profile in force is an alias of it
            values["run"] = values["profiles"]["cpu"]
        yield trial(place, now, used(values, recipes_at(place)))


def small_trials(every: int = 1, engines: Sequence[str] = ("eager", "kernel")) -> Iterator[Trial]:
    """The same of the small recipes, each trained, without their progress bars."""
    recipes = {base: table["recipe"] for base, table in TABLE["bases"].items()}
    pairs = [(base, place, value) for base in recipes for place in numbers(recipes[base]) for value in VALUES]
    for base, place, value in pairs[::every]:
        now = as_before(value, at(recipes[base], place))
        for engine in engines:
            recipe = json.dumps({**changed(recipes[base], place, now), "engine": KIND[engine]})
            with redirect_stderr(StringIO()):
                outcome = outcome_of(partial(_train, base, engine, recipe))
            yield trial(("recipes", TABLE["bases"][base]["model"], base, *place), now, outcome, f" ({engine})")


def _train(base: str, engine: str, recipe: str) -> None:
    trained = computed_from(base, engine, recipe)
    if isinstance(trained, str):
        raise InputError(trained)


ROOTS: Mapping[str, Any] = {
    "datasets": dict[str, Dataset],
    "judges": dict[str, Judge],
    "theory": Theory,
    "released": Released,
    "background": Background,
    "profiles": dict[str, Profile],
}


def reason(place: Place, value: float) -> str:
    """The comment beside the key of a place, where it says what 0 or a negative number does there; else ""."""
    word = r"\b0\b" if value == 0 else r"\bnegative\b" if -1000 < value < 0 else r"(?!)"
    comments = (comment(*field) for field in fields_at(place))
    return next((text for text in comments if re.search(word, text)), "")


def comment(shape: type, name: str) -> str:
    """What stands beside a field in the source of its dataclass, or right above it."""
    lines = inspect.getsource(shape).splitlines()
    number = next(number for number, line in enumerate(lines) if line.startswith(f"    {name}: "))
    above = number
    while lines[above - 1].strip().startswith("#"):
        above -= 1
    return " ".join(line.partition("# ")[2] for line in lines[above : number + 1])


def fields_at(place: Place) -> Iterator[tuple[type, str]]:
    """The last dataclass and field on the way to a place; several where a model has several kinds of networks."""
    if place[0] != "recipes":
        yield from _below(ROOTS[str(place[0])], place[1:], None)
        return
    model, path = str(place[1]), list(place[4:] if place[2] == "arms" else place[3:])
    if str(path[0]).startswith("variants"):
        path = path[2:]
    if str(path[0]).rstrip("!") == "network":
        shapes = [shape for shape in vars(import_module(MODELS[model])).values() if is_dataclass(shape)]
        for shape in shapes:
            yield from _below(shape, tuple(path[1:]), None)
    else:
        yield from _below(Recipe, tuple(path), None)


def _below(hint: Any, path: Place, last: tuple[type, str] | None) -> Iterator[tuple[type, str]]:
    if not path:
        if last:
            yield last
        return
    head, arguments = str(path[0]).rstrip("!"), [part for part in get_args(hint) if part not in (NoneType, Ellipsis)]
    if is_dataclass(hint) and isinstance(hint, type):
        if head in (field.name for field in fields(hint)):
            yield from _below(get_type_hints(hint)[head], path[1:], (hint, head))
    elif get_origin(hint) is dict:
        yield from _below(arguments[1], path[1:], last)
    elif get_origin(hint) is tuple:
        yield from _below(arguments[min(int(path[0]), len(arguments) - 1)], path[1:], last)
    else:
        for part in arguments:
            yield from _below(part, path, last)
