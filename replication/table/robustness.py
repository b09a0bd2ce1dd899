"""How the commands bear faults and hostile input: one table a file, as `tests.faults` and `tests.fuzz` write them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from replication.config.strict import strict
from replication.foundation.atomic import write_atomically
from replication.foundation.errors import InputError
from replication.foundation.folders import entries_of
from replication.foundation.foreign import read_json
from replication.table.grids import Grid

FOLDER = Path("robustness")  # inside of benchmarks/


def read_robustness(folder: Path) -> tuple[Grid, ...]:
    """Every table of a folder, in the order of their files' names.

    Raises:
        InputError: a file is no table.
    """
    return tuple(read_grid(path) for path in entries_of(folder, "*.json"))


def write_robustness(grid: Grid, path: Path) -> None:
    """Write a table for the page."""
    write_atomically(path, json.dumps(asdict(grid), ensure_ascii=False, indent=1) + "\n")


def read_grid(path: Path) -> Grid:
    """One table; InputError where the file holds none."""
    mend = "write it again with `python -m tests.faults --out` or `python -m tests.fuzz --out`"
    try:
        written = read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no JSON file ({error}): {mend}.") from error
    grid = strict(Grid, written, str(path))
    if uneven := next((row for row in grid.rows if len(row) != len(grid.header)), None):
        raise InputError(f"{path} has a row of {len(uneven)} cells under {len(grid.header)} columns: {mend}.")
    return grid
