"""A command whose output goes nowhere ends as any other: no traceback, and a status of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["replication", "replication.verdicts.benchmarks"])
def test_output_that_nobody_takes_ends_a_command(module: str) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as unread, open("/dev/full", "wb") as full:
        for stream in (unread, full):
            command = [sys.executable, "-m", module]
            ended = subprocess.run(command, stdout=stream, stderr=subprocess.PIPE, text=True, check=False)
            assert ended.returncode > 1 and "Traceback" not in ended.stderr
