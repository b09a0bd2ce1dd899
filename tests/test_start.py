"""How a command starts: without packages that a bare machine may lack, and with garbage looked for once it works."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from replication.inputs import stage_inputs
from tests.in_small import ROOT, params_written

LACKING = {"dvc", "jinja2", "matplotlib"}  # on a bare machine
SLOW = LACKING | {"numba", "pandas", "scipy", "sklearn", "torch", "torchvision"}
ASK = """
import importlib, json, sys
files = []
for name in sys.argv[1:]:
    importlib.import_module(name)
    files.append({name: getattr(module, "__file__", None) for name, module in sys.modules.items()})
print(json.dumps(files))
"""
GARBAGE = """
import gc, sys
sys.argv[0] = sys.argv[1]
import replication
from replication.foundation.command import exit_clearly
before = gc.isenabled()
exit_clearly(lambda: print(before, gc.isenabled()))
"""


def printed(script: str, *arguments: str) -> str:
    """What a script prints in the root of the repository."""
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.integration
def test_commands_start_without_what_they_do_not_need_and_what_one_imports_is_among_its_inputs() -> None:
    names = ("replication.prepare", "replication", "replication.inputs", "replication.score_samples", "replication.run")
    of_prepare, *others, of_run = json.loads(printed(ASK, *names))  # modules there are once each is imported, by name
    assert all(not SLOW & modules.keys() for modules in (of_prepare, *others))
    assert not LACKING & of_run.keys() and {"replication.training.block", "torch"} <= of_run.keys()
    files = [Path(file) for file in of_prepare.values() if file]
    sources = {str(file.relative_to(ROOT)) for file in files if file.is_relative_to(ROOT / "replication")}
    inputs = stage_inputs(params_written(), ROOT)
    assert len(sources) > 20 and sources <= set(inputs["prepare/digits"]["code"])


@pytest.mark.parametrize(("name", "collects"), [("-m", "False"), ("script.py", "True")])
def test_a_command_looks_for_garbage_once_it_works(name: str, collects: str) -> None:
    assert printed(GARBAGE, name).split() == [collects, "True"]
