"""What every provenance.json says alike: of a training, of a block of seeds that is scored, and of a report's cells.

Keys that are unknown here may stand beside.
"""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from replication.config.strict import CLOSED

OPEN = ConfigDict({**CLOSED, "extra": "ignore"})
Seconds = Annotated[float, Field(ge=0, le=1e12)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
SeedKey = Annotated[str, Field(pattern="^[0-9]{1,10}$")]  # a seed as a key of JSON
Device = Literal["cpu", "cuda"]


@dataclass(config=OPEN, frozen=True)
class Clock:
    """Seconds are absent where they were not recorded, or another command takes them."""

    started: str = ""
    host: str = ""
    duration_s: Seconds = 0.0
    scoring_s: Seconds = 0.0
    usage: dict[str, float] = field(default_factory=dict)


@dataclass(config=OPEN, frozen=True)
class Identity:
    model: str
    recipe: str
    variant: str
    dataset: str
    split: str
