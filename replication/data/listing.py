"""What the raw files of a data set hold, file by file, so that a change of any of them makes `prepare` run again.

A file is known by the SHA-256 of its content, which is computed anew only where its size, time or place on the disk
changed (as Git and DVC do), so that looking at tens of thousands of files takes a second.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from replication.config.datasets import OPTIONS, Dataset
from replication.data.archives import archives_of
from replication.foundation.atomic import write_atomically
from replication.foundation.foreign import read_json
from replication.foundation.provenance import sha256_file

CACHE = Path(".replication/hashes.json")
Known = dict[str, list[int | str]]  # path → size, time in ns, inode, SHA-256


def write_listings(datasets: list[Dataset], prepared: Path, output: Path, cache: Path = CACHE) -> None:
    """Write `output`/<name>.json for each data set; the one of a folder that is gone stays, where it is prepared."""
    before = _read(cache)
    known: Known = {}
    for options in datasets:
        target = output / f"{options.name}.json"
        files = dict(_hashes(options.raw, before, known)) if "root" in OPTIONS[options.source] else {}
        if not files and target.is_file() and (prepared / options.name / "manifest.json").is_file():
            continue
        lines = "".join(f"{files[name]}  {name}\n" for name in files)
        digest = hashlib.sha256(lines.encode(errors="surrogateescape"))  # a name need not be UTF-8
        listing = {"files": len(files), "sha256": digest.hexdigest()}
        content = json.dumps(listing) + "\n"
        if not target.is_file() or target.read_text(encoding="utf-8") != content:
            write_atomically(target, content)
    if {**before, **known} != before:
        write_atomically(cache, json.dumps({**{p: v for p, v in before.items() if os.path.exists(p)}, **known}))


def _hashes(root: Path, before: Known, known: Known) -> Iterator[tuple[str, str]]:
    """Name → SHA-256 of every file under `root` and of the archives beside it, in the order of their names."""
    for name, entry in sorted((*_walk(root, "", 0), *((place.name, place) for place in archives_of(root)))):
        status = os.stat(entry)
        here = [status.st_size, status.st_mtime_ns, status.st_ino]
        *status_before, hash_before = before.get(str(entry), [""])
        digest = hash_before if status_before == here else sha256_file(entry)
        known[str(entry)] = [*here, digest]
        yield name, str(digest)


def _walk(folder: Path, prefix: str, depth: int) -> Iterator[tuple[str, Path]]:
    """Every file that is not hidden; links are followed, as reading does, though not in circles."""
    if depth > 8 or not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", depth + 1)
            elif entry.is_file():
                yield f"{prefix}{entry.name}", Path(entry.path)


def _read(cache: Path) -> Known:
    try:
        known = read_json(cache)
    except (FileNotFoundError, ValueError):  # it is a cache: without it everything is read once
        return {}
    return {
        place: entry
        for place, entry in (known.items() if isinstance(known, dict) else ())
        if isinstance(entry, list) and list(map(type, entry)) == [int, int, int, str]
    }
