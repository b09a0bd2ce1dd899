"""Inject faults into every command of a small pipeline, and write down what became of them: `python -m tests.faults`.

Up to `--most` places of each kind of call and error are tried (default: 6) in each of `--commands` (default: all). The
table is printed, and written to `--out`: in `benchmarks/robustness/faults.json` the page shows it. `--log` keeps a line
for each fault as it comes; another run with the same file tries only commands and places that it lacks.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock

from tqdm import tqdm

from replication.table.grids import Grid
from replication.table.robustness import write_robustness
from tests.faults.commit import commit
from tests.faults.injection import BAD, UNREACHED, Fault, Pipeline
from tests.faults.project import STEPS

OUTCOMES = ("sentence", "went on", "killed", BAD)
NOTE = (
    "{tried} times a system call of {commands} failed or was killed (strace, {system}, {date}, commit {commit}). A "
    "sentence is a clear error with exit status 2; went on is success with the undisturbed result; killed is the fault "
    "itself. After each the same command without a fault had to leave, byte for byte, what it always leaves: all else "
    "is bad."
)


@dataclass(frozen=True)
class Tried:
    """A fault and what became of it, of code at a commit."""

    command: str
    call: str
    place: int
    error: str
    outcome: str
    commit: str

    def is_of(self, fault: Fault) -> bool:
        place = fault.step.name, fault.call, fault.place, fault.error
        return (self.command, self.call, self.place, self.error) == place


def inject(most: int, commands: Sequence[str], log: Path) -> list[Tried]:
    """Try what the log lacks, add it there, and return all that it holds; what is bad is printed whole as it comes."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    tried = [Tried(**json.loads(line)) for line in lines]
    folder = Path(tempfile.mkdtemp(prefix="faults."))
    try:
        pipeline = Pipeline(folder, commands)
        for step in STEPS:
            faults = list(pipeline.faults(step, most)) if step.name in commands else []
            for fault in tqdm(faults, step.name, disable=None):
                if any(before.is_of(fault) for before in tried):
                    continue
                outcome, details = pipeline.outcome(fault)
                if outcome == BAD:
                    print(f"{fault}: {details}", file=sys.stderr, flush=True)
                tried.append(Tried(step.name, fault.call, fault.place, fault.error, outcome, commit()))
                with log.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(asdict(tried[-1])) + "\n")
    finally:
        shutil.rmtree(folder)
    return [one for one in tried if one.outcome != UNREACHED]


def grid_of(tried: Sequence[Tried]) -> Grid:
    """One row a call and fault, with the number of those that were reached and a column for each outcome."""
    counts, rows = Counter((one.call, one.error, one.outcome) for one in tried), []
    for call, error in dict.fromkeys((one.call, one.error) for one in tried):
        numbers = [counts[call, error, outcome] for outcome in OUTCOMES]
        rows.append((call, error, *(str(number) for number in (sum(numbers), *numbers))))
    note = NOTE.format(
        tried=len(tried),
        commands=", ".join(dict.fromkeys(one.command for one in tried)),
        system=f"{platform.system()} {platform.release().split('-')[0]}",
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        commit=" and ".join(dict.fromkeys(one.commit for one in tried)),
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
