"""What a command imports before it begins: each stage is a process, and some packages take seconds to import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from replication.config.expansion import read_params
from replication.inputs import stage_inputs

ROOT = Path(__file__).parents[1]
SHOWING = ("inputs", "prepare", "describe.__main__", "report.__main__", "page", "check")  # seconds faster without torch
ASK = """
import gc, importlib, sys
gc.disable()
for name in sys.argv[1:]:
    importlib.import_module("replication." + name)
print("torch" in sys.modules, *(getattr(module, "__file__", None) for module in sys.modules.values()), sep="\\n")
"""


def imported(*names: str) -> tuple[bool, set[str]]:
    """Whether importing commands imports torch, and which of the project's sources they import."""
    command = [sys.executable, "-c", ASK, *names]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    with_torch, *files = said.splitlines()
    sources = {str(Path(file).relative_to(ROOT)) for file in files if file.startswith(str(ROOT / "replication"))}
    return with_torch == "True", sources


def test_commands_that_compute_nothing_start_without_torch() -> None:
    assert not imported(*SHOWING)[0]


def test_what_a_stage_imports_is_among_its_inputs() -> None:
    with_torch, sources = imported("judge")
    inputs = stage_inputs(read_params(ROOT / "params.yaml"), ROOT)
    assert with_torch and len(sources) > 20 and sources <= set(inputs["judge/digits"]["code"])


GARBAGE = """
import gc, sys
sys.argv[0] = sys.argv[1]
import replication
from replication.foundation.errors import exit_clearly
before = gc.isenabled()
exit_clearly(lambda: print(before, gc.isenabled()))
"""


@pytest.mark.parametrize(("name", "collects"), [("-m", "False"), ("script.py", "True")])
def test_a_command_looks_for_garbage_once_it_works(name: str, collects: str) -> None:
    command = [sys.executable, "-c", GARBAGE, name]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert said == [collects, "True"]
