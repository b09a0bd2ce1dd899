"""`python -m benchmarks.speed rows [--rows N…]`: seconds and memory of the gate and the page of so many measurements.

The rows are generated: those of a committed report, over and over under further seeds and further recipes, about as
many times the seeds as the recipes, with values that vary from seed to seed. So each claim has evidence of every kind
that it has today, of more seeds, and the page has more runs to set side by side. The gate judges every claim by the
rows, and ends there, for the verdicts are not the committed ones. All runs in processes of their own, in a folder that
is removed afterwards.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from subprocess import DEVNULL, PIPE

import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass

from replication.config.strict import CLOSED, strict
from replication.foundation.atomic import write_atomically
from replication.foundation.errors import InputError
from replication.foundation.foreign import read_json
from replication.table.columns import COLUMNS
from replication.table.definitions import METRICS
from replication.table.measurements import read_table, table_in, table_to, write_table

ROOT = Path(__file__).parents[2]
RESULT = Path("benchmarks/speed/page.json")
PROFILE = "cpu"  # whose rows are repeated
SIZES = (100_000, 1_000_000, 10_000_000)
STEP = 100_000  # between a seed and the one that repeats it
COUNTED = ("0/1", "modes")  # units of outcomes, which are repeated as they are
SPREAD = 1e-3  # relative standard deviation by which other values differ from those that they repeat
COMMANDS = {"gate": ("replication.check", "--profile", PROFILE), "page": ("replication.page",)}


@dataclass(frozen=True, config=CLOSED)
class Cost:
    """What one command took; `processor` is less than `seconds` where other work shared the core."""

    command: str
    rows: int
    seconds: float
    processor: float
    gigabytes: float  # the peak of what lay in memory


def generated(base: pd.DataFrame, rows: int) -> pd.DataFrame:
    """At least so many rows: the table `base` under so many times its recipes and seeds; equal for equal arguments."""
    copies = math.ceil(rows / len(base))
    arms = math.isqrt(copies)
    copy = np.repeat(np.arange(copies), len(base))  # [rows]
    arm, block = copy % arms, copy // arms
    table = pd.concat([base.loc[:, [*COLUMNS]]] * copies, ignore_index=True)
    table["seed"] += block * STEP
    recipes = base["recipe"].cat.categories  # arm 0 keeps its recipe's name
    names = [f"{name}-more-{number}" if number else name for name in recipes for number in range(arms)]
    codes = table["recipe"].cat.codes.astype(np.int64) * arms + arm
    table["recipe"] = pd.Categorical.from_codes(codes, np.array(names, dtype=object))
    counted = table["metric"].isin([name for name, metric in METRICS.items() if metric.unit in COUNTED])
    noise = np.random.default_rng(0).standard_normal(len(copy)) * SPREAD
    noise[(copy == 0) | counted] = 0.0
    table["value"] *= 1 + noise
    return table


def prepared(root: Path, rows: int) -> int:
    """A copy of the repository's report and claims under `root`, with so many rows in the report; returns how many."""
    report = root / "reports" / PROFILE
    for name in ("params.yaml", "benchmarks", f"reports/{PROFILE}"):
        source, target = ROOT / name, root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    original = table_in(report)
    table = generated(read_table(original), rows)
    original.unlink()
    write_table(table, table_to(report, len(table)))
    return len(table)


def cost_of(command: str, root: Path, rows: int) -> Cost:
    """Run one of COMMANDS in `root` and say what it took."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    words = [sys.executable, "-m", *COMMANDS[command]]
    with subprocess.Popen(words, cwd=root, env=environment, stdout=DEVNULL, stderr=PIPE) as process:
        errors = process.stderr.read().decode() if process.stderr else ""
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != (command == "gate") or "Traceback" in errors:
        raise InputError(f"{command} of {rows} rows ended with status {process.returncode}: {errors[-500:]}")
    return Cost(command, rows, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e9)


def measured(sizes: Sequence[int]) -> list[Cost]:
    """What each command takes at each size."""
    costs = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            with ProcessPoolExecutor(1, get_context("spawn")) as apart:  # whose memory a command would inherit
                rows = apart.submit(prepared, Path(folder), size).result()
            costs += [cost_of(command, Path(folder), rows) for command in COMMANDS]
    return costs


def read_costs() -> list[Cost]:
    """What was measured and kept.

    Raises:
        InputError: there is nothing, or something else.
    """
    try:
        return [strict(Cost, cost, str(RESULT)) for cost in read_json(RESULT)]
    except (OSError, ValueError, TypeError) as error:
        command = f"uv run python -m benchmarks.speed rows --out {RESULT}"
        raise InputError(f"{RESULT} holds no costs ({error}): run `{command}`.") from error


def main(arguments: Sequence[str]) -> None:
    """Print what was measured, a line a command and size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed rows", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES, metavar="N", help="default: 10^5, 10^6, 10^7")
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"keep what is measured, as {RESULT}")
    asked = parser.parse_args(arguments)
    costs = measured(asked.rows)
    if asked.out:
        write_atomically(asked.out, json.dumps([vars(cost) for cost in costs], indent=1) + "\n")
    for cost in costs:
        print(
            f"{cost.command:8} {cost.rows:>10} rows: {cost.seconds:6.1f} s, {cost.processor:6.1f} s of processor, "
            f"{cost.gigabytes:.2f} GB"
        )
