"""Raw files that come from elsewhere: what fails on the way becomes a sentence that says which files to put where."""

from __future__ import annotations

import errno
import socket
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from replication.foundation.errors import InputError
from replication.foundation.provenance import sha256_file

PATIENCE = 30.0  # seconds without an answer: a machine cut off by a firewall would otherwise wait for minutes
_FAILURES = (OSError, RuntimeError, EOFError, HTTPException, tarfile.TarError, zipfile.BadZipFile, zlib.error)


@contextmanager
def fetching(name: str, place: Path, files: Iterable[str], checked: str) -> Iterator[None]:
    """Around a download or the reading of its `files`, which belong into `place` and are `checked` by somebody.

    Raises:
        InputError: in place of what went wrong inside; a full disk is left as it is.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    except Exception as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        downloader = type(error).__module__.startswith("gdown")  # optional, with exceptions of its own
        if full or not (downloader or isinstance(error, _FAILURES)):
            raise
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"The files of {name} are missing or damaged and could not be had ({reason}): "
            f"put {', '.join(files)} into {place} and run the command again; {checked}."
        ) from error
    finally:
        socket.setdefaulttimeout(before)


def hashed(root: Path, names: Iterable[str]) -> Mapping[str, str]:
    """SHA-256 of each raw file that was read, by its name under `root`."""
    return {name: sha256_file(root / name) for name in names}
