"""How often the verdict rule errs, as the reading guide shows it; `verdicts.studies.simulation` writes the numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from replication.foundation.errors import InputError
from replication.table.grids import NONE, Grid

PATH = Path(__file__).with_name("error_rates.json")


def error_rate_grid(path: Path = PATH) -> Grid:
    """One row a truth and a word that is wrong under it, one column a number of replicates."""
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        rows: list[dict[str, Any]] = written["rows"]
        columns = sorted({_column(row) for row in rows})
        cells: dict[tuple[str, str, str], dict[tuple[int, int], str]] = {}
        for row in rows:
            line = cells.setdefault((row["kind"], row["truth"], row["word"]), {})
            line[_column(row)] = f"{100 * row['rate']:.1f} %"
        note = (
            f"Share of {written['studies']} simulated studies that give a wrong word; the nominal rate is "
            f"{100 * written['nominal']:g} %, chance explains up to {100 * written['largest_rate_by_chance']:.1f} %."
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        sentence = f"{path} holds no error rates ({error!r}): run `uv run python -m replication.verdicts simulation`."
        raise InputError(sentence) from error
    header = ("kind", "truth", "wrong word", *(f"n = {n}" if n == m else f"{n} against {m}" for n, m in columns))
    body = tuple((*key, *(line.get(column, NONE) for column in columns)) for key, line in cells.items())
    return Grid("Error rates of the rule", note, header, body)


def _column(row: Mapping[str, Any]) -> tuple[int, int]:
    """Replicates on both sides; the published trainings of a value stand in its truth."""
    other = row["against_n"]
    return row["n"], row["n"] if other is None or row["kind"] == "value" else other
