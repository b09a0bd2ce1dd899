"""Which source files a training runs, named without importing them: its key and its DVC stage depend on these alone."""

from __future__ import annotations

from pathlib import Path

from replication.foundation.provenance import import_closure
from replication.models import source_file

ENTRIES = ("replication/training/block.py", "replication/data/reading.py")
NAMES = Path("replication/models/__init__.py")  # which models there are: the file of the model itself counts


def training_code(model: str, root: Path = Path(".")) -> set[Path]:
    """The source files below `root` that a training runs; what only checks, names or scores a cell is none of them."""
    entries = (*(root / entry for entry in ENTRIES), root / source_file(model))
    files = {file for entry in entries for file in import_closure(entry, root)}
    return (files | {root / "replication/training/cells.py"}) - {root / NAMES}
