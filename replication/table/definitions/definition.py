"""What a metric's definition says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class MetricDefinition:
    unit: str
    better: Literal["higher", "lower", "neither"]
    worst: float | None
    protocol: str  # one sentence for the report's section on metrics
