"""The archive beside a folder of images: unpacked once, again where it was replaced, never outside of its place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from replication.foundation.archives import Member, opened
from replication.foundation.atomic import atomic_directory
from replication.foundation.errors import InputError
from replication.foundation.provenance import sha256_file

ARCHIVES = (".tar", ".tar.xz", ".tar.gz", ".tgz", ".tar.bz2", ".zip")
MARK = ".unpacked.json"  # which archive a folder was unpacked from
# Pictures are compressed as they are, so an archive unpacks to little more than its size.
MOST_GROWTH, ALWAYS_ALLOWED = 50, 1 << 30  # times; bytes


def archives_of(root: Path) -> list[Path]:
    """The archives that lie beside a folder and have its name."""
    return [place for suffix in ARCHIVES if (place := root.with_name(root.name + suffix)).is_file()]


def unpack(root: Path, expected: tuple[str, ...], layout: str) -> None:
    """Make `root` from the archive beside it, where it is absent or came from an archive that was replaced since.

    Raises:
        InputError: there is neither, there are several archives, or the archive is damaged, hostile or of something
            else, which has none of the folders that are `expected`.
    """
    archives, mark = archives_of(root), root / MARK
    if root.is_dir() and not (mark.is_file() and archives):
        return
    if not archives:
        raise InputError(
            f"There is no folder {root}, nor an archive {root}.tar (or .tar.gz, .zip): put {layout} into it."
        )
    if len(archives) > 1:
        raise InputError(f"{archives[0]} and {archives[1]} lie side by side: keep the one that counts.")
    archive, here = archives[0], {"archive": archives[0].name, "sha256": sha256_file(archives[0])}
    if mark.is_file() and mark.read_bytes() == json.dumps(here).encode():
        return
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
        (directory / MARK).write_text(json.dumps(here), encoding="utf-8")


def _write(member: Member, directory: Path) -> None:
    place = directory / member.name
    if member.open is None:
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with member.open() as source, place.open("xb") as target:  # a name that is there, if in other letters, is refused
        shutil.copyfileobj(source, target)
