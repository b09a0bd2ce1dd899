"""Inject faults into every command of a small pipeline, and write down what became of them: `python -m tests.faults`.

Up to `--most` places of each kind of call and error are tried (default: 6) in each of `--commands` (default: all). The
table is printed, and written to `--out`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from tests.faults.injection import Pipeline
from tests.faults.project import STEPS

COLUMNS = ("command", "call", "fault", "outcome")


def table_of(most: int, commands: Sequence[str]) -> list[dict[str, object]]:
    """Command, call, fault, outcome and how many; what is bad is printed whole as it comes."""
    folder, counts = Path(tempfile.mkdtemp(prefix="faults.")), Counter()
    try:
        pipeline = Pipeline(folder, commands)
        for step in STEPS:
            faults = list(pipeline.faults(step, most)) if step.name in commands else []
            for fault in tqdm(faults, step.name, disable=None):
                outcome = pipeline.outcome(fault)
                if outcome[:2].isupper():
                    tqdm.write(f"{fault}: {outcome}")
                counts[step.name, fault.call, fault.error, outcome.split("\n")[0].split(":")[0]] += 1
    finally:
        shutil.rmtree(folder)
    return [dict(zip(COLUMNS, key, strict=True), n=n) for key, n in counts.items()]


def main() -> None:
    """Try them one after another."""
    names = [step.name for step in STEPS]
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--most", type=int, default=6)
    parser.add_argument("--commands", nargs="+", choices=names, default=names)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    rows = table_of(asked.most, asked.commands)
    for row in rows:
        print(*row.values(), sep="\t")
    if asked.out:
        asked.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
