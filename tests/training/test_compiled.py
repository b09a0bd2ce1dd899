"""Where compiled code is kept: an edit of a source leads to another folder, and damage to a new compilation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numba
import pytest

from replication.foundation import compiled


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", numba.config.CACHE_DIR)  # pyright: ignore[reportAttributeAccessIssue]


def test_an_edit_of_a_compiled_source_is_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    sources = tmp_path / "sources"
    (sources / "inner").mkdir(parents=True)
    for name, text in (("a.py", "@njit\ndef a(): ..."), ("inner/b.py", "@njit\ndef b(): ..."), ("c.py", "plain = 1")):
        (sources / name).write_text(text)
    first = compiled.fix_cache(sources)
    assert first.parent == tmp_path / ".replication" / "compiled"
    assert first == Path(numba.config.CACHE_DIR)  # pyright: ignore[reportAttributeAccessIssue]
    (sources / "c.py").write_text("plain = 2")
    assert compiled.fix_cache(sources) == first
    (sources / "inner/b.py").write_text("@njit\ndef b(): return 1")
    assert compiled.fix_cache(sources) != first


def test_a_folder_that_is_given_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert compiled.fix_cache().parent == tmp_path


DOUBLING = """
from replication.foundation.compiled import njit

@njit(cache=True)
def doubled(x):
    return 2.0 * x

print(doubled(21.0), *doubled.stats.cache_hits.values())
"""


def emptied(content: bytes) -> bytes:
    return content[:0]


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def zeroed(content: bytes) -> bytes:
    """As a page that never reached the disk, in the machine code."""
    return content[:-600] + bytes(500) + content[-100:]


@pytest.mark.integration
def test_damaged_compiled_code_is_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "doubling.py").write_text(DOUBLING)

    def printed() -> list[str]:
        command = [sys.executable, str(tmp_path / "doubling.py")]
        monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert printed() == ["42.0"] and printed() == ["42.0", "1"]
    for ending, damage in (("nbi", emptied), ("nbi", cut), ("nbc", emptied), ("nbc", cut), ("nbc", zeroed)):
        (file,) = (tmp_path / "cache").rglob(f"*.{ending}")
        file.write_bytes(damage(file.read_bytes()))
        assert printed() == ["42.0"], (ending, damage)
        assert printed() == ["42.0", "1"]  # and kept again
