"""The archive beside a folder of images: unpacked once, again where it was replaced, never outside of its place."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import field
from pathlib import Path

from pydantic.dataclasses import dataclass

from replication.config.strict import CLOSED, strict
from replication.foundation.archives import Member, opened
from replication.foundation.atomic import atomic_directory
from replication.foundation.errors import InputError
from replication.foundation.folders import files_below
from replication.foundation.foreign import read_json
from replication.foundation.printable import printable
from replication.foundation.provenance import sha256_file

ARCHIVES = (".tar", ".tar.xz", ".tar.gz", ".tgz", ".tar.bz2", ".zip")
MARK = ".unpacked.json"  # which archive a folder was unpacked from, and what it held
# Pictures are compressed as they are, so an archive unpacks to little more than its size.
MOST_GROWTH, ALWAYS_ALLOWED = 50, 1 << 30  # times; bytes


def archives_of(root: Path) -> list[Path]:
    """The archives that lie beside a folder and have its name."""
    return [place for suffix in ARCHIVES if (place := root.with_name(root.name + suffix)).is_file()]


def unpack(root: Path, expected: tuple[str, ...], layout: str) -> list[Path]:
    """Make `root` from the archive beside it, where it is absent or came from an archive that was replaced since.

    Returns the archives that are not read, because the folder came from none.

    Raises:
        InputError: there is neither, a file is in the place, the folder holds what the archive before did not, there
            are several archives, or the archive is damaged, hostile or without any folder that is `expected`.
    """
    archives, mark = archives_of(root), _mark(root)
    if root.is_dir() and not (mark and archives):
        return archives
    if os.path.lexists(root) and not root.is_dir():
        raise InputError(f"{root} is a file, where {layout} belongs: move it away.")
    if not archives:
        raise InputError(
            f"There is no folder {root}, nor an archive {root}.tar (or .tar.gz, .zip): put {layout} into it."
        )
    if len(archives) > 1:
        raise InputError(f"{archives[0]} and {archives[1]} lie side by side: keep the one that counts.")
    archive = archives[0]
    here = {"archive": archive.name, "sha256": sha256_file(archive)}
    if mark and mark.archive == here:
        return []
    if mark and (strange := sorted(_hashes(root).items() - mark.files.items())):
        raise InputError(
            f"{root}/{printable(strange[0][0])} is not as it came from the archive that {root} was unpacked from, and "
            f"{archive} takes its place: move your own files elsewhere and remove the folder, or remove {archive.name} "
            "to keep it."
        )
    _replace(root, archive, here, expected, layout)
    return []


def _replace(root: Path, archive: Path, here: dict[str, str], expected: tuple[str, ...], layout: str) -> None:
    """Make `root` of what an archive holds, with a mark that says `here` of the archive."""
    most = max(ALWAYS_ALLOWED, MOST_GROWTH * archive.stat().st_size)
    with atomic_directory(root) as directory:
        with opened(archive, most) as members:
            for member in members:
                if member.name != MARK:
                    _write(member, directory)
        if not any((directory / folder).is_dir() for folder in expected):
            raise InputError(
                f"{archive} holds neither {' nor '.join(f'{name}/' for name in expected)}; put in {layout}."
            )
        written = {"archive": here, "files": _hashes(directory)}
        (directory / MARK).write_text(json.dumps(written), encoding="utf-8")


@dataclass(frozen=True, config=CLOSED)
class _Mark:
    """Which archive a folder was unpacked from, and the SHA-256 of each file that it held, by its name there.

    Marks of before have the archive alone, or sizes: then every file counts as another's.
    """

    archive: dict[str, str]
    files: dict[str, str | int] = field(default_factory=dict)


def _mark(root: Path) -> _Mark | None:
    """The mark of a folder, or None where it has none; a damaged one lists nothing."""
    try:
        written = read_json(root / MARK)
        whole = written if isinstance(written, dict) and "files" in written else {"archive": written}
        return strict(_Mark, whole, str(root / MARK))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, InputError):
        return _Mark({})


def _hashes(root: Path) -> dict[str, str]:
    """SHA-256 of each file below a folder, by its name there, "" for a link or what is no file; without the mark."""
    files = (place for place in files_below(root) if place != root / MARK)
    return {
        _name(place.relative_to(root)): sha256_file(place) if place.is_file() and not place.is_symlink() else ""
        for place in files
    }


def _name(path: Path) -> str:
    """A name as text, which in the file system need not be UTF-8."""
    return os.fsencode(path.as_posix()).decode(errors="backslashreplace")


def _write(member: Member, directory: Path) -> None:
    place = directory / member.name
    if member.open is None:
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with member.open() as source, place.open("xb") as target:  # a name that is there, if in other letters, is refused
        shutil.copyfileobj(source, target)
