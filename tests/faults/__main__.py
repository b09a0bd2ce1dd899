"""Inject faults into every command of a small pipeline, and write down what became of them: `python -m tests.faults`.

Up to `--most` places of each kind of call and error are tried (default: 6) in each of `--commands` (default: all). The
table is printed, and written to `--out`: in `benchmarks/robustness/faults.json` the page shows it. `--log` keeps a line
for each fault as it comes; another run with the same file tries only commands and places that it lacks.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import NamedTuple

from tqdm import tqdm

from replication.table.grids import Grid
from replication.table.robustness import write_robustness
from tests.faults.injection import BAD, UNREACHED, Pipeline
from tests.faults.project import STEPS, commit

OUTCOMES = ("sentence", "went on", "killed", BAD)
NOTE = (
    "{tried} times a system call of {commands} failed or was killed (strace, {system}, {date}, commit {commit}). A "
    "sentence is a clear error with exit status 2; went on is success with the undisturbed result; killed is the fault "
    "itself. After each the same command without a fault had to leave, byte for byte, what it always leaves: all else "
    "is bad."
)


class Tried(NamedTuple):
    """A fault and what became of it, of code at a commit."""

    command: str
    call: str
    place: int
    error: str
    outcome: str
    commit: str


def inject(most: int, commands: Sequence[str], log: Path) -> list[Tried]:
    """Try what the log lacks, add it there, and return all that it holds; what is bad is printed whole as it comes."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    tried = [Tried(**json.loads(line)) for line in lines]
    known = {entry[:4] for entry in tried}
    with tempfile.TemporaryDirectory(prefix="faults.") as folder:
        pipeline = Pipeline(Path(folder), commands)
        for step in (step for step in STEPS if step.name in commands):
            for fault in tqdm(list(pipeline.faults(step, most)), step.name, disable=None):
                place = (step.name, fault.call, fault.place, fault.error)
                if place in known:
                    continue
                outcome, details = pipeline.outcome(fault)
                if outcome == BAD:
                    print(f"{fault}: {details}", file=sys.stderr, flush=True)
                tried.append(Tried(*place, outcome, commit()))
                with log.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(tried[-1]._asdict()) + "\n")
    return [entry for entry in tried if entry.outcome != UNREACHED]


def grid_of(tried: Sequence[Tried]) -> Grid:
    """One row a call and fault, with the number of those that were reached and a column for each outcome."""
    counts, rows = Counter((entry.call, entry.error, entry.outcome) for entry in tried), []
    for call, error in dict.fromkeys((entry.call, entry.error) for entry in tried):
        numbers = [counts[call, error, outcome] for outcome in OUTCOMES]
        rows.append((call, error, *(str(number) for number in (sum(numbers), *numbers))))
    note = NOTE.format(
        tried=len(tried),
        commands=", ".join(dict.fromkeys(entry.command for entry in tried)),
        system=f"{platform.system()} {platform.release().split('-')[0]}",
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        commit=" and ".join(dict.fromkeys(entry.commit for entry in tried)),
    )
    return Grid("Injected faults", note, ("call", "fault", "n", *OUTCOMES), tuple(rows))


def main() -> None:
    """Try them one after another."""
    names = [step.name for step in STEPS]
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--most", type=int, default=6)
    parser.add_argument("--commands", nargs="+", choices=names, default=names)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    tqdm.set_lock(RLock())  # that of tqdm is shared with forked processes, and one that is killed may hold it for ever
    with tempfile.TemporaryDirectory() as folder:
        grid = grid_of(inject(asked.most, asked.commands, asked.log or Path(folder, "faults.jsonl")))
    for row in (grid.header, *grid.rows):
        print(*row, sep="\t")
    if asked.out:
        write_robustness(grid, asked.out)


if __name__ == "__main__":
    main()
