"""What a file may hold, whatever it is about: keys that are text, lists and finite numbers, not too many."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite

from replication.foundation.errors import InputError

DEEPEST = 50  # mappings and lists inside each other; the suite's own files have ten
MOST_VALUES = 10**6  # with all aliases written out; the suite's own params.yaml has some ten thousand
LARGEST = 2**63  # beyond which NumPy and PyTorch hold no integer
SHOWN = 120  # characters of a value in a sentence
# libyaml ends the process where ten thousand brackets, or dashes that begin a line, stand inside each other.
_MOST_OPEN, _NESTED, _BRACKET = 1000, re.compile(r"^[-?: ]{1000}", re.MULTILINE), re.compile(r"[\[{\]}]")
_LONG_NUMBER = re.compile(r"\d{100}")  # Python refuses to read one of thousands of digits, and names no line


def shown(value: object) -> str:
    """A value as a sentence shows it: in one line, cut where it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def trouble_in(text: str) -> str:
    """What in a text no YAML reader should see, as a clause; "" where nothing is wrong."""
    opened = 0
    for bracket in _BRACKET.finditer(text):
        opened = max(opened + (1 if bracket[0] in "[{" else -1), 0)
        if opened > _MOST_OPEN:
            return f"line {_line(text, bracket.start())}: more than {_MOST_OPEN} brackets are open"
    if nested := _NESTED.search(text):
        return f"line {_line(text, nested.start())}: it begins with a thousand spaces and dashes"
    if number := _LONG_NUMBER.search(text):
        return f"line {_line(text, number.start())}: it has a number of a hundred digits or more"
    return ""


def check_plain(value: object, where: str) -> None:
    """Refuse what no JSON file could say of plain values; `where` begins the sentence.

    Raises:
        InputError: a key is no text, a value is none of text, number, list and mapping, a number is not finite or too
            large, or there is too much of it. The sentence names the place.
    """
    waiting, count = [("", value, 0)], 0
    while waiting:
        place, node, depth = waiting.pop()
        count += 1
        if wrong := _wrong(node, depth, count):
            raise InputError(f"{where}: {place.lstrip('.')[:SHOWN] or 'the whole'}: {wrong}.")
        if isinstance(node, Mapping):
            waiting += [(f"{place}.{key}", child, depth + 1) for key, child in node.items()]
        elif isinstance(node, list | tuple):
            waiting += [(f"{place}[{number}]", child, depth + 1) for number, child in enumerate(node)]


def _wrong(node: object, depth: int, count: int) -> str:
    if depth > DEEPEST:
        return f"it lies more than {DEEPEST} levels deep: an alias inside what it stands for, perhaps"
    if count > MOST_VALUES:
        return f"the file has more than {MOST_VALUES} values with its aliases written out: use fewer"
    if isinstance(node, Mapping):
        keys = [key for key in node if not isinstance(key, str)]
        return f"the key {shown(keys[0])} is no text: write it in quotes" if keys else ""
    if isinstance(node, float) and not isfinite(node):
        return f"{node} is no finite number: write one"
    if isinstance(node, int) and abs(node) >= LARGEST:
        return f"{shown(node)} is larger than any integer that is computed with: write a smaller one"
    if node is None or isinstance(node, str | int | float | list | tuple):
        return ""
    return f"{shown(node)} is read as {type(node).__name__}: write it in quotes"


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
