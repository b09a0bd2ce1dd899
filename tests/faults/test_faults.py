"""Faults below Python: a command ends with a sentence, and the same command afterwards leaves what it always leaves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from replication.table.robustness import read_robustness
from tests.faults.injection import BAD

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not on this machine")


def injected(tmp_path: Path, *options: str) -> dict[str, int]:
    """The sum of each column that `python -m tests.faults` prints, in a process that has no threads yet."""
    command = [sys.executable, "-m", "tests.faults", "--out", str(tmp_path / "faults.json"), *options]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if "ptrace" in ran.stderr or "Operation not permitted" in ran.stderr:
        pytest.skip("this machine lets no process trace another")
    assert ran.returncode == 0, ran.stderr[-2000:]
    (grid,) = read_robustness(tmp_path)
    columns = list(zip(grid.header, zip(*grid.rows, strict=True), strict=True))[2:]
    return {name: sum(map(int, numbers)) for name, numbers in columns}


def test_a_few_faults_lose_nothing(tmp_path: Path) -> None:
    counts = injected(tmp_path, "--most", "1", "--commands", "data", "prepare", "judge")
    assert counts["sentence"] >= 3 and counts["killed"] >= 3 and counts[BAD] == 0


@pytest.mark.slow
def test_no_fault_of_any_command_loses_anything(tmp_path: Path) -> None:
    counts = injected(tmp_path)
    assert counts["n"] >= 300 and counts[BAD] == 0
