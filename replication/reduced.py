"""Evidence that rests on runs of a reduced budget: shown as indicative, never a claim's verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from replication.budgets import in_percent
from replication.claims import Evidence
from replication.evidence import select

RUN = ("model", "recipe", "variant", "dataset", "split")  # columns of the table, and fields of a cell's provenance
Budgets = Mapping[tuple[str, ...], float]  # of reduced runs alone: RUN → share of the recipe's updates


def reduced_budgets(cells: Iterable[Mapping[str, Any]]) -> dict[tuple[str, ...], float]:
    """Reduced runs from the provenance of their cells, which names a budget only where it is below 1."""
    return {tuple(str(cell[field]) for field in RUN): float(cell["budget"]) for cell in cells if "budget" in cell}


def as_reduced(evidence: Evidence, table: pd.DataFrame, budgets: Budgets) -> Evidence | None:
    """Evidence of runs that were cut short, as the substitute it is; None where every run has its whole length.

    A run that ends early has another last step than the protocol's, which is why the substitute asks for none.
    """
    shares = sorted({budgets[run] for run in _runs(evidence, table) if run in budgets})
    if not shares:
        return None
    words = f"updates cut to {' and '.join(map(in_percent, shares))}"
    substitutes = f"{evidence.substitutes.rstrip('.')}; {words}" if evidence.substitutes else words
    return replace(evidence, budget=None, substitutes=substitutes)


def _runs(evidence: Evidence, table: pd.DataFrame) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for side in (evidence.measured, evidence.against):
        if side is not None:
            rows = select(table, {column: value for column, value in side.items() if column != "step"})
            found |= set(zip(*(rows[column].astype(str) for column in RUN), strict=True))
    return found
