"""Files that strangers hand over, each as the suite writes it, with what reads it.

What carries a hash is either refused or read as it was; the rest is refused or read without a traceback.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save

from replication.config.datasets import Dataset, Split
from replication.config.params import load_params
from replication.config.strict import read_yaml
from replication.data.images import decode
from replication.data.reading import load_prepared, load_split
from replication.data.sources import read_source
from replication.data.writing import write_dataset
from replication.released.arrays import read_array
from replication.report.cells import read_cell
from replication.report.provenance import read_provenance
from replication.scoring.trained import read_trained
from replication.table.archives import pack, unpack
from replication.verdicts.benchmarks import load_benchmarks
from tests.fuzz.damage import BYTES, STRUCTURE, Damage, Subject, changed, drawn, subject_of
from tests.fuzz.kept import KEPT
from tests.fuzz.outcomes import ACCEPTED, TRACEBACK, Outcome, Trial, outcome_of
from tests.in_small import params_in_small, score
from tests.security.test_arrays import trained


def cell(folder: Path, name: str) -> Subject:
    """A scored cell of the repository in small, of which the file of a name is damaged."""
    (folder / "params.yaml").write_text(params_in_small(), encoding="utf-8")
    block = load_params(folder / "params.yaml").cell("cpu-digits")
    score(folder / "cell", block, "cpu")
    table = folder / "cell/measurements.csv"
    if name.endswith(".gz"):
        table.with_name(name).write_bytes(gzip.compress(table.read_bytes()))
    return subject_of(folder / "cell" / name, lambda: read_cell(folder / "cell", block, "cpu", recorded=False))


def training(folder: Path, name: str) -> Subject:
    trained(folder / "cell", save({"a": torch.arange(30.0).reshape(5, 6), "b": torch.ones(3)}))

    def read() -> Any:
        result = read_trained(folder / "cell")
        return result.steps, [tensor.tolist() for tensor in result.states[0].values()], result.history.tolist()

    return subject_of(folder / "cell" / name, read, is_hashed=True)


def prepared(folder: Path, name: str) -> Subject:
    source = "toy" if name == "toy/manifest.json" else "digits"
    points: dict[str, Any] = {"modes": ((0.0, 0.0), (1.0, 1.0)), "standard_deviation": 0.1, "points_per_mode": 60}
    options = Dataset(source, source, splits={"full": Split("all")}, **(points if source == "toy" else {}))
    (folder / source).mkdir()
    write_dataset(read_source(options), options, folder / source)

    def read() -> Any:
        data = load_prepared(folder / source)
        arrays = [value for value in vars(data).values() if isinstance(value, np.ndarray) and value.size > 100]
        return [array.tobytes() for array in arrays], load_split(folder / source, "full").tolist()

    return subject_of(folder / name, read, is_hashed=True)


def archive(folder: Path, suffix: str) -> Subject:
    subject = cell(folder, "measurements.csv")
    pack([subject.file.parent], folder / "cells.tar.gz")
    file = folder / f"cells{suffix}"
    content = (folder / "cells.tar.gz").read_bytes()
    file.write_bytes(content if suffix == ".tar.gz" else gzip.decompress(content))
    return Subject(file, lambda: unpack(file), is_hashed=True)


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


def mnist(folder: Path, suffix: str) -> Subject:
    """MNIST of a few images, whose sums torchvision is made to expect: packed (`suffix` is .gz) or unpacked."""
    from replication.data import vision  # torchvision takes two seconds to import

    place = folder / "MNIST" / "raw"
    place.mkdir(parents=True)
    names = list(vision.MNIST_UNPACKED)
    contents = {name: _idx(6 if name.startswith("train") else 3, "labels" in name) for name in names}
    packed = {name: gzip.compress(content, mtime=0) for name, content in contents.items()}
    for name in names:
        (place / f"{name}{suffix}").write_bytes((packed if suffix else contents)[name])
    resources = [(f"{name}.gz", _md5(packed[name])) for name in names]
    unpacked = {name: _md5(content) for name, content in contents.items()}

    def read() -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("torchvision.datasets.MNIST.resources", resources)
            patch.setattr(vision, "MNIST_UNPACKED", unpacked)
            patch.setattr("torchvision.datasets.utils._urlretrieve", _refuse)
            patch.setattr("torchvision.datasets.utils._get_redirect_url", _refuse)
            try:
                data = vision.read_mnist(folder)
            finally:
                for name in names if suffix else ():
                    (place / name).unlink(missing_ok=True)
        return data.train_images.tolist(), data.train_labels.tolist()

    return Subject(place / f"{names[0]}{suffix}", read, is_hashed=True)


def _idx(count: int, is_labels: bool) -> bytes:
    array = np.random.default_rng(count).integers(0, 10, (count,) if is_labels else (count, 28, 28)).astype(np.uint8)
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _refuse(*_: object, **__: object) -> str:
    raise URLError("no network in tests")


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
    value = json.loads(content) if damage.kind in STRUCTURE else None
    subject.file.write_bytes(changed(content, value, damage))
    results: list[Any] = []
    outcome = outcome_of(lambda: results.append(subject.read()))
    if outcome.kind == ACCEPTED and subject.is_hashed and results[0] != before:
        return Outcome(TRACEBACK, "what was changed is read as good")
    return outcome


def file_trials(name: str, every: int = 1, of: int = 300) -> Iterator[Trial]:
    """What becomes of so many random damages to a subject, or of a part of them."""
    draw = Random(name)
    with made(name) as (subject, content, before):
        for damage in [drawn(draw, subject.kinds) for _ in range(of // every)]:
            yield Trial(f"{name}, {damage}", became(subject, content, before, damage))


BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CLAIM_KINDS = (*BYTES, *STRUCTURE, *STRUCTURE, *STRUCTURE)
NO_EFFECT = "without effect"  # accepted, although a value changed and nothing that was read did


class ClaimFiles:
    """A copy of a folder of claim files, of which any can be damaged."""

    def __init__(self, folder: Path, source: Path = BENCHMARKS) -> None:
        self.folder = folder
        for file in source.glob("*.yaml"):
            shutil.copy(file, folder)
        self.contents = {file: file.read_bytes() for file in sorted(folder.glob("*.yaml"))}
        self.values = {file: read_yaml(file) for file in self.contents}
        self.before = load_benchmarks(folder)

    def became(self, damage: Damage, which: float) -> Outcome:
        """What becomes of the folder when one of its files is damaged, and then whole again."""
        file = list(self.contents)[int(which * len(self.contents))]
        file.write_bytes(changed(self.contents[file], self.values[file], damage))
        results: list[Any] = []
        try:
            outcome = outcome_of(lambda: results.append((load_benchmarks(self.folder), read_yaml(file))))
        finally:
            file.write_bytes(self.contents[file])
        if outcome.kind == ACCEPTED and results[0][0] == self.before and results[0][1] != self.values[file]:
            return Outcome(ACCEPTED, NO_EFFECT)
        return outcome


def claim_trials(every: int = 1) -> Iterator[Trial]:
    """What becomes of 250 random damages to the claim files of the suite, or of a part of them."""
    draw = Random("claims")
    with tempfile.TemporaryDirectory() as folder:
        files = ClaimFiles(Path(folder))
        for _ in range(250 // every):
            damage, which = drawn(draw, CLAIM_KINDS), draw.random()
            outcome = files.became(damage, which)
            yield Trial(f"{damage}, {which}", outcome, outcome.text == NO_EFFECT)
