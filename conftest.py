"""Tests read params.yaml and the benchmarks hundreds of times: in a process, equal text is parsed once."""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML

from replication import strict


@lru_cache(maxsize=32)
def parsed(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


class ParsedOnce:
    """In the place of `YAML` in `replication.strict`: every reader gets a copy of its own."""

    def __init__(self, **options: Any) -> None:
        assert options == {"typ": "safe", "pure": True}, options

    def load(self, text: str) -> Any:
        return deepcopy(parsed(text))


strict.YAML = ParsedOnce
