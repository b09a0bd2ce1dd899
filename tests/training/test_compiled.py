"""Where compiled code is kept: an edit of any compiled function's source leads to another folder."""

from __future__ import annotations

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
