"""Random changes of params.yaml, one each: something is deleted, doubled, renamed, retyped, moved or exchanged."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random
from typing import Any, NamedTuple

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from replication.config.params import checked
from tests.fuzz.outcomes import ACCEPTED, Trial
from tests.fuzz.subject import PARAMS, Place, Recipe, at, changed, places, recipes_at, used, whole, written

OPERATIONS = ("delete", "double", "rename", "retype", "graft", "swap")
OTHERS: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 0.5, 1e9, "", "no", "digits", "0-4", [], {}, [1], ["a"], [[1]], {"a": 1}, {"a": {}},
)  # fmt: skip
DESCRIBED: Recipe = ("gan", "toy-k1", "paper")  # where a change is of no recipe


class Mutation(NamedTuple):
    name: str  # of what was done
    values: Any
    recipes: tuple[Recipe, ...]


@cache
def by_depth() -> dict[int, list[Place]]:
    """All places, by how deep they lie, so that few are not lost among many."""
    depths: dict[int, list[Place]] = {}
    for place, _ in places(written()):
        depths.setdefault(len(place), []).append(place)
    return depths


def mutation(seed: int) -> Mutation:
    """A change at a random place."""
    random, values = Random(seed), written()
    place, operation = _place(random), random.choice(OPERATIONS)
    name = f"{operation} {_dotted(place)}"
    if operation in ("delete", "double", "rename"):
        around = _reshaped(random, operation, at(values, place[:-1]), place[-1])
        values = changed(values, place[:-1], around)
    elif operation == "retype":
        new = random.choice(OTHERS)
        name, values = f"{name} to {new!r}", changed(values, place, new)
    else:
        other = _place(random)
        name, values = f"{name} with {_dotted(other)}", changed(values, place, at(written(), other))
        if operation == "swap" and other[: len(place)] != place and place[: len(other)] != other:
            values = changed(values, other, at(written(), place))
    return Mutation(name, values, (recipes_at(place) if len(place) > 4 else ()) or (DESCRIBED,))


def mutation_trials(every: int = 1, of: int = 300) -> list[Trial]:
    """So many changes, the same in every run, or a part of them; unreasoned are accepted ones that change nothing."""
    tried: dict[int, Trial] = {}
    whole()  # read once

    @settings(max_examples=of // every, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
    @given(st.integers(0, 2**32 - 1))
    def attempt(seed: int) -> None:
        change = mutation(seed)
        outcome = used(change.values, change.recipes)
        tried[seed] = Trial(change.name, outcome, outcome.kind == ACCEPTED and is_idle(change.values))

    attempt()
    return list(tried.values())


def is_idle(values: Any) -> bool:
    """Whether what is read of other values is what was read before."""
    read = (replace(params, places={}) for params in (checked(values, PARAMS), whole()))
    return values != written() and next(read) == next(read)


def _place(random: Random) -> Place:
    return random.choice(by_depth()[random.choice(sorted(by_depth()))])


def _reshaped(random: Random, operation: str, parent: Any, key: Any) -> Any:
    """The mapping or list around a value without it, with it twice, or with it under another key or at the end."""
    if isinstance(parent, list):
        before, value, after = parent[:key], parent[key], parent[key + 1 :]
        shapes = {"delete": [*before, *after], "double": [*before, value, value, *after]}
        return shapes.get(operation, [*before, *after, value])
    others = (f"{key}x", f"{key}!", str(key)[1:], "name", 1, None, *(name for name in parent if name != key))
    stored = {name: value for name, value in parent.items() if operation == "double" or name != key}
    return stored if operation == "delete" else {**stored, random.choice(others): parent[key]}


def _dotted(place: Place) -> str:
    return ".".join(map(str, place))
