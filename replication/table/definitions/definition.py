"""What a metric's definition says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True)
class MetricDefinition:
    unit: str
    better: Better
    worst: float | None
    protocol: str  # one sentence for the report's section on metrics


def metric(unit: str, better: Better, worst: float | None) -> Callable[[str], MetricDefinition]:
    """A definition that still lacks its protocol."""
    return partial(MetricDefinition, unit, better, worst)
