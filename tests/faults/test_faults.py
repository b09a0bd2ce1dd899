"""Faults below Python: a command ends with a sentence, and the same command afterwards leaves what it always leaves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BAD = ("TRACEBACK", "NO SENTENCE", "WRONG", "LOST", "HUNG")

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not on this machine")


def injected(tmp_path: Path, *options: str) -> list[dict[str, str | int]]:
    """The table that `python -m tests.faults` prints, in a process that has no threads yet."""
    results = tmp_path / "faults.json"
    command = [sys.executable, "-m", "tests.faults", "--out", str(results), *options]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if "ptrace" in ran.stderr or "Operation not permitted" in ran.stderr:
        pytest.skip("this machine lets no process trace another")
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(results.read_text(encoding="utf-8"))


def count(table: list[dict[str, str | int]], *words: str) -> int:
    return sum(int(row["n"]) for row in table if str(row["outcome"]).startswith(words))


def test_a_few_faults_lose_nothing(tmp_path: Path) -> None:
    table = injected(tmp_path, "--most", "1", "--commands", "data", "prepare", "judge")
    assert count(table, "sentence") >= 3 and count(table, "killed") >= 3
    assert not [row for row in table if str(row["outcome"]).startswith(BAD)]


@pytest.mark.slow
def test_no_fault_of_any_command_loses_anything(tmp_path: Path) -> None:
    table = injected(tmp_path)
    assert count(table, "sentence", "killed", "went on") >= 300
    assert not [row for row in table if str(row["outcome"]).startswith(BAD)]
