"""Which entries of the ledger (`deviations` of `benchmarks/*.yaml`) hold for one recipe, and why each of them does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

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
    benchmarks: Sequence[Benchmark], name: RecipeName, cells: Collection[str], written: Node | None
) -> tuple[Held, ...]:
    """The entries that hold for a recipe: those of its own keys first, those of its paper last.

    An entry on a key of `variants` holds under that variant alone; one without a key holds for all recipes of its
    paper, which `benchmarks/<model><year>.yaml` is. `cells` are the dotted paths of the cells that train the recipe;
    `written` is `params.yaml` by `yaml_nodes`, where a line that two recipes have by an anchor is one node.
    """
    held = []
    for benchmark in benchmarks:
        own_paper = benchmark.paper.rstrip("0123456789") == name.model
        for deviation in benchmark.deviations:
            reason = _reason(deviation.key, own_paper, name, cells, written)
            held += [Held(reason, deviation)] if reason else []
    return tuple(sorted(held, key=lambda one: get_args(Reason).index(one.reason)))


def yaml_nodes(path: Path) -> Node | None:
    """A YAML file as its parser sees it, with aliases that are the very node of their anchor."""
    return YAML(typ="safe", pure=True).compose(path)


def _reason(key: str, own_paper: bool, name: RecipeName, cells: Collection[str], written: Node | None) -> Reason | None:
    parts = key.split(".")
    if key in ("", f"recipes.{name.model}"):
        return "paper" if own_paper else None
    if any(key == cell or key.startswith(f"{cell}.") for cell in cells):
        return "cell"
    if parts[0] != "recipes" or len(parts) < 3 or (parts[3:4] == ["variants"] and name.variant not in parts[4:5]):
        return None
    if parts[1:3] == [name.model, name.recipe]:
        return "recipe"
    if len(parts) == 3 or written is None:
        return None
    there, here = _node(written, parts), _node(written, ["recipes", name.model, name.recipe, *parts[3:]])
    return "shared" if there is not None and there is here else None


def _node(node: Any, path: Sequence[str]) -> Node | None:
    """The node at a path of keys; a mapping's own keys come before those it merges (`<<`)."""
    if not path:
        return node
    if not isinstance(node, MappingNode):
        return None
    entries = {key.value: value for key, value in node.value}
    if path[0] in entries:
        return _node(entries[path[0]], path[1:])
    merged = entries.get("<<")
    sources = merged.value if isinstance(merged, SequenceNode) else [merged]
    return next((found for source in sources if (found := _node(source, path)) is not None), None)
