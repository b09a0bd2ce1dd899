"""What the papers claim, as data: `benchmarks/*.yaml` under `benchmarks/schema.json`, read into frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["value", "order", "rate", "bound", "question"]
Selection = Mapping[str, str | int | float]  # column of the table of measurements → the value it must have


@dataclass(frozen=True)
class Evidence:
    """Which measurements speak: one side for value and bound, two for order and rate.

    `step` in a selection may be an integer, "final", or a share of the run's last step such as "25%".
    """

    measured: Selection
    against: Selection | None  # the side that the claim puts lower (order, rate)
    paired: bool  # both sides come from the same runs: compare within each replicate
    budget: int | None  # updates that the last step must equal; another budget is another protocol
    substitutes: str  # "" for the full protocol; else what stands in for what, and the evidence is indicative


@dataclass(frozen=True)
class Published:
    value: float
    spread: float | None
    spread_kind: str
    trainings: int | None  # None: an exact, theoretical value
    verified: bool
    source: str


@dataclass(frozen=True)
class Claim:
    id: str
    paper: str
    statement: str
    source: str
    verified: bool
    origin: Literal["paper", "ours"]  # ours: the operational protocol of a qualitative claim
    kind: Kind
    family: str  # Holm's adjustment runs within it
    protocol: str  # one sentence: what is run and compared
    replicate_unit: Literal["training", "label draw", "split", "dataset"]
    overlap: float | None  # test/train ratio of dependent draws, for the corrected resampled t
    margin: float | None
    margin_reason: str
    better: Literal["higher", "lower"]
    bound: float | None
    published: Published | None
    evidence: Evidence | None  # the full protocol; None where nothing in the suite can run it yet
    indicative: tuple[Evidence, ...]
    not_assessed: str  # the reason shown while the full protocol has no measurements
