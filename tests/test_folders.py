"""A folder that cannot be read is no empty one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from replication.foundation.folders import entries_of, files_below


def test_entries_and_files_are_those_of_glob(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", "c.txt", ".hidden", "deep/er/d.json", "deep/e.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert entries_of(tmp_path, "*.json") == sorted(tmp_path.glob("*.json"))
    assert entries_of(tmp_path) == sorted(tmp_path.glob("*"))
    assert files_below(tmp_path) == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    (tmp_path / "deep" / "round").symlink_to(tmp_path)
    assert tmp_path / "deep" / "round" in files_below(tmp_path)  # and nothing of what it leads to
    assert len(files_below(tmp_path)) == 7
    assert entries_of(tmp_path / "none") == files_below(tmp_path / "none") == []


@pytest.mark.parametrize("listed", [entries_of, files_below])
def test_a_folder_that_cannot_be_read_is_an_error(listed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("a", encoding="utf-8")

    def refuse(place: object) -> list[str]:
        raise PermissionError(13, "Permission denied", str(place))

    monkeypatch.setattr(os, "listdir", refuse)
    monkeypatch.setattr(os, "scandir", refuse)
    assert list(tmp_path.glob("*")) == []  # which is why they stand beside it
    with pytest.raises(PermissionError):
        listed(tmp_path)
