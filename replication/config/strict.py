"""Plain values from YAML, checked against a dataclass: what is wrong becomes one sentence."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from ruamel.yaml import YAML, __version__
from ruamel.yaml.error import YAMLError

from replication.foundation.atomic import write_atomically
from replication.foundation.errors import InputError
from replication.foundation.provenance import sha256_text

CLOSED = ConfigDict(extra="forbid", strict=True)
KEPT = Path(".replication/yaml")  # what was read of each file, beside the hash of its text
UNEXPECTED = "unexpected_keyword_argument"  # pydantic's name of an unknown key
_Shape = TypeVar("_Shape")


def read_yaml(path: Path) -> Any:
    """Parse a YAML 1.2 file (so that `2e-4` is a number) into plain Python values.

    A thousand lines take a second, and every stage of the pipeline reads them: the values are kept as JSON until the
    text changes.
    """
    try:
        text = path.read_text(encoding="utf-8")
        key, kept = sha256_text(f"{__version__}\n{text}"), KEPT / f"{path.name}.json"
        found = _found(kept, key)
        return _parsed(text, kept, key) if found is None else found
    except FileNotFoundError as error:
        raise InputError(f"There is no {path}: run the command in the root of the repository.") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}.") from error


def _found(kept: Path, key: str) -> Any:
    try:
        read = json.loads(kept.read_text(encoding="utf-8"))
        return read["values"] if read["sha256"] == key else None
    except (OSError, ValueError, TypeError, LookupError):
        return None


def _parsed(text: str, kept: Path, key: str) -> Any:
    values = YAML(typ="safe", pure=True).load(text)
    try:
        written = json.dumps({"sha256": key, "values": values})
        if json.loads(written)["values"] == values:  # dates and keys that are no text are YAML alone
            write_atomically(kept, written)
    except (TypeError, ValueError, OSError):
        pass  # reading is all that was asked for
    return values


def strict(shape: type[_Shape], value: object, where: str) -> _Shape:
    """Build a dataclass from plain values; a wrong key or type becomes one sentence that starts with `where`."""
    try:
        return _adapter(shape).validate_json(json.dumps(value))
    except ValidationError as error:
        found = error.errors(include_url=False)
        # A misspelt key comes with its right spelling missing: the key that is there is the one to mend.
        first = next((one for one in found if one["type"] == UNEXPECTED), found[0])
        place = ".".join(str(part) for part in first["loc"])
        accepted = _accepted(shape, first["loc"][:-1])
        hint = f"; accepted keys: {accepted}" if first["type"] == UNEXPECTED and accepted else ""
        shown = "" if first["type"].startswith("missing") else f" (got {first.get('input')!r})"
        raise InputError(f"{where}: {place or 'the whole'}: {first['msg'].lower()}{shown}{hint}.") from error
    except TypeError as error:
        raise InputError(f"{where}: {error}.") from error


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def _accepted(shape: Any, path: tuple[str | int, ...]) -> list[str]:
    """The keys accepted at `path`, read from the JSON schema of the dataclass."""
    schema = _adapter(shape).json_schema()
    node = schema
    for part in (*path, None):
        options = [node, *node.get("anyOf", []), *node.get("allOf", [])]
        node = next((schema["$defs"][o["$ref"].split("/")[-1]] for o in options if "$ref" in o), node)
        if part is not None:
            node = node.get("properties", {}).get(part) or node.get("additionalProperties") or node.get("items") or {}
    return sorted(node.get("properties", {})) if isinstance(node, dict) else []
