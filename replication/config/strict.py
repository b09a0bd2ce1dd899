"""Plain values from YAML, checked against a dataclass: what is wrong becomes one sentence.

Whatever a file is about, it may hold keys that are text, lists and finite numbers, and not too many of them.

The types of numbers stand here too, so that every key of params.yaml has bounds. Whoever adds a key takes the type that
follows from what the key means. Where a type accepts 0 or a negative number, the comment beside the key says what it
does there: `0: none`, or `negative: …`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from io import TextIOWrapper
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from replication.foundation.errors import InputError
from replication.foundation.foreign import plain_file

CLOSED = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
# A billion updates of the smallest game take a month: more of anything is a slip of the finger.
Natural = Annotated[int, Field(ge=0, le=10**9)]
Count = Annotated[int, Field(ge=1, le=10**9)]
# Of images, samples and points. Ten million images of 32×32 in colour take 30 GB, all that one machine holds.
Samples = Annotated[int, Field(ge=1, le=10**7)]
SamplesOrZero = Annotated[int, Field(ge=0, le=10**7)]
# Of a layer, a batch, a kernel, a latent vector, a picture's side. Two layers of 65 536 units share 16 GiB of weights.
Size = Annotated[int, Field(ge=1, le=2**16)]
SizeOrZero = Annotated[int, Field(ge=0, le=2**16)]
Threads = Annotated[int, Field(ge=1, le=1024)]  # no processor has more
SEEDS = 2**32  # as many as NumPy and scikit-learn have, from 0
Seed = Annotated[int, Field(ge=0, lt=SEEDS)]
Positive = Annotated[float, Field(gt=0)]
# Of noise, data, weights and losses, which lie around 1 in all networks here: float32 has seven digits, so that beside
# something a thousand times as large half of them are lost, and every nonlinearity is saturated.
Scale = Annotated[float, Field(gt=0, le=1000)]
ScaleOrZero = Annotated[float, Field(ge=0, le=1000)]
Level = Annotated[float, Field(ge=-1000, le=1000)]  # on the same scale, on both sides of 0
Rate = Annotated[float, Field(gt=0, le=10)]  # of learning; Adam moves every weight by the rate itself at each update
Cost = Annotated[float, Field(gt=0, le=10**6)]  # C of a linear classifier: above, its penalty is lost to rounding
Share = Annotated[float, Field(ge=0, le=1)]
Part = Annotated[float, Field(gt=0, lt=1)]  # neither nothing nor all
Kept = Annotated[float, Field(gt=0, le=1)]  # something, or all
BelowOne = Annotated[float, Field(ge=0, lt=1)]  # momentum, slope, share dropped: at 1 nothing is forgotten or left
Tiny = Annotated[float, Field(gt=0, lt=1)]  # what is added to a divisor
UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")  # pydantic's names of an unknown key
DEEPEST = 50  # mappings and lists inside each other; the suite's own files have ten
MOST_VALUES = 10**5  # with all aliases written out; the suite's own params.yaml has some ten thousand
LARGEST = 2**63  # beyond which NumPy and PyTorch hold no integer
SHOWN = 120  # characters of a value in a sentence
# libyaml ends the process where ten thousand brackets, or dashes that begin a line, stand inside each other.
_MOST_OPEN, _NESTED, _BRACKET = 1000, re.compile(r"^[-?: ]{1000}", re.MULTILINE), re.compile(r"[\[{\]}]")
_LONG_NUMBER = re.compile(r"\d{100}")  # Python refuses to read one of thousands of digits, and names no line
_Shape = TypeVar("_Shape")
_Items = TypeVar("_Items", bound=tuple[Any, ...])


def _different(items: _Items) -> _Items:
    if twice := [item for item in items if items.count(item) > 1]:
        raise ValueError(f"{shown(twice[0])} stands there more than once: take it out")
    return items


DIFFERENT = AfterValidator(_different)  # of a list whose entries name rows, which are written once
# Of what names a folder, a file or a row: the same on every file system, and no formula in a spreadsheet.
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,99}$")]


def shown(value: object) -> str:
    """A value as a sentence shows it: in one line, cut where it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def read_yaml(path: Path) -> Any:
    """Parse a YAML 1.2 file (so that `2e-4` is a number) into plain Python values."""
    try:
        with TextIOWrapper(plain_file(path), encoding="utf-8-sig") as stream:  # as some editors mark a file's encoding
            text = stream.read()
        if trouble := trouble_in(text):
            raise InputError(f"{path} is not YAML: {trouble}.")
        value = YAML(typ="safe").load(text)
    except FileNotFoundError as error:
        raise InputError(f"There is no {path}: run the command in the root of the repository.") from error
    except MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        clauses = " ".join(", ".join(filter(None, (error.context, error.problem))).split())
        raise InputError(f"{path} is not YAML: {line}{clauses}.") from error
    except KeyError as error:
        raise InputError(f"{path} is not YAML: {error} is none of the values that its tag has.") from error
    except (YAMLError, ValueError) as error:
        raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}.") from error
    check_plain(value, str(path))
    return value


def strict(shape: type[_Shape], value: object, where: str) -> _Shape:
    """A dataclass of plain values; what is wrong is an InputError of one sentence that starts with `where`."""
    try:
        return _adapter(shape).validate_json(json.dumps(value))
    except TypeError:
        check_plain(value, where)
        raise
    except ValidationError as error:
        raise InputError(f"{where}: {_sentence(error, shape, value)}.") from error


def _sentence(error: ValidationError, shape: Any, value: object) -> str:
    """The first error as a place and a clause."""
    # A misspelt key comes with its right spelling missing: the key that is there is the one to mend. Where several
    # types are accepted, a value of the right type and out of range counts before those of a wrong type.
    first: Any = min(error.errors(include_url=False), key=_rank)
    kind, place = first["type"], _place(first["loc"], value)
    if kind == "value_error":
        return f"{place}: {first['ctx']['error']}" if place else str(first["ctx"]["error"])
    got = "" if kind.startswith("missing") else f" (got {shown(first.get('input'))})"
    accepted = _accepted(shape, first["loc"][:-1]) if kind in UNKNOWN else []
    hint = f"; accepted keys: {accepted}" if accepted else ""
    return f"{place or 'the whole'}: {first['msg'].lower()}{got}{hint}"


def _rank(error: Any) -> int:
    kind = error["type"]
    return 0 if kind in UNKNOWN else 2 if kind.endswith("_type") or kind == "too_short" else 1


def _place(path: Sequence[str | int], value: Any) -> str:
    """Where in the values: `claims[3].kind`, with the identifier of an entry of a list behind its number."""
    place = ""
    for part in path:
        if isinstance(value, Mapping):
            place, value = f"{place}.{part}", value.get(part)
        elif isinstance(value, list) and isinstance(part, int):
            place, value = f"{place}[{part}]", value[part] if part < len(value) else None
            if isinstance(value, Mapping) and isinstance(value.get("id"), str):
                place += f" ({value['id']})"
    return place.lstrip(".")


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def _accepted(shape: Any, path: Sequence[str | int]) -> list[str]:
    """The keys accepted at `path`, read from the JSON schema of the dataclass."""
    schema = _adapter(shape).json_schema()
    node = schema
    for part in (*path, None):
        options = [node, *node.get("anyOf", []), *node.get("allOf", [])]
        node = next((schema["$defs"][o["$ref"].split("/")[-1]] for o in options if "$ref" in o), node)
        if part is not None:
            node = node.get("properties", {}).get(part) or node.get("additionalProperties") or node.get("items") or {}
    return sorted(node.get("properties", {})) if isinstance(node, dict) else []


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
    """Refuse what no JSON file could say of plain values, and too much of it; `where` begins the sentence.

    Raises:
        InputError: a key is no text, a value no text, number, list or mapping, a number not finite or too large.
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
