"""What another machine has scored, and archives of it, sound or not."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest

Content = dict[str, bytes]  # members by name


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


def archive(content: Content, path: Path = Path("cells.tar.gz"), rehash: bool = True) -> Path:
    """A tar archive of some members, with a manifest that fits them unless one is given."""
    manifest = {"files": {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}}
    written = {"manifest.json": json.dumps(manifest).encode(), **content} if rehash else content
    with tarfile.open(path, "w:gz") as packed:
        for name, data in written.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
    return path


def of_cell(content: Content, key: str) -> Content:
    return {name: data for name, data in content.items() if name.startswith(f"{key}/")}


def files(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (root / "reports").rglob("*") if path.is_file()}
