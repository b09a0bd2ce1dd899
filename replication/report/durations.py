"""How long cells took: the seconds that their runs recorded, with the device, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from replication.report.wording import value_in_words
from replication.table.grids import NONE, Grid

NOTE = (
    "Seconds that a cell's commands recorded, for all its seeds together. Those of a resumed training count from its "
    "last start. Other work on the machine may have slowed them."
)
HEADER = ("cell", "seeds", "updates", "training or experiment, s", "scoring, s", "device", "threads")


def durations(cells: Mapping[str, Mapping[str, Any]]) -> Grid:
    """One row a cell of a report's provenance, and their sum; a dash where a duration was not recorded."""
    rows, together = [], {"duration_s": 0.0, "scoring_s": 0.0}
    for key, cell in cells.items():
        clock, where = cell["clock"], cell["environment"]
        together = {name: total + clock.get(name, 0.0) for name, total in together.items()}
        seconds = (f"{clock[name]:.1f}" if name in clock else NONE for name in together)
        updates = value_in_words(cell.get("updates"))
        shown = (str(where.get(name, NONE)) for name in ("device", "threads"))
        rows.append((key, str(len(cell["seeds"])), updates, *seconds, *shown))
    totals = (f"{seconds:.1f}" for seconds in together.values())
    rows.append(("all", str(sum(len(cell["seeds"]) for cell in cells.values())), NONE, *totals, NONE, NONE))
    return Grid("Time that cells took", NOTE, HEADER, tuple(rows))
