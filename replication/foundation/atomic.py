"""Outputs appear whole or not at all: written beside their place, then renamed into it.

What lies beside it is named after the process that writes it, so that the next writer removes what a killed one left.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_directory(path: Path) -> Iterator[Path]:
    """Yield an empty directory beside `path`, which is removed at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=_prefix(path), dir=path.parent))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yield an empty directory that takes the place of `path` on success, and is removed on any error."""
    with scratch_directory(path) as outer:
        inner, before = outer / "made", outer / "before"
        inner.mkdir(mode=0o755)
        yield inner
        for file in inner.rglob("*"):
            if file.is_file():
                file.chmod(0o644)  # safetensors writes for its user alone
        if path.exists():
            path.rename(before)  # whole, so that no half of it is ever taken for all
        inner.rename(path)


def keep_only(folder: Path, names: Collection[str]) -> None:
    """Remove the folders inside of `folder` that have other names, but for those that are being written."""
    for inside in folder.iterdir() if folder.is_dir() else ():
        if inside.is_dir() and inside.name not in names and not inside.name.startswith("."):
            shutil.rmtree(inside)


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a file so that a reader, or a kill at any moment, never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    descriptor, temporary = tempfile.mkstemp(prefix=_prefix(path), dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _prefix(path: Path) -> str:
    """How names of what this process writes for `path` begin; what processes left that have ended is removed."""
    before = f".{path.name}.{socket.gethostname()}-"
    for left in path.parent.glob(glob.escape(before) + "*"):
        writer = re.match(r"(\d+)\.", left.name.removeprefix(before))
        if writer and not _runs(int(writer[1])):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    return f"{before}{os.getpid()}."


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
