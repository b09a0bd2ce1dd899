"""Verdicts as JSON and back: six significant digits, so that the last bits of a float never change the bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from replication.foundation.foreign import parse_json
from replication.verdicts.comparisons import Comparison
from replication.verdicts.evidence import Replicates
from replication.verdicts.verdict import Indicative, Verdict


def to_json(verdicts: Iterable[Verdict]) -> str:
    """Verdicts by id as JSON."""
    records = [_plain(asdict(verdict)) for verdict in sorted(verdicts, key=lambda verdict: verdict.claim)]
    return json.dumps(records, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def from_json(text: str) -> tuple[Verdict, ...]:
    """Verdicts as `to_json` wrote them, numbers at the precision it kept; null in a number's place is NaN."""
    verdicts = []
    for record in parse_json(text.encode()):
        indicative = tuple(
            Indicative(**{**evidence, "comparison": _comparison(evidence["comparison"])})
            for evidence in record["indicative"]
        )
        comparison = _comparison(record["comparison"])
        verdicts.append(Verdict(**{**record, "comparison": comparison, "indicative": indicative}))
    return tuple(verdicts)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return (0.0 if abs(value) < 1e-12 else float(f"{value:.6g}")) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _comparison(record: dict[str, Any] | None) -> Comparison | None:
    if record is None:
        return None
    numbers = {key: _number(record[key]) for key in ("difference", "low", "high")}
    sides = {key: _replicates(record[key]) for key in ("measured", "against")}
    return Comparison(**{**record, **numbers, **sides})


def _replicates(record: dict[str, Any] | None) -> Replicates | None:
    if record is None:
        return None
    values = tuple(_number(value) for value in record["values"])
    numbers = {"mean": _number(record["mean"]), "sd": _number(record["sd"])}
    return Replicates(**{**record, **numbers, "ids": tuple(record["ids"]), "values": values})


def _number(value: float | None) -> float:
    return math.nan if value is None else value
