"""A recipe's keys, by its types, and values at dotted keys of a written one."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def keys_of(hint: Any, key: str, beside: Container[Any]) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    """Dotted keys below a type, each with the words that it accepts and its default; not those of types `beside`."""
    parts = [part for part in get_args(hint) if part not in (NoneType, Ellipsis)]
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        for field in fields(hint):
            name = f"{key}.{field.name}".lstrip(".")
            inner = hints[field.name]
            if not is_dataclass(inner):
                yield name, get_args(inner) if get_origin(inner) is Literal else (), field.default
            yield from keys_of(inner, name, beside)
    elif get_origin(hint) in (Union, UnionType) or (get_origin(hint) is tuple and len(parts) == 1):
        inner = [part for part in parts if part not in beside]
        for part in inner:
            yield from keys_of(part, key, beside)
    elif get_origin(hint) is tuple:
        for place, part in enumerate(parts):
            yield f"{key}.{place}", get_args(part) if get_origin(part) is Literal else (), MISSING


def place(settings: Any, path: list[str], value: Any) -> None:
    """Write a value at a dotted key; in a list of layers at its first layer's."""
    head, *rest = path
    if isinstance(settings, list) and isinstance(settings[0], list | dict):
        return place(settings[0], path, value)
    at: Any = int(head) if isinstance(settings, list) else head
    if not rest:
        settings[at] = value
        return None
    if isinstance(settings, dict) and settings.get(at) is None:
        settings[at] = {}
    return place(settings[at], rest, value)


def at(settings: Any, path: list[str], default: Any) -> Any:
    """What is written at a dotted key."""
    for part in path:
        while isinstance(settings, list) and isinstance(settings[0], list | dict):
            settings = settings[0]
        if isinstance(settings, list):
            settings = settings[int(part)]
        else:
            settings = settings.get(part, default) if isinstance(settings, dict) else default
    return settings
