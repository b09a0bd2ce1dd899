"""The house: commands at the root of the package, and each room imports only rooms above it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from replication.__main__ import commands, main
from tests.in_small import ROOT

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


def imported(file: Path) -> Iterator[tuple[str, ...]]:
    """The project's modules that a file imports, wherever the statement stands, as parts below `replication`."""
    for node in ast.walk(parsed(file)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            names = [node.module or ""]
        yield from (tuple(name.split(".")[1:]) for name in names if name.startswith("replication."))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_room_imports_only_rooms_above_it(file: Path) -> None:
    room = place(file.relative_to(PACKAGE).with_suffix("").parts)
    assert not [".".join(parts) for parts in imported(file) if place(parts) > room]


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


def test_the_timing_program_imports_no_report() -> None:
    for file in (ROOT / "benchmarks").rglob("*.py"):
        assert not [parts for parts in imported(file) if parts[:1] in (("report",), ("verdicts",))], file


def test_the_commands_are_listed_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    listed = commands()
    assert set(COMMANDS) < set(listed) and {"describe", "released", "report", "verdicts"} < set(listed)
    main()
    printed = capsys.readouterr().out
    for name, purpose in listed.items():
        assert 10 < len(purpose) < 110 and f"{name} " in printed and purpose in printed
