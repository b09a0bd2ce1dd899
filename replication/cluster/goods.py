"""Files and folders that travel between machines: read whole, named by their hash, laid where a unit looks for them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from filelock import FileLock

from replication.foundation.atomic import atomic_directory
from replication.foundation.errors import InputError
from replication.foundation.folders import files_below
from replication.foundation.provenance import sha256_file

FILE = "file"  # what a single file is called where it is kept as a folder of one

Content = dict[str, bytes]  # relative path → bytes
_WHOLE: set[Path] = set()  # folders that this process has held against their digests


def files_of(source: Path) -> dict[str, Path]:
    """The files of a folder by relative path, or a single file, in order."""
    if source.is_file():
        return {FILE: source}
    return {path.relative_to(source).as_posix(): path for path in files_below(source) if path.is_file()}


def read_content(source: Path) -> Content:
    """The bytes of every file of a folder, or of a single file."""
    return {name: path.read_bytes() for name, path in files_of(source).items()}


def digest_of(source: Path) -> str:
    """SHA-256 of names and bytes of every file; equal contents have equal digests wherever they lie."""
    return _together({name: sha256_file(path) for name, path in files_of(source).items()})


def content_digest(content: Mapping[str, bytes]) -> str:
    """`digest_of` the folder that a content would be written to."""
    return _together({name: hashlib.sha256(data).hexdigest() for name, data in content.items()})


def _together(hashes: Mapping[str, str]) -> str:
    return hashlib.sha256("".join(f"{digest} {name}\n" for name, digest in sorted(hashes.items())).encode()).hexdigest()


def write_content(content: Mapping[str, bytes], folder: Path, digest: str) -> None:
    """Write a folder, whole or not at all; InputError where its bytes are not those of `digest`, as they were sent."""
    if content_digest(content) != digest:
        raise InputError(f"What came for {folder} is not what was sent: run the same command again.")
    with atomic_directory(folder) as directory:
        for name, data in content.items():
            place = directory / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)


def made_once(folder: Path, make: Callable[[], object]) -> None:
    """Have `make` write a folder that its digest names, unless it is there whole; of several processes one does."""
    if folder in _WHOLE and folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.exists() or digest_of(folder) != folder.name:  # what empties a temporary folder may leave a part
            make()
    _WHOLE.add(folder)


def keep_copy(source: Path, store: Path, digest: str) -> Path:
    """Where `store` has a copy of the files of `source`, which is made if it is absent or damaged."""
    copy = store / digest

    def make() -> None:
        with atomic_directory(copy) as directory:
            for name, path in files_of(source).items():
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, directory / name)

    made_once(copy, make)
    return copy


def single_or_all(folder: Path) -> Path:
    """What a kept folder stands for: its file where it was made of a single one, else itself."""
    return folder / FILE if (folder / FILE).is_file() and len(files_of(folder)) == 1 else folder


def link(place: Path, target: Path) -> None:
    """Make `place` a link to `target`, whoever is first. Raises InputError: something else is there."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.symlink(target.absolute(), place)
    except FileExistsError:  # another unit that reads the same was faster
        if not place.is_symlink() or Path(os.readlink(place)) != target.absolute():
            raise InputError(f"{place.absolute()} is in the way: remove this folder.") from None
