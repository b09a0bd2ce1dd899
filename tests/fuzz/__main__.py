"""Damage what a user writes, let the suite read it, and count what became of it: `python -m tests.fuzz`.

Each kind of damage is an entry of `KINDS`; `--every N` tries only each Nth of what it has. The table is printed as it
comes, and written to `--out`, where rows of other kinds stay: in `benchmarks/robustness/fuzz.json` the page shows it.
"""

from __future__ import annotations

import argparse
import platform
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from replication.table.grids import NONE, Grid
from replication.table.robustness import read_grid, write_robustness
from tests.faults.commit import commit
from tests.fuzz.by_hand import by_hand_fuzz
from tests.fuzz.claim_files import claims_fuzz
from tests.fuzz.files import FILES
from tests.fuzz.leaves import leaves_fuzz
from tests.fuzz.mutations import mutations_fuzz
from tests.fuzz.outcomes import ACCEPTED, NONSENSE, SENTENCE, TRACEBACK
from tests.fuzz.small import small_fuzz
from tests.fuzz.stages import stages_fuzz

KINDS: dict[str, Callable[[int], Counter[str]]] = {  # by its row: try each so-manieth, and count each outcome
    "random changes of params.yaml": mutations_fuzz,
    "params.yaml by hand": by_hand_fuzz,
    "numbers of params.yaml": leaves_fuzz,
    "numbers of small recipes, trained": small_fuzz,
    "numbers of small stages, run": stages_fuzz,
    "claim files": claims_fuzz,
    **FILES,
}
# Kinds of which every accepted damage is held against a reason.
REASONED = ("random changes of params.yaml", "numbers of params.yaml", "numbers of small stages, run", "claim files")
COLUMNS = (TRACEBACK, SENTENCE, ACCEPTED)
HEADER = ("kind", "every", "n", *COLUMNS, NONSENSE, "commit")
NOTE = (
    "Files as the suite reads them, damaged at random or set to nonsense in each of n ways by python -m tests.fuzz "
    "--kinds KIND --every N, which tries each Nth of what it has, at a commit (Python {python}). An accepted one may "
    "be harmless: another text, another pixel of a picture, a number whose key says why it may be so. Where that is "
    "known, one column counts the accepted ones without such a reason, or without any effect on what was read."
)


def row_of(name: str, every: int) -> tuple[str, ...]:
    """A kind: its name, how many were tried, how many had each outcome, and of which code."""
    counts = KINDS[name](every)
    tried = sum(counts[column] for column in COLUMNS)
    known = str(counts[NONSENSE]) if name in REASONED else NONE
    return (name, str(every), str(tried), *(str(counts[column]) for column in COLUMNS), known, commit())


def with_row(grid: Grid, row: tuple[str, ...]) -> Grid:
    """The table with a kind's row in its place."""
    rows = {line[0]: line for line in (*grid.rows, row)}
    return Grid(grid.title, grid.note, HEADER, tuple(rows[name] for name in KINDS if name in rows))


def main(arguments: Sequence[str] | None = None) -> None:
    """Try the kinds asked for, one after another."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS), metavar="KIND")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(arguments)
    known = read_grid(asked.out).rows if asked.out and asked.out.exists() else ()
    grid = Grid("Hostile input", NOTE.format(python=platform.python_version()), HEADER, known)
    print(*HEADER, sep="\t")
    for name in asked.kinds:
        row = row_of(name, asked.every)
        print(*row, sep="\t", flush=True)
        grid = with_row(grid, row)
        if asked.out:
            write_robustness(grid, asked.out)


if __name__ == "__main__":
    main()
