"""Files that strangers hand over: read within limits, never run, and whatever is wrong with them is a `ValueError`.

Readers turn that into their sentence, which says what to do. A pipe, a device or a socket is no file and is not waited
for.
"""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import IO, Any

LONGEST_NAME = 500  # signs

MOST_JSON = 64 * 2**20  # bytes of a text that becomes objects, which take twenty times as much


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a plain file; FileNotFoundError without one, ValueError where it has more than `most` bytes."""
    with plain_file(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > most:
            raise ValueError(f"it has more than {most} bytes")
        content = stream.read(size + 1)
    if len(content) != size:
        raise ValueError("its length is not the one that the file system says")
    return content


def plain_file(path: Path) -> IO[bytes]:
    """A plain file, opened for reading. Raises FileNotFoundError: there is none. ValueError: it is something else."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return open(descriptor, "rb")
    os.close(descriptor)
    raise ValueError("it is no plain file")


def is_plain_name(text: str) -> bool:
    """Whether a name is text of one line that no spreadsheet takes for a formula and no terminal obeys."""
    formula = text[:1] in ("=", "@") or text[:1] in ("+", "-") and not re.fullmatch("[0-9.]*", text[1:])
    signs = any(ord(sign) < 32 or 0x7F <= ord(sign) < 0xA0 or 0xD800 <= ord(sign) < 0xE000 for sign in text)
    return not (formula or signs) and len(text) <= LONGEST_NAME


def read_json(path: Path) -> Any:
    """What a plain file of JSON holds; FileNotFoundError where there is none, ValueError as `parse_json`."""
    return parse_json(read_bytes(path, MOST_JSON))


def parse_json(content: bytes) -> Any:
    """JSON whose keys stand once each. NaN and Infinity are accepted, as the suite writes them.

    Raises:
        ValueError: it is no JSON, a key stands twice, it is nested too deeply or too large.
    """
    if len(content) > MOST_JSON:
        raise ValueError(f"it has more than {MOST_JSON} bytes")
    try:
        return json.loads(content, object_pairs_hook=_once)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)[:100]!r} stands twice")
    return dict(pairs)
