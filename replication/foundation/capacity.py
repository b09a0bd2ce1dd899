"""What the machine holds, asked before much is put into it."""

from __future__ import annotations

import os
from pathlib import Path

from replication.foundation.atomic import scratch_directory
from replication.foundation.errors import InputError

LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))  # of a container


def memory() -> int:
    """Bytes of memory that this process may have: the machine's, or its container's where that is less."""
    limits = [text for path in LIMITS if path.is_file() and (text := path.read_text().strip()).isdecimal()]
    return min([os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *map(int, limits)])


def require(what: str, needed: int, there: int, of: str, mend: str) -> None:
    """Raise InputError where `what` takes more bytes `of` memory or disk than there are."""
    if needed > there:
        raise InputError(f"{what} take {needed / 2**30:.3g} GiB of {of}, and there are {there / 2**30:.3g}: {mend}.")


def require_place(path: Path, option: str) -> None:
    """Raise InputError where `path`, which `option` names, cannot be written; asked before the work that fills it."""
    try:
        with scratch_directory(path):
            pass
    except OSError as error:
        raise InputError(f"{option} cannot be written ({error.strerror}): name another place.") from error
