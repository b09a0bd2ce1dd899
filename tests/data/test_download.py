"""What goes wrong while raw files are fetched becomes a sentence; a full disk and a mistake of ours do not."""

from __future__ import annotations

import errno
import hashlib
import socket
from pathlib import Path
from urllib.error import URLError

import pytest

from replication.data.download import PATIENCE, fetching, hashed
from replication.foundation.errors import InputError


class Refused(Exception):
    """Stands for the exceptions of gdown, which share no class with anything."""

    __module__ = "gdown.exceptions"


@pytest.mark.parametrize(
    "error", [URLError("no\nroute"), RuntimeError("no route"), EOFError("no route"), Refused("no route")]
)
def test_a_failure_says_which_files_to_put_where(error: Exception) -> None:
    with (
        pytest.raises(
            InputError, match=r"of Faces are missing .*no route.*: put a.zip, b.txt into data/raw/f .*; checked"
        ),
        fetching("Faces", Path("data/raw/f"), ["a.zip", "b.txt"], "checked"),
    ):
        raise error


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), TypeError("a mistake"), InputError("said")])
def test_other_errors_pass(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error).replace("[", r"\[")), fetching("Faces", Path("f"), [], ""):
        raise error


def test_a_silent_server_is_not_waited_for_and_the_timeout_is_put_back() -> None:
    before = socket.getdefaulttimeout()
    with fetching("Faces", Path("f"), [], ""):
        assert socket.getdefaulttimeout() == PATIENCE
    assert socket.getdefaulttimeout() == before


def test_raw_files_are_hashed_by_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert hashed(tmp_path, ["a"]) == {"a": hashlib.sha256(b"abc").hexdigest()}
