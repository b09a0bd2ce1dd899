"""Which entries of the ledger (`deviations` of `benchmarks/*.yaml`) hold for one recipe, and why each of them does."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

from replication.config.expansion import Sources
from replication.verdicts.published import Benchmark, Deviation

Reason = Literal["recipe", "shared", "cell", "paper"]


class RecipeName(NamedTuple):
    model: str
    recipe: str
    variant: str


class Held(NamedTuple):
    """An entry in force, for it names a key of the recipe, a line shared with it, a cell of it, or the whole paper."""

    reason: Reason
    deviation: Deviation


def deviations_in_force(
    benchmarks: Sequence[Benchmark], name: RecipeName, cells: Collection[str], written: Sources
) -> tuple[Held, ...]:
    """The entries that hold for a recipe: those of its own keys first, those of its paper last.

    An entry on a key of `variants` holds under that variant alone; one without a key holds for all recipes of its
    paper, which `benchmarks/<model><year>.yaml` is. `cells` are the dotted paths of the cells that train the recipe;
    `written` are the recipes as they are written: two that inherit a value from the same recipe share its line.
    """
    held = []
    for benchmark in benchmarks:
        own_paper = benchmark.paper.rstrip("0123456789") == name.model
        for deviation in benchmark.deviations:
            reason = _reason(deviation.key, own_paper, name, cells, written)
            held += [Held(reason, deviation)] if reason else []
    return tuple(sorted(held, key=lambda entry: get_args(Reason).index(entry.reason)))


def _reason(key: str, own_paper: bool, name: RecipeName, cells: Collection[str], written: Sources) -> Reason | None:
    parts = key.split(".")
    if key in ("", f"recipes.{name.model}"):
        return "paper" if own_paper else None
    if any(key == cell or key.startswith(f"{cell}.") for cell in cells):
        return "cell"
    if parts[0] != "recipes" or len(parts) < 3 or (parts[3:4] == ["variants"] and name.variant not in parts[4:5]):
        return None
    if parts[1:3] == [name.model, name.recipe]:
        return "recipe"
    if len(parts) == 3:
        return None
    there = _origin(written, (parts[1], parts[2]), parts[3:])
    return "shared" if there and there == _origin(written, (name.model, name.recipe), parts[3:]) else None


def _origin(written: Sources, recipe: tuple[str, str], path: Sequence[str]) -> str | None:
    """Where the value at a path of keys is written: the place of the recipe, or of the nearest that it extends."""
    source = written.get(recipe)
    while source is not None:
        node: Any = source.values
        for part in path:
            if not isinstance(node, Mapping) or f"{part}!" in node:  # a value that stands alone
                return source.place
            if part not in node:
                break
            node = node[part]
        else:
            return source.place
        source = written.get(source.parent) if source.parent else None
    return None
