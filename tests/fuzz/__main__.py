"""Damage what a user writes, let the suite read it, and count what became of it: `python -m tests.fuzz`.

Each kind of damage is an entry of `KINDS`; `--every N` tries only each Nth of what it has. The table is printed as it
comes, and written to `--out`, where rows of other kinds stay: in `benchmarks/robustness/fuzz.json` the page shows it.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from replication.table.grids import NONE, Grid
from replication.table.robustness import read_grid, write_robustness
from tests.faults.project import commit
from tests.fuzz.by_hand import hand_trials
from tests.fuzz.files import SUBJECTS, claim_trials, file_trials
from tests.fuzz.leaves import leaf_trials, small_trials
from tests.fuzz.mutations import mutation_trials
from tests.fuzz.outcomes import ACCEPTED, NONSENSE, SENTENCE, TRACEBACK, Trial, counted
from tests.fuzz.stages import stage_trials

KINDS: dict[str, Callable[[int], Iterable[Trial]]] = {  # by its row: try all of them, or each so-manieth
    "random changes of params.yaml": mutation_trials,
    "params.yaml by hand": hand_trials,
    "numbers of params.yaml": leaf_trials,
    "numbers of small recipes, trained": small_trials,
    "numbers of small stages, run": stage_trials,
    "claim files": claim_trials,
    **{name: partial(file_trials, name) for name in SUBJECTS},
}
# Kinds of which every accepted damage is held against a reason.
REASONED = [kind for kind in KINDS if kind not in SUBJECTS]
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
    counts = counted(KINDS[name](every))
    tried = sum(counts[column] for column in COLUMNS)
    known = str(counts[NONSENSE]) if name in REASONED else NONE
    return (name, str(every), str(tried), *(str(counts[column]) for column in COLUMNS), known, commit())


def main(arguments: Sequence[str] | None = None) -> None:
    """Try the kinds asked for, one after another."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS), metavar="KIND")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(arguments)
    rows = {row[0]: row for row in read_grid(asked.out).rows} if asked.out and asked.out.exists() else {}
    note = NOTE.format(python=platform.python_version())
    print(*HEADER, sep="\t")
    for name in asked.kinds:
        rows[name] = row_of(name, asked.every)
        print(*rows[name], sep="\t", flush=True)
        if asked.out:
            in_order = tuple(rows[kind] for kind in KINDS if kind in rows)
            write_robustness(Grid("Hostile input", note, HEADER, in_order), asked.out)


if __name__ == "__main__":
    main()
