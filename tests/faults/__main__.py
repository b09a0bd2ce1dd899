"""Inject faults into every command of a small pipeline, and write down what became of them: `python -m tests.faults`.

With `--most N` up to N places of each kind of call and error (default: 6). Writes `reports/faults.json`, which the
page shows, unless `--most` is given.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from tqdm import tqdm

from tests.faults.injection import Pipeline
from tests.faults.project import STEPS

RESULTS = Path("reports/faults.json")
MOST = 6


def main() -> None:
    """Try them one after another."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--most", type=int, default=0)
    most = parser.parse_args().most
    folder = Path(tempfile.mkdtemp(prefix="faults."))
    try:
        pipeline, table = Pipeline(folder), Counter()
        for step in STEPS:
            for fault in tqdm(list(pipeline.faults(step, most or MOST)), step.name):
                outcome = pipeline.outcome(fault)
                if outcome[:2].isupper():
                    tqdm.write(f"{fault}: {outcome}")
                table[step.name, fault.call, fault.error, outcome.split("\n")[0].split(":")[0]] += 1
    finally:
        shutil.rmtree(folder)
    rows = [dict(zip(("command", "call", "fault", "outcome"), key, strict=True), n=n) for key, n in table.items()]
    print(json.dumps(rows, indent=1))
    if not most:
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
