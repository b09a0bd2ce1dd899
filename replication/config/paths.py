"""Dotted paths into `params.yaml`, so that a table of recipes or deviations shows our values and nobody types them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from replication.foundation.errors import InputError


def value_at(root: object, path: str) -> object:
    """The value that a dotted path such as `prior.sigma_init` leads to, through dataclasses and mappings.

    With `load_params()` as root a path starts at the top of params.yaml (`recipes.deligan.toy.noise`), with one
    recipe (`params.recipe(model, recipe, variant)`) inside that.

    Raises:
        InputError: a part of the path is no key there; the sentence names the accepted ones.
    """
    node = root
    for part in path.split("."):
        if node is None:  # what is left out has no parts
            return None
        keys = _keys(node)
        if part not in keys:
            accepted = ", ".join(keys) or "none, a plain value stands there"
            raise InputError(f"params.yaml: {path}: there is no {part!r}; accepted: {accepted}.")
        node = node[part] if isinstance(node, Mapping) else getattr(node, part)
    return node


def _keys(node: object) -> list[str]:
    if isinstance(node, Mapping):
        return [str(key) for key in node]
    return [field.name for field in fields(node)] if is_dataclass(node) else []
