"""Damage to a file: of its bytes, or of one value among those that it holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

BYTES = ("flip", "truncate", "insert", "zero", "splice", "repeat")
STRUCTURE = ("replace", "remove", "rename", "double", "exchange")
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1, 7, 2**63, 10**40, 0.5, -0.0, 1e308, [], [[]], [1], {}, {"a": 1}, {"__class__": "x"},
    "", "0", "=1", "../../etc/passwd", "a\nb", "\0", "é" * 600,
)  # fmt: skip


class Subject(NamedTuple):
    file: Path  # that is damaged
    read: Callable[[], Any]
    kinds: tuple[str, ...] = BYTES
    is_hashed: bool = False  # whether what is read after damage is what was read before


def subject_of(file: Path, read: Callable[[], Any], is_hashed: bool = False) -> Subject:
    """A file that is damaged in its bytes, and in its structure where it is JSON."""
    return Subject(file, read, (*BYTES, *STRUCTURE) if file.suffix == ".json" else BYTES, is_hashed)


class Damage(NamedTuple):
    kind: str  # of BYTES or of STRUCTURE
    place: float  # in the file, as a share of its length
    other: float  # how much of it, or which other place or value


def drawn(draw: Random, kinds: tuple[str, ...]) -> Damage:
    return Damage(draw.choice(kinds), draw.random(), draw.random())


def damaged(content: bytes, damage: Damage) -> bytes:
    """The content with one change of its bytes."""
    kind, place, other = damage
    start = int(place * len(content))
    length = max(1, int(other**3 * len(content)))
    head, tail = content[:start], content[start:]
    elsewhere = content[int(other * len(content)) :][:64]
    return {
        "flip": head + bytes(byte ^ (1 << int(other * 8)) for byte in tail[:1]) + tail[1:],
        "truncate": head,
        "insert": head + bytes([int(other * 256)]) * (1 + int(place * 40)) + tail,
        "zero": head + bytes(min(length, len(tail))) + tail[length:],
        "splice": head + elsewhere + tail[len(elsewhere) :],
        "repeat": head + tail[:length] + tail,
    }[kind]


def changed(content: bytes, value: Any, damage: Damage) -> bytes:
    """The content with one change, of its bytes or of the plain value that it holds."""
    if damage.kind in BYTES:
        return damaged(content, damage)
    return json.dumps(restructured(value, damage)).encode()


def restructured(value: Any, damage: Damage) -> Any:
    """A copy of plain values with one of them changed."""
    changed: dict[str, Any] = {"": deepcopy(value)}
    nodes = list(_nodes(changed))[1:]
    holder: Any
    key: Any
    holder, key = nodes[int(damage.place * len(nodes))] if nodes else (changed, "")
    if damage.kind == "replace":
        holder[key] = ODD[int(damage.other * len(ODD))]
    elif damage.kind == "remove":
        del holder[key]
    elif damage.kind == "exchange":
        other_holder, other_key = nodes[int(damage.other * len(nodes))] if nodes else (changed, "")
        holder[key] = deepcopy(other_holder[other_key])
    elif isinstance(holder, list):
        holder.insert(key, deepcopy(holder[key]))
    else:
        holder[f"{key}x" if damage.kind == "double" else key[:-1]] = holder[key]
        if damage.kind == "rename":
            del holder[key]
    return changed.get("")


def _nodes(holder: Any) -> Iterator[tuple[Any, Any]]:
    """Every value, as what holds it and under which key."""
    for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
        yield holder, key
        if isinstance(holder[key], dict | list):
            yield from _nodes(holder[key])
