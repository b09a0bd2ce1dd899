"""Every number of params.yaml, and of small recipes that are trained, set to what it rarely means.

That is 0, −1, a million millions, NaN and both infinities. The small recipes stand in `tests/training/every_key.yaml`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr
from functools import partial
from io import StringIO
from math import inf, nan
from typing import Any

from replication.foundation.errors import InputError
from tests.fuzz.outcomes import ACCEPTED, Outcome, Trial, outcome_of
from tests.fuzz.reasons import reason
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


def trial(place: Place, value: float, outcome: Outcome) -> Trial:
    """A value at a place, unreasoned where it is accepted and no comment beside its key says what it does."""
    name = f"{'.'.join(map(str, place))}: {value}"
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
            yield Trial(f"{base}, {engine}: {'.'.join(map(str, place))}: {now}", outcome)


def _train(base: str, engine: str, recipe: str) -> None:
    trained = computed_from(base, engine, recipe)
    if isinstance(trained, str):
        raise InputError(trained)
