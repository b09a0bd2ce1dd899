"""What another machine has scored."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.record.archives import Content


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes most of a report's time and is tested elsewhere."""
    monkeypatch.setattr("replication.report.figures.draw", lambda *_: [])


@pytest.fixture
def elsewhere(repository: Path) -> Content:
    """Both cells of the profile `paper`, as another machine scored them; no trace of them is left in outputs/."""
    folder = repository / "outputs/score/paper/gan"
    content = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("*/*"))}
    shutil.rmtree(folder)
    return content
