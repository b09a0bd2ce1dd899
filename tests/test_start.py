"""How a command starts: without packages that a bare machine may lack, and with garbage looked for once it works."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from replication.inputs import stage_inputs
from tests.in_small import params_written
from tests.test_rooms import at_import

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


@pytest.mark.integration
def test_commands_that_need_no_torch_start_without_it_and_what_one_imports_is_among_its_inputs() -> None:
    of_prepare, *others = imported("prepare", "", "inputs", "score_samples")
    for modules in (of_prepare, *others):
        assert not SLOW & modules.keys()
    files = [Path(file) for file in of_prepare.values() if file]
    sources = {str(file.relative_to(ROOT)) for file in files if file.is_relative_to(ROOT / "replication")}
    inputs = stage_inputs(params_written(), ROOT)
    assert len(sources) > 20 and sources <= set(inputs["prepare/digits"]["code"])


@pytest.mark.integration
def test_training_and_scoring_import_nothing_that_a_bare_machine_lacks() -> None:
    """By their sources, as importing torch takes seconds: not what functions import when they are called."""
    package = ROOT / "replication"
    modules = {file.relative_to(package).with_suffix("").parts: file for file in package.rglob("*.py")}
    modules = {parts[:-1] if parts[-1] == "__init__" else parts: file for parts, file in modules.items()}
    names, lacking = {("run",)}, {"dvc", "jinja2", "matplotlib"}
    while new := {found for name in names for found in at_import(modules[name]) if found in modules} - names:
        names |= new
    assert ("training", "block") in names and ("scoring", "requirements") in names
    for name in names:
        body = ast.parse(modules[name].read_text("utf-8")).body
        found = [alias.name for node in body if isinstance(node, ast.Import) for alias in node.names]
        found += [node.module or "" for node in body if isinstance(node, ast.ImportFrom)]
        assert not lacking & {module.split(".")[0] for module in found}, name


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
