"""Where a result comes from: the code that ran, the data it read, versions and hardware."""

from __future__ import annotations

import ast
import hashlib
import os
import platform
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from replication.foundation.errors import InputError
from replication.foundation.foreign import read_json

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "numba", "pandas")
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")  # where a statement holds others


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    """SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def recorded(folder: Path) -> dict[str, Any]:
    """The provenance that lies in a folder; {} where there is none, or it is damaged."""
    try:
        provenance = read_json(folder / "provenance.json")
    except (FileNotFoundError, ValueError):
        return {}
    return provenance if isinstance(provenance, dict) else {}


def changed_file(folder: Path, hashes: Mapping[str, Any]) -> str:
    """The first of the files in `folder`, by name, that is missing or has another SHA-256; "" where all are whole."""
    return next((name for name, digest in hashes.items() if not is_whole(folder / name, digest)), "")


def is_whole(file: Path, digest: Any) -> bool:
    """Whether a file is there and has the SHA-256 that was recorded."""
    return file.is_file() and sha256_file(file) == digest


def installed(package: str) -> str:
    """The version of a package; PackageNotFoundError where it is absent, InputError where its files cannot be read."""
    number: str | None = version(package)
    if not number:
        raise InputError(f"The version of {package} cannot be read: make its files readable, or install it again.")
    return number


def environment(device: str, threads: int) -> dict[str, object]:
    """Versions and hardware, as the report shows them beside every number."""
    versions: dict[str, object] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = installed(package)
        except PackageNotFoundError:
            versions[package] = "absent"
    return {**versions, "device": _device_name(device), "threads": threads, "system": platform.system()}


def code_hash(files: Iterable[Path], root: Path = Path(".")) -> str:
    """One hash of several source files, by name and content."""
    return sha256_text("".join(f"{file.relative_to(root)} {sha256_file(file)}\n" for file in sorted(files)))


@cache
def import_closure(entry: Path, root: Path = Path(".")) -> tuple[Path, ...]:
    """The project's source files that importing `entry` runs, itself included, by its static import statements.

    Imports inside functions count too; models are imported by name (`replication.models.load`) and so do not: a cell's
    key and its `deps` add the one model that it trains.
    """
    closure: set[Path] = set()
    waiting = [entry]
    while waiting:
        file = waiting.pop()
        if file in closure:
            continue
        closure.add(file)
        for module in _imported(file):
            waiting.extend(_files(module, root))
    return tuple(sorted(closure))


@cache
def _imported(file: Path) -> tuple[str, ...]:
    """The modules that a source file names in import statements, wherever these stand."""
    names: list[str] = []
    waiting: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for block in BLOCKS:  # statements alone: expressions are nine tenths of a tree and hold no import
            waiting += getattr(node, block, ())
    return tuple(names)


@cache
def _files(module: str, root: Path) -> tuple[Path, ...]:
    """The file of a module and the `__init__.py` of each package above it; nothing for other projects' modules."""
    parts = module.split(".")
    places = [root.joinpath(*parts[:depth]) for depth in range(1, len(parts) + 1)]
    files = [file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")]
    return tuple(file for file in files if file.is_file())


def _device_name(device: str) -> str:
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(0)
    return f"{_processor()} ({os.cpu_count()} cores)"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
