"""Verdicts as JSON and back: six significant digits, so that the last bits of a float never change the bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from replication.config.strict import strict
from replication.foundation.errors import InputError
from replication.foundation.foreign import parse_json
from replication.verdicts.verdict import Verdict


def to_json(verdicts: Iterable[Verdict]) -> str:
    """Verdicts by id as JSON."""
    records = [_plain(asdict(verdict)) for verdict in sorted(verdicts, key=lambda verdict: verdict.claim)]
    return json.dumps(records, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def from_json(text: str) -> tuple[Verdict, ...]:
    """Verdicts as `to_json` wrote them, numbers at the precision it kept; null in a number's place is NaN.

    Raises:
        ValueError: it holds something else.
    """
    try:
        return strict(tuple[Verdict, ...], parse_json(text.encode()), "verdicts")
    except InputError as error:
        raise ValueError(str(error)) from error


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return (0.0 if abs(value) < 1e-12 else float(f"{value:.6g}")) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
