"""How a command starts: without packages that a bare machine may lack, and with garbage looked for once it works."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from replication.inputs import stage_inputs
from tests.in_small import params_written

ROOT = Path(__file__).parents[1]
SLOW = {"dvc", "jinja2", "matplotlib", "numba", "pandas", "scipy", "sklearn", "torch", "torchvision"}
ASK = """
import importlib, json, sys
files = []
for name in sys.argv[1:]:
    importlib.import_module(name)
    files.append({name: getattr(module, "__file__", None) for name, module in sys.modules.items()})
print(json.dumps(files))
"""


def imported(*modules: str) -> list[dict[str, str | None]]:
    """Every module that there is once one after another is imported, with its file."""
    asked = [sys.executable, "-c", ASK, *(f"replication.{name}".removesuffix(".") for name in modules)]
    return json.loads(subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def test_commands_that_need_no_torch_start_without_it() -> None:
    for modules in imported("", "inputs", "prepare", "score_samples"):
        assert not SLOW & modules.keys()


def test_a_stages_imports_are_among_its_inputs_and_what_a_bare_machine_lacks_is_not_imported() -> None:
    of_judge, of_run = imported("judge", "run")
    files = [Path(file) for file in of_judge.values() if file]
    sources = {str(file.relative_to(ROOT)) for file in files if file.is_relative_to(ROOT / "replication")}
    inputs = stage_inputs(params_written(), ROOT)
    assert len(sources) > 20 and sources <= set(inputs["judge/digits"]["code"])
    assert not {"dvc", "jinja2", "matplotlib"} & of_run.keys()


GARBAGE = """
import gc, sys
sys.argv[0] = sys.argv[1]
import replication
from replication.foundation.command import exit_clearly
before = gc.isenabled()
exit_clearly(lambda: print(before, gc.isenabled()))
"""


@pytest.mark.parametrize(("name", "collects"), [("-m", "False"), ("script.py", "True")])
def test_a_command_looks_for_garbage_once_it_works(name: str, collects: str) -> None:
    command = [sys.executable, "-c", GARBAGE, name]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert said == [collects, "True"]
