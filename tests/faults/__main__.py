"""Inject faults into every command of a small pipeline, and write down what became of them: `python -m tests.faults`.

Up to `--most` places of each kind of call and error are tried (default: 6) in each of `--commands` (default: all). The
table is printed, and written to `--out`: in `benchmarks/robustness/faults.json` the page shows it.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tqdm import tqdm

from replication.table.grids import Grid
from replication.table.robustness import write_robustness
from tests.faults.injection import BAD, Pipeline
from tests.faults.project import STEPS

OUTCOMES = ("sentence", "went on", "killed", BAD)
NOTE = (
    "{tried} times a system call of {commands} failed or was killed (strace, {system}, {date}). A sentence is "
    "a clear error with exit status 2; went on is success with the undisturbed result; killed is the fault itself. "
    "After each the same command without a fault had to leave, byte for byte, what it always leaves: all else is bad."
)


def outcomes(most: int, commands: Sequence[str]) -> Counter[tuple[str, str, str]]:
    """How often a fault of a call came to an outcome; what is bad is printed whole as it comes."""
    folder, counts = Path(tempfile.mkdtemp(prefix="faults.")), Counter()
    try:
        pipeline = Pipeline(folder, commands)
        for step in STEPS:
            faults = list(pipeline.faults(step, most)) if step.name in commands else []
            for fault in tqdm(faults, step.name, disable=None):
                outcome, details = pipeline.outcome(fault)
                if outcome == BAD:
                    tqdm.write(f"{fault}: {details}")
                counts[fault.call, fault.error, outcome] += 1
    finally:
        shutil.rmtree(folder)
    return counts


def grid_of(counts: Counter[tuple[str, str, str]], commands: Sequence[str]) -> Grid:
    """One row a call and fault, with the number of those that were reached and a column for each outcome."""
    rows = []
    for call, error in dict.fromkeys((call, error) for call, error, _ in counts):
        numbers = [counts[call, error, outcome] for outcome in OUTCOMES]
        rows.append((call, error, *(str(number) for number in (sum(numbers), *numbers))))
    tried = sum(number for (*_, outcome), number in counts.items() if outcome in OUTCOMES)
    system, date = f"{platform.system()} {platform.release().split('-')[0]}", f"{datetime.now(UTC):%Y-%m-%d}"
    note = NOTE.format(tried=tried, commands=", ".join(commands), system=system, date=date)
    return Grid("Injected faults", note, ("call", "fault", "n", *OUTCOMES), tuple(rows))


def main() -> None:
    """Try them one after another."""
    names = [step.name for step in STEPS]
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--most", type=int, default=6)
    parser.add_argument("--commands", nargs="+", choices=names, default=names)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    grid = grid_of(outcomes(asked.most, asked.commands), asked.commands)
    for row in (grid.header, *grid.rows):
        print(*row, sep="\t")
    if asked.out:
        write_robustness(grid, asked.out)


if __name__ == "__main__":
    main()
