"""Plain values from YAML, checked against a dataclass: what is wrong becomes one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from replication.errors import InputError

CLOSED = ConfigDict(extra="forbid", strict=True)
UNEXPECTED = "unexpected_keyword_argument"  # pydantic's name of an unknown key
_Shape = TypeVar("_Shape")


def read_yaml(path: Path) -> Any:
    """Parse a YAML 1.2 file (so that `2e-4` is a number) into plain Python values."""
    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"There is no {path}: run the command in the root of the repository.") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}.") from error


def strict(shape: type[_Shape], value: object, where: str) -> _Shape:
    """Build a dataclass from plain values; a wrong key or type becomes one sentence that starts with `where`."""
    try:
        return TypeAdapter(shape).validate_json(json.dumps(value))
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


def _accepted(shape: Any, path: tuple[str | int, ...]) -> list[str]:
    """The keys accepted at `path`, read from the JSON schema of the dataclass."""
    schema = TypeAdapter(shape).json_schema()
    node = schema
    for part in (*path, None):
        options = [node, *node.get("anyOf", []), *node.get("allOf", [])]
        node = next((schema["$defs"][o["$ref"].split("/")[-1]] for o in options if "$ref" in o), node)
        if part is not None:
            node = node.get("properties", {}).get(part) or node.get("additionalProperties") or node.get("items") or {}
    return sorted(node.get("properties", {})) if isinstance(node, dict) else []
