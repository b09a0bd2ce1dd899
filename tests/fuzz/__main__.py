"""Damage what a user writes, let the suite read it, and count what became of it: `python -m tests.fuzz`.

Each kind of damage is an entry of `KINDS`. The table is printed, and written to `--out`: in
`benchmarks/robustness/fuzz.json` the page shows it.
"""

from __future__ import annotations

import argparse
import platform
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from replication.table.grids import NONE, Grid
from replication.table.robustness import write_robustness
from tests.fuzz.by_hand import by_hand_fuzz
from tests.fuzz.claim_files import claims_fuzz
from tests.fuzz.files import FILES
from tests.fuzz.leaves import leaves_fuzz
from tests.fuzz.mutations import mutations_fuzz
from tests.fuzz.outcomes import ACCEPTED, NONSENSE, SENTENCE, TRACEBACK
from tests.fuzz.small import small_fuzz

KINDS: dict[str, Callable[[], Counter[str]]] = {  # by the name of its row: try all, and count each outcome
    "random changes of params.yaml": mutations_fuzz,
    "params.yaml by hand": by_hand_fuzz,
    "numbers of params.yaml": leaves_fuzz,
    "numbers of small recipes, trained": small_fuzz,
    "claim files": claims_fuzz,
    **FILES,
}
REASONED = ("numbers of params.yaml", "claim files")  # kinds of which every accepted damage is held against a reason
COLUMNS = (TRACEBACK, SENTENCE, ACCEPTED)
NOTE = (
    "Files as the suite reads them, damaged at random or set to nonsense in each of n ways ({date}, Python {python}). "
    "An accepted one may be harmless: another text, another pixel of a picture, a number whose key says why it may be "
    "so. Where that is known, the last column counts the accepted ones without such a reason."
)


def grid_of(names: Sequence[str]) -> Grid:
    """A row for each kind: its name, how many were tried, and how many had each outcome."""
    rows = []
    for name in names:
        counts = KINDS[name]()
        tried = sum(counts[column] for column in COLUMNS)
        known = str(counts[NONSENSE]) if name in REASONED else NONE
        rows.append((name, str(tried), *(str(counts[column]) for column in COLUMNS), known))
        print(*rows[-1], sep="\t", flush=True)
    note = NOTE.format(date=f"{datetime.now(UTC):%Y-%m-%d}", python=platform.python_version())
    return Grid("Hostile input", note, ("kind", "n", *COLUMNS, NONSENSE), tuple(rows))


def main(arguments: Sequence[str] | None = None) -> None:
    """Try the kinds asked for, one after another."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(arguments)
    print("kind", "n", *COLUMNS, NONSENSE, sep="\t")
    grid = grid_of(asked.kinds)
    if asked.out:
        write_robustness(grid, asked.out)


if __name__ == "__main__":
    main()
