"""Differences of claims in their margins, turned so that positive is better: for the forest plot and for DVC."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from replication.verdicts.claims import Claim
from replication.verdicts.statistics.rules import Word
from replication.verdicts.verdict import Verdict

KINDS = ("value", "order", "superiority", "rate", "bound")


@dataclass(frozen=True)
class Bar:
    claim: str
    centre: float
    low: float
    high: float
    word: Word


def bars(claims: Sequence[Claim], verdicts: Sequence[Verdict]) -> dict[str, list[Bar]]:
    """Bars by kind of claim, standardised by the margin (value, order) or the bound; positive is better."""
    groups: dict[str, list[Bar]] = {kind: [] for kind in KINDS}
    for claim, verdict in zip(claims, verdicts, strict=True):
        numbers = verdict.comparison
        if claim.kind not in groups or numbers is None or not math.isfinite(numbers.low + numbers.high):
            continue
        scale = {"value": claim.margin, "order": claim.margin, "bound": abs(claim.bound or 0.0)}.get(claim.kind) or 1.0
        sign = (1 if numbers.better == "higher" else -1) / scale
        ends = sorted((sign * numbers.low, sign * numbers.high))
        groups[claim.kind].append(Bar(claim.id, sign * numbers.difference, ends[0], ends[1], verdict.word))
    return {kind: members for kind, members in groups.items() if members}
