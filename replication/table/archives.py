"""Archives of measurements made on another machine: packed with a manifest of hashes, unpacked without trust."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from replication.config.blocks import PART
from replication.config.cell import KEY
from replication.foundation.archives import opened
from replication.foundation.atomic import write_atomically
from replication.foundation.errors import InputError
from replication.foundation.foreign import parse_json
from replication.table.measurements import NAME, PARQUET

MANIFEST = "manifest.json"
MEMBERS = (NAME, PARQUET, "provenance.json", "samples.npz")
WEIGHTS = "weights.safetensors"  # of every seed at the last step: only where they were asked for
MOST_FILES = 1_000
MOST_BYTES = 256 * 2**20  # of all members but weights, unpacked
MOST_WEIGHTS = 4 * 2**30  # bytes of weights that are read
_NAME = re.compile(KEY + PART.pattern + r"/(?:" + "|".join(map(re.escape, (*MEMBERS, WEIGHTS))) + ")")


def pack(folders: Iterable[Path], target: Path, weights: Mapping[str, Path] | None = None) -> list[str]:
    """Write the cells' files and their hashes as a `.tar.gz`; equal content gives equal bytes. Returns the names.

    `weights` are files of networks, by the names of the cells' folders.
    """
    if not target.name.endswith((".tar.gz", ".tgz")):
        raise InputError(f"{target} does not end in .tar.gz: name the archive so.")
    content = {
        f"{folder.name}/{name}": (folder / name).read_bytes()
        for folder in folders
        for name in MEMBERS
        if (folder / name).is_file()
    }
    content |= {f"{name}/{WEIGHTS}": file.read_bytes() for name, file in (weights or {}).items()}
    manifest = {"files": {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}}
    written = {MANIFEST: (json.dumps(manifest, indent=1) + "\n").encode(), **content}
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in written.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    write_atomically(target, stream.getvalue())
    return list(content)


def unpack(path: Path, weights: bool = False) -> dict[str, bytes]:
    """Members of a tar or zip archive by name, checked against its manifest; nothing is written to disk.

    Files of weights are passed over unless `weights` asks for them.

    Raises:
        InputError: no archive, a member that is no plain file of a cell, too much of it, or a hash that differs.
    """
    if not path.is_file():
        raise InputError(f"There is no archive {path}.")
    content = _collected(path, weights)
    listed = _manifest(content.pop(MANIFEST, None), path)
    listed = {name: digest for name, digest in listed.items() if weights or not name.endswith(f"/{WEIGHTS}")}
    lone = sorted(listed.keys() ^ content.keys())
    if lone:
        raise InputError(f"{path}: {lone[0]} stands only in the {'manifest' if lone[0] in listed else 'archive'}.")
    for name, data in content.items():
        if hashlib.sha256(data).hexdigest() != listed[name]:
            raise InputError(f"{path}: {name} differs from its hash in the manifest: it was changed after packing.")
    if not content:
        raise InputError(f"{path} holds no cell.")
    return content


def _collected(path: Path, weights: bool) -> dict[str, bytes]:
    """Content by name; nobody asked for the weights that are left out, but reading past them takes time too."""
    content: dict[str, bytes] = {}
    with opened(path, MOST_BYTES + MOST_WEIGHTS) as members:
        for name, size, stream in members:
            if stream is None:
                continue
            _check(name, size, path)
            if name.endswith(WEIGHTS) and not weights:
                continue
            with stream() as opened_stream:
                content[name] = opened_stream.read()
            total = sum(len(data) for name, data in content.items() if not name.endswith(WEIGHTS))
            if len(content) > MOST_FILES or total > MOST_BYTES:
                raise InputError(f"{path} holds more than {MOST_FILES} files or {MOST_BYTES} bytes.")
    return content


def _check(name: str, size: int, path: Path) -> None:
    if name != MANIFEST and not _NAME.fullmatch(name):
        raise InputError(
            f"{path} holds {name!r}; accepted are {MANIFEST} and CELL/{{{', '.join((*MEMBERS, WEIGHTS))}}}."
        )
    most = MOST_WEIGHTS if name.endswith(WEIGHTS) else MOST_BYTES
    if size > most:
        raise InputError(f"{path}: {name} unpacks to {size} bytes; {most} at most.")


def _manifest(data: bytes | None, path: Path) -> dict[str, str]:
    """The hashes by name that an archive's manifest lists."""
    if data is None:
        raise InputError(f"{path} has no {MANIFEST}: make it with `python -m replication.record --pack`.")
    try:
        listed = parse_json(data)["files"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: {MANIFEST} lists no files ({error!r}).") from error
    if not isinstance(listed, dict) or not all(isinstance(digest, str) for digest in listed.values()):
        raise InputError(f"{path}: {MANIFEST} does not give a SHA-256 for each file.")
    return listed
