"""Tests read params.yaml and the benchmarks hundreds of times: in a process, equal text is parsed once."""

from __future__ import annotations

import gc
import json
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from replication.config import strict

# Tests that watch torch's operations make it import a compiler for GPU kernels, which no test needs and which prints
# pages about leaks of its own when Python exits.
sys.modules.setdefault("triton", None)  # type: ignore[arg-type]


@lru_cache(maxsize=64)
def parsed(text: str) -> tuple[Any, str]:
    """The values, and the JSON that gives every reader a copy of its own: none where they are not JSON's."""
    try:
        return json.loads(text, object_pairs_hook=unrepeated), text  # JSON is YAML too, and read a hundred times faster
    except ValueError:
        values = YAML(typ="safe", pure=True).load(text)
    try:
        written = json.dumps(values)
    except (TypeError, ValueError):
        return values, ""
    return values, written if json.loads(written) == values else ""


def unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a repeated key, which YAML refuses")
    return dict(pairs)


class ParsedOnce:
    """In the place of `YAML` in `replication.config.strict`."""

    def __init__(self, **options: Any) -> None:
        assert options == {"typ": "safe", "pure": True}, options

    def load(self, text: str) -> Any:
        values, written = parsed(text)
        return json.loads(written) if written else values


strict.YAML = ParsedOnce
strict.KEPT = Path(os.devnull) / "nowhere"  # a test leaves nothing in the folder that it runs in

gc.disable()  # until all is imported and collected: what there is by then stays, and looking through it takes seconds


def pytest_collection_finish(session: pytest.Session) -> None:
    gc.freeze()
    gc.enable()
