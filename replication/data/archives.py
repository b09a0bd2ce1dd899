"""The archive beside a folder of images: unpacked once, again where it was replaced, never outside of its place."""

from __future__ import annotations

import json
import lzma
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path

from replication.foundation.atomic import atomic_directory
from replication.foundation.errors import InputError
from replication.foundation.provenance import sha256_file

ARCHIVES = (".tar", ".tar.xz", ".tar.gz", ".tgz", ".tar.bz2", ".zip")
MARK = ".unpacked.json"  # which archive a folder was unpacked from
# Pictures are compressed as they are, so an archive unpacks to little more than its size.
MOST_GROWTH, ALWAYS_ALLOWED = 50, 1 << 30  # times; bytes
_FAILURES = (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, RuntimeError, ValueError)


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
    if mark.is_file() and mark.read_text(encoding="utf-8") == json.dumps(here):
        return
    try:
        with atomic_directory(root) as directory:
            (_unzip if archive.suffix == ".zip" else _untar)(archive, directory)
            if not any((directory / folder).is_dir() for folder in expected):
                raise InputError(
                    f"{archive} holds neither {' nor '.join(f'{name}/' for name in expected)}; put in {layout}."
                )
            (directory / MARK).write_text(json.dumps(here), encoding="utf-8")
    except _FAILURES as error:
        raise InputError(f"{archive} cannot be unpacked ({error}): copy it again.") from error


def _untar(archive: Path, directory: Path) -> None:
    total = 0
    with tarfile.open(archive) as opened:
        for member in opened:
            total += member.size
            _allow(archive, total)
            opened.extract(member, directory, filter="data")


def _unzip(archive: Path, directory: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        _allow(archive, sum(member.file_size for member in opened.infolist()))
        for member in opened.infolist():
            place = directory / member.filename
            if not place.resolve().is_relative_to(directory.resolve()):
                raise ValueError(f"{member.filename!r} lies outside of it")
            if member.is_dir():
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            with opened.open(member) as source, place.open("wb") as target:  # a link inside is written as a file
                shutil.copyfileobj(source, target)


def _allow(archive: Path, total: int) -> None:
    most = max(ALWAYS_ALLOWED, MOST_GROWTH * archive.stat().st_size)
    if total > most:
        raise ValueError(
            f"it holds more than {most} bytes, {MOST_GROWTH} times its size, which no set of pictures does"
        )
