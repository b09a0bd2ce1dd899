"""Archives of what another machine has scored, sound or not."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

Content = dict[str, bytes]  # members by name


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
