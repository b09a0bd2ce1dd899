"""How long trainings would take at measured rates: what `python -m replication.estimate --write` wrote, as a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic.dataclasses import dataclass

from replication.errors import InputError
from replication.report.papers import Grid
from replication.report.wording import NONE, number
from replication.strict import CLOSED, strict

TITLE, AGAIN = "Estimated time of training", "run `uv run python -m replication.estimate --write`"
PATH = Path("speed", "estimates.json")  # inside of benchmarks/
HEADER = ("profile", "model", "cells", "trainings", "updates, millions", "hours", "at the rate of (arithmetic of ours)")


@dataclass(frozen=True, config=CLOSED)
class CellEstimate:
    """One cell, at the rate of the measured case whose arithmetic is nearest; None and "" where there is none."""

    cell: str
    model: str
    seeds: int
    updates: int
    units: int  # turns of the schedule, of one seed
    kind: Literal["toy", "dense", "convolutional"]
    gflop_per_unit: float
    device: Literal["cpu", "cuda"]
    case: str
    of_case: float | None  # arithmetic of a unit, over that of the case
    seconds: float | None

    @property
    def missing(self) -> str:
        """What would have to be measured; "" where it was."""
        return "" if self.seconds is not None else f"no measured rate on {self.device} ({self.kind})"


@dataclass(frozen=True, config=CLOSED)
class ProfileEstimate:
    profile: str
    measured: tuple[str, ...]  # files of results that rates are taken from, each with its machine
    commands: tuple[str, ...]  # that measure what is missing
    cells: tuple[CellEstimate, ...]

    @property
    def seconds(self) -> float | None:
        """Of all trainings, one cell after another; None where one cell has no rate."""
        return total(self.cells)


@dataclass(frozen=True, config=CLOSED)
class Estimates:
    profiles: tuple[ProfileEstimate, ...]


def total(cells: Sequence[CellEstimate]) -> float | None:
    """Seconds of some cells together; None where one has no rate."""
    found = [cell.seconds for cell in cells if cell.seconds is not None]
    return sum(found) if len(found) == len(cells) else None


def read_estimates(path: Path) -> Estimates:
    """What the command wrote.

    Raises:
        InputError: the file is not JSON, or holds something else.
    """
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} holds no estimates ({error}): {AGAIN}.") from error
    return strict(Estimates, written, str(path))


def estimate_grid(path: Path) -> Grid:
    """One row a profile and model, and one for each profile; no hours where a cell has no measured rate, no rows
    where there is no file."""
    if not path.is_file():
        return Grid(TITLE, f"None is written: {AGAIN}.", HEADER, ())
    profiles, rows = read_estimates(path).profiles, []
    for one in profiles:
        models = list(dict.fromkeys(cell.model for cell in one.cells))
        parts = [(model, [cell for cell in one.cells if cell.model == model]) for model in models]
        rows += [_row(one.profile, name, cells) for name, cells in (*parts, ("all", list(one.cells)))]
    note = (
        "Trainings alone, one cell after another, at the measured rate of the case whose networks are of the same kind "
        "and nearest in arithmetic: a unit of the schedule takes as long as the case's, and longer in proportion where "
        "it has more arithmetic."
    )
    measured = ", ".join(dict.fromkeys(name for one in profiles for name in one.measured)) or "no file"
    commands = dict.fromkeys(command for one in profiles for command in one.commands)
    missing = f" What is missing is measured by {' and '.join(f'`{one}`' for one in commands)}." if commands else ""
    return Grid(TITLE, f"{note} Rates of {measured}.{missing}", HEADER, tuple(rows))


def _row(profile: str, model: str, cells: Sequence[CellEstimate]) -> tuple[str, ...]:
    trainings = sum(cell.seeds for cell in cells)
    updates = sum(cell.seeds * cell.updates for cell in cells) / 1e6
    seconds = total(cells)
    missing = "; ".join(sorted({cell.missing for cell in cells} - {""}))
    hours = NONE if seconds is None else number(seconds / 3600)
    return profile, model, str(len(cells)), str(trainings), number(updates), hours, missing or _cases(cells)


def _cases(cells: Sequence[CellEstimate]) -> str:
    """Cases with the least and greatest arithmetic taken at their rate, such as "dcgan-32 (0.9 to 2.3 times)"."""
    ratios: dict[str, list[float]] = {}
    for cell in cells:
        ratios.setdefault(cell.case, []).append(cell.of_case or 0.0)
    return ", ".join(
        f"{case} ({' to '.join(dict.fromkeys((f'{min(found):.2g}', f'{max(found):.2g}')))} times)"
        for case, found in ratios.items()
    )
