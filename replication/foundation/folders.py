"""What a folder holds, or an error where it cannot be read: `Path.glob` takes such a folder for an empty one."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path


def entries_of(folder: Path, pattern: str = "*") -> list[Path]:
    """What lies in a folder under names that match, ordered by name; nothing where there is no such folder.

    Raises:
        OSError: the folder cannot be read.
    """
    names = os.listdir(folder) if folder.is_dir() else []
    return sorted(folder / name for name in names if fnmatchcase(name, pattern))


def files_below(folder: Path) -> list[Path]:
    """Every file in a folder and in the folders of it, ordered by path; a link is a file, and is not followed.

    Raises:
        OSError: one of the folders cannot be read.
    """
    files: list[Path] = []
    for entry in entries_of(folder):
        files += files_below(entry) if entry.is_dir() and not entry.is_symlink() else [entry]
    return sorted(files)
