"""The house: each room imports only rooms above it, and a command starts without what it does not need."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from replication.__main__ import commands, main
from replication.inputs import stage_inputs
from tests.in_small import ROOT, params_written

PACKAGE = ROOT / "replication"
ROOMS = (
    "foundation", "config", "table", "data", "models", "metrics", "training", "released", "scoring", "experiments",
    "verdicts", "describe", "report",
)  # fmt: skip
# A command imports commands before it, whose work it does too.
COMMANDS = (
    "inputs", "prepare", "prepared", "judge", "train", "score", "experiment", "page", "record", "check",
    "score_samples", "run",
)  # fmt: skip
LATE = "cluster"  # a room that has other machines do the work of commands
ORDER = (*ROOMS, *COMMANDS[:-1], LATE, COMMANDS[-1])
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem in COMMANDS)


def place(parts: tuple[str, ...]) -> int:
    """Where a module stands in the order; `__main__.py` of a room is a command that may see all."""
    return len(ORDER) if parts[-1] == "__main__" else ORDER.index(parts[0])


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imported(file: Path) -> list[tuple[str, ...]]:
    """The project's modules that a file imports, wherever the statement stands, as parts below `replication`."""
    modules: list[str] = []
    for node in ast.walk(parsed(file)):
        modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            modules.append(node.module or "")
    return [tuple(name.split(".")[1:]) for name in modules if name.startswith("replication.")]


def test_the_timing_program_imports_nothing_of_the_report() -> None:
    files = sorted((ROOT / "benchmarks").rglob("*.py"))
    assert files and not [file for file in files if "report" in {parts[0] for parts in imported(file)}]


def test_a_room_imports_only_rooms_above_it() -> None:
    for file in FILES:
        room = place(file.relative_to(PACKAGE).with_suffix("").parts)
        assert not [".".join(parts) for parts in imported(file) if place(parts) > room], file


def test_every_file_has_a_place() -> None:
    root = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert root == set(COMMANDS) and rooms == {*ROOMS, LATE} and len(list(PACKAGE.glob("*.py"))) <= 14


def test_within_a_room_no_imports_go_in_a_circle() -> None:
    files = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in FILES}
    needs = {name: {".".join(parts) for parts in at_import(path)} & set(files) - {name} for name, path in files.items()}
    while ready := [name for name, others in needs.items() if not others & set(needs)]:
        for name in ready:
            del needs[name]
    assert not needs


def at_import(file: Path) -> Iterator[tuple[str, ...]]:
    """What a file imports when it is imported itself; not what a function of it imports."""
    body: list[ast.AST] = [parsed(file)]
    for node in body:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ImportFrom) and child.module and child.module.startswith("replication."):
                module = tuple(child.module.split(".")[1:])
                yield module
                yield from ((*module, alias.name) for alias in child.names)
            elif not isinstance(child, ast.FunctionDef | ast.Lambda | ast.AsyncFunctionDef):
                if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
                    body.append(child)  # type: ignore[arg-type]


def test_the_commands_are_listed_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    listed = commands()
    assert set(COMMANDS) < set(listed) and {"describe", "released", "report", "verdicts"} < set(listed)
    main()
    printed = capsys.readouterr().out
    for name, purpose in listed.items():
        assert 10 < len(purpose) < 110 and f"{name} " in printed and purpose in printed


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
