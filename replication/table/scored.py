"""The folder of a scored cell: its provenance holds the hashes of the files that lie beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from replication.foundation.provenance import changed_file, recorded, sha256_file

PROVENANCE = "provenance.json"


def write_provenance(folder: Path, provenance: Mapping[str, Any]) -> None:
    """Write the provenance of a scored cell whose other files are there."""
    path = folder / PROVENANCE
    files = {file.name: sha256_file(file) for file in sorted(folder.iterdir()) if file != path}
    path.write_text(json.dumps({**provenance, "files": files}, indent=1) + "\n", encoding="utf-8")


def damaged(folder: Path, provenance: Mapping[str, Any]) -> str:
    """The name of the first file that is missing or not what was measured; "" where all are whole."""
    files = provenance.get("files")
    if not isinstance(files, dict):
        return PROVENANCE
    return changed_file(folder, {Path(name).name: digest for name, digest in files.items()})  # a stranger's names


def holds_scores(folder: Path, key: Callable[[], Mapping[str, Any]]) -> bool:
    """Whether scores of this `key`, which takes time to make, are there and whole: what is not is measured again."""
    before = recorded(folder)
    wanted = key() if before else {}
    return bool(before) and {name: before.get(name) for name in wanted} == wanted and not damaged(folder, before)
