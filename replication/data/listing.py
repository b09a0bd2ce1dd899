"""What raw files and foreign weights hold, file by file, so that a change of any of them is noticed.

A file is known by the SHA-256 of its content, which is computed anew only where its size, times or place on the disk
changed (as Git and DVC do), so that looking at tens of thousands of files takes a second.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from replication.config.datasets import OPTIONS, Dataset
from replication.data.archives import archives_of
from replication.foundation.atomic import write_atomically
from replication.foundation.foreign import read_json
from replication.foundation.provenance import sha256_file

CACHE = Path(".replication/hashes.json")
WEIGHTS = "_weights.json"  # no data set may be called so
Known = dict[str, list[int | str]]  # path → size, times of content and status in ns, inode, SHA-256


def write_listings(
    datasets: list[Dataset],
    prepared: Path,
    output: Path,
    cache: Path = CACHE,
    weights: Mapping[str, Path] | None = None,
) -> None:
    """Write `output`/<name>.json for each data set; the one of a folder that is not there stays, where it is prepared.

    WEIGHTS there lists files and folders of weights that others trained, by what they are called, where they are given.
    """
    before = _read(cache)
    known: Known = {}
    for options in datasets:
        write_listing(options, _files(options, before, known), prepared, output)
    if weights is not None:
        listed = {name: _listing(dict(_hashes(place, before, known))) for name, place in weights.items()}
        _write(output / WEIGHTS, listed)
    _keep(cache, before, known)


def write_listing(options: Dataset, files: Mapping[str, str], prepared: Path, output: Path) -> None:
    """Write the listing of one data set, whose raw files were these; see `write_listings`."""
    target, manifest = output / f"{options.name}.json", prepared / options.name / "manifest.json"
    if _is_there(options, files) or not (target.is_file() and manifest.is_file()):
        _write(target, _listing(files))


def raw_files(options: Dataset, cache: Path = CACHE) -> dict[str, str]:
    """Name → SHA-256 of every raw file of a data set, as it is now; none of a source that has no raw files."""
    before, known = _read(cache), {}
    files = _files(options, before, known)
    _keep(cache, before, known)
    return files


def is_as_listed(options: Dataset, output: Path, cache: Path = CACHE) -> bool:
    """Whether raw files are those that `output`/<name>.json lists, or are gone; not where they are there unlisted."""
    target, files = output / f"{options.name}.json", _files(options, _read(cache), {})
    return not _is_there(options, files) or target.is_file() and target.read_bytes() == _content(_listing(files))


def _files(options: Dataset, before: Known, known: Known) -> dict[str, str]:
    return dict(_hashes(options.raw, before, known)) if _has_raw(options) else {}


def _is_there(options: Dataset, files: Mapping[str, str]) -> bool:
    return _has_raw(options) and options.raw.is_dir() or bool(files)


def _has_raw(options: Dataset) -> bool:
    return "root" in OPTIONS[options.source]


def _keep(cache: Path, before: Known, known: Known) -> None:
    """Write what is known of files, where that is more than before, without those that are gone."""
    if {**before, **known} != before:
        write_atomically(cache, json.dumps({**{p: v for p, v in before.items() if os.path.exists(p)}, **known}))


def _listing(files: Mapping[str, str]) -> dict[str, int | str]:
    lines = "".join(f"{digest}  {name}\n" for name, digest in files.items())
    digest = hashlib.sha256(lines.encode(errors="surrogateescape"))  # a name need not be UTF-8
    return {"files": len(files), "sha256": digest.hexdigest()}


def _write(target: Path, listing: Mapping[str, object]) -> None:
    """Write a listing where it changed."""
    content = _content(listing)
    if not target.is_file() or target.read_bytes() != content:
        write_atomically(target, content)


def _content(listing: Mapping[str, object]) -> bytes:
    return f"{json.dumps(listing)}\n".encode()


def _hashes(root: Path, before: Known, known: Known) -> Iterator[tuple[str, str]]:
    """Name → SHA-256 of every file under `root`, or of itself, and of the archives beside it, ordered by name."""
    beside = ((archive.name, str(archive), archive.stat()) for archive in archives_of(root))
    for name, path, status in sorted((*_walk(str(root), "", ()), *beside), key=lambda entry: entry[0]):
        here = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
        *status_before, hash_before = before.get(path, [""])
        digest = str(hash_before) if status_before == here else sha256_file(Path(path))
        known[path] = [*here, digest]
        yield name, digest


def _walk(folder: str, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, str, os.stat_result]]:
    """Name, path and status of every file that is not hidden; `above` are device and inode of the folders above.

    Links are followed, as reading does, though not in circles. Paths are strings: a folder may hold a million of them.
    """
    if not above and os.path.isfile(folder):
        yield os.path.basename(folder), folder, os.stat(folder)
    if len(above) > 8 or not os.path.isdir(folder):
        return
    status = os.stat(folder)
    here = status.st_dev, status.st_ino
    if here in above:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _walk(entry.path, f"{prefix}{entry.name}/", (*above, here))
            elif entry.is_file():
                yield prefix + entry.name, entry.path, entry.stat()


def _read(cache: Path) -> Known:
    try:
        known = read_json(cache)
    except (FileNotFoundError, ValueError):  # it is a cache: without it everything is read once
        return {}
    return {
        place: entry
        for place, entry in (known.items() if isinstance(known, dict) else ())
        if isinstance(entry, list) and list(map(type, entry)) == [int, int, int, int, str]
    }
