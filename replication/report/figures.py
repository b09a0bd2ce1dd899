"""Every figure of a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from replication.claims import Claim
from replication.report.arms import draw_arms
from replication.report.cells import ScoredCell
from replication.report.curves import draw_curves
from replication.report.drawing import Drawn
from replication.report.forest import draw_forest
from replication.report.limited_figures import draw_limited
from replication.report.samples import draw_samples
from replication.report.sweep_figures import draw_sweeps
from replication.verdicts import Verdict


def draw(
    cells: Sequence[ScoredCell],
    table: pd.DataFrame,
    claims: Sequence[Claim],
    verdicts: Sequence[Verdict],
    folder: Path,
) -> list[Drawn]:
    """Draw all figures into `folder`; returns them in the order of the page."""
    runs = (
        *draw_curves(table, folder),
        *draw_arms(table, folder),
        *draw_limited(table, folder),
        *draw_sweeps(table, folder),
        *draw_samples(cells, folder),
    )
    return [*draw_forest(claims, verdicts, folder), *runs]
