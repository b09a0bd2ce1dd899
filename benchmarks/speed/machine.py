"""Where and by which code something is measured."""

from __future__ import annotations

import os
from pathlib import Path

from replication.foundation.provenance import PACKAGES, code_hash, environment, import_closure
from replication.models import MODELS, source_file
from replication.table.speed import Machine

ENTRY = Path("benchmarks/speed/__main__.py")


def this_machine(device: str, threads: int) -> Machine:
    """Hardware and versions, and the load as it is now."""
    known = environment(device, threads)
    versions = {name: str(known[name]) for name in ("python", *PACKAGES)}
    kind = "cuda" if device == "cuda" else "cpu"
    return Machine(str(known["device"]), kind, threads, str(known["system"]), round(os.getloadavg()[0], 1), versions)


def benchmark_hash(root: Path = Path(".")) -> str:
    """One hash of all code that a benchmark may run, models included."""
    models = (file for name in MODELS for file in import_closure(root / source_file(name), root))
    return code_hash({*import_closure(root / ENTRY, root), *models}, root)
