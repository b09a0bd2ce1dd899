"""Why a key of params.yaml accepts 0 or a negative number: the comment beside it in its dataclass."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from replication.config.datasets import Dataset
from replication.config.experiments import Background, Released
from replication.config.params import Judge, Profile, Theory
from replication.config.recipes import Recipe
from replication.models import MODELS
from tests.fuzz.subject import Place

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
