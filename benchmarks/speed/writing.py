"""From what was measured to a file, and to what the command prints."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from benchmarks.speed.machine import benchmark_hash
from benchmarks.speed.options import Options
from replication.foundation.atomic import write_atomically
from replication.table.grids import Grid
from replication.table.speed import Results
from replication.table.speed_tables import grids

QUIET = 0.25  # processes a core in the minute before


def results_of(options: Options, notes: Sequence[str], **measured: Any) -> Results:
    """What was measured, with where, when and by which code."""
    if options.machine.load_before > QUIET * (os.cpu_count() or 1):
        notes = (*notes, "Other work ran on the machine: measure again where the load is low.")
    return Results(
        benchmark=options.name,
        command=options.command,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        code_sha256=benchmark_hash(),
        machine=options.machine,
        rounds=options.rounds,
        round_seconds=options.seconds,
        notes=tuple(notes),
        **measured,
    )


def show(results: Results, options: Options) -> None:
    """Print tables or JSON, and write the file that the options name."""
    text = json.dumps(asdict(results), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    print(text if options.as_json else as_text(grids(results)), end="")
    if options.out:
        write_atomically(options.out, text)
        print("" if options.as_json else f"written: {options.out}\n", end="")


def as_text(tables: Sequence[Grid]) -> str:
    """Tables with aligned columns, each under its title and note."""
    parts = []
    for grid in tables:
        rows = [grid.header, *grid.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(len(grid.header))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        parts.append("\n".join((grid.title, grid.note, "", *lines, "")))
    return "\n".join(parts) + "\n"
