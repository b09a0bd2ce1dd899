"""Files that strangers hand over, each as the suite writes it, with what reads it.

What carries a hash is either refused or read as it was; the rest is refused or read without a traceback.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save

from replication.config.datasets import Dataset, Split
from replication.config.params import load_params
from replication.data.images import decode
from replication.data.reading import load_prepared, load_split
from replication.data.sources import read_source
from replication.data.writing import write_dataset
from replication.released.arrays import read_array
from replication.report.cells import read_cell, read_provenance
from replication.scoring.trained import read_trained
from replication.table.archives import pack, unpack
from tests.conftest import params_in_small, score
from tests.fuzz.damage import BYTES, STRUCTURE, Damage, Subject, damaged, drawn, restructured
from tests.fuzz.idx import mnist
from tests.fuzz.kept import KEPT
from tests.fuzz.outcomes import ACCEPTED, TRACEBACK, Outcome, counted, outcome_of
from tests.security.test_arrays import trained


def cell(folder: Path, name: str) -> Subject:
    """A scored cell of the repository in small, of which the file of a name is damaged."""
    (folder / "params.yaml").write_text(params_in_small(), encoding="utf-8")
    block = load_params(folder / "params.yaml").cell("cpu-digits")
    score(folder / "cell", block, "cpu")
    table = folder / "cell/measurements.csv"
    if name.endswith(".gz"):
        table.with_name(name).write_bytes(gzip.compress(table.read_bytes()))
    kinds = (*BYTES, *STRUCTURE) if name.endswith("json") else BYTES
    return Subject(folder / "cell" / name, lambda: read_cell(folder / "cell", block, "cpu", recorded=False), kinds)


def training(folder: Path, name: str) -> Subject:
    trained(folder / "cell", save({"a": torch.arange(30.0).reshape(5, 6), "b": torch.ones(3)}))

    def read() -> Any:
        found = read_trained(folder / "cell")
        return found.steps, [tensor.tolist() for tensor in found.states[0].values()], found.history.tolist()

    return Subject(folder / "cell" / name, read, (*BYTES, *STRUCTURE) if name.endswith("json") else BYTES, True)


def prepared(folder: Path, name: str) -> Subject:
    source = "toy" if name == "toy/manifest.json" else "digits"
    options = Dataset(name=source, source=source, splits={"full": Split("all")}, **_OPTIONS.get(source, {}))
    (folder / source).mkdir()
    write_dataset(read_source(options), options, folder / source)

    def read() -> Any:
        data = load_prepared(folder / source)
        arrays = [
            value.tobytes() for value in vars(data).values() if isinstance(value, np.ndarray) and value.size > 100
        ]
        return arrays, load_split(folder / source, "full").tolist()

    return Subject(folder / name, read, (*BYTES, *STRUCTURE) if name.endswith("json") else BYTES, True)


_OPTIONS: dict[str, dict[str, Any]] = {
    "toy": {"modes": ((0.0, 0.0), (1.0, 1.0)), "standard_deviation": 0.1, "points_per_mode": 60}
}


def archive(folder: Path, suffix: str) -> Subject:
    subject = cell(folder, "measurements.csv")
    pack([subject.file.parent], folder / "cells.tar.gz")
    file = folder / f"cells{suffix}"
    content = (folder / "cells.tar.gz").read_bytes()
    file.write_bytes(content if suffix == ".tar.gz" else gzip.decompress(content))
    return Subject(file, lambda: unpack(file), BYTES, True)


def picture(folder: Path, kind: str) -> Subject:
    file, pixels = folder / "a", np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8)
    Image.fromarray(pixels).save(file, kind)
    return Subject(file, lambda: decode(file.read_bytes(), "a", 8, 3))


def array(folder: Path) -> Subject:
    np.save(folder / "a.npy", np.ones((4, 3, 5, 5), np.float32))
    return Subject(folder / "a.npy", lambda: read_array(folder / "a.npy"))


def provenance(folder: Path) -> Subject:
    subject = cell(folder, "provenance.json")
    return subject._replace(read=lambda: read_provenance(subject.file))


SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    "manifest of images": partial(prepared, name="digits/manifest.json"),
    "manifest of points": partial(prepared, name="toy/manifest.json"),
    "indices of a split": partial(prepared, name="digits/splits/full.json"),
    "prepared arrays": partial(prepared, name="digits/train_images.npy"),
    "measurements": partial(cell, name="measurements.csv"),
    "packed measurements": partial(cell, name="measurements.csv.gz"),
    "provenance of scores": partial(cell, name="provenance.json"),
    "provenance alone": provenance,
    "samples of a cell": partial(cell, name="samples.npz"),
    "provenance of a training": partial(training, name="provenance.json"),
    "weights": partial(training, name="step0.safetensors"),
    "losses": partial(training, name="history.safetensors"),
    "packed records": partial(archive, suffix=".tar.gz"),
    "records in a plain tar": partial(archive, suffix=".tar"),
    "released arrays": array,
    "MNIST, packed": partial(mnist, suffix=".gz"),
    "MNIST, unpacked": partial(mnist, suffix=""),
    **{f"{kind} pictures": partial(picture, kind=kind) for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")},
    **KEPT,
}


@contextmanager
def made(name: str) -> Iterator[tuple[Subject, bytes, Any]]:
    """A subject in a folder of its own, its content, and what is read of it; a GIF is never read."""
    with tempfile.TemporaryDirectory() as folder:
        subject = SUBJECTS[name](Path(folder))
        yield subject, subject.file.read_bytes(), subject.read() if subject.is_hashed else None


def became(subject: Subject, content: bytes, before: Any, damage: Damage) -> Outcome:
    """What becomes of reading a damaged file; a changed one that is read as good counts as a traceback."""
    if damage.kind in BYTES:
        changed = damaged(content, damage)
    else:
        changed = json.dumps(restructured(json.loads(content), damage)).encode()
    subject.file.write_bytes(changed)
    results: list[Any] = []
    outcome = outcome_of(lambda: results.append(subject.read()))
    if outcome.kind == ACCEPTED and subject.is_hashed and results[0] != before:
        return Outcome(TRACEBACK, "what was changed is read as good")
    return outcome


def files_fuzz(name: str, every: int = 1) -> Counter[str]:
    """Count what becomes of 300 random damages to a subject, or of a part of them."""
    return fuzz(name, 300 // every)


def fuzz(name: str, tries: int) -> Counter[str]:
    """Count what becomes of so many random damages to a subject."""
    draw = Random(name)
    with made(name) as (subject, content, before):
        damages = [drawn(draw, subject.kinds) for _ in range(tries)]
        return counted((f"{name}, {damage}", became(subject, content, before, damage)) for damage in damages)


FILES: dict[str, Callable[[int], Counter[str]]] = {name: partial(files_fuzz, name) for name in SUBJECTS}
