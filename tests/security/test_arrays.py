"""Arrays and weights that were made to do harm: a sentence, nothing unpickled, and no memory for what is not there."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from replication.config.params import Cell
from replication.data.sample_sources import read_samples
from replication.released.arrays import read_array
from replication.report.cells import read_samples as read_shown
from replication.scoring.trained import read_trained
from tests.fuzz.outcomes import ACCEPTED
from tests.in_small import provenance_of
from tests.security.held import Content, Payload, assert_refused, held, made, pickled

pytestmark = pytest.mark.integration

SHAPE = (120, 1, 8, 8)
Read = Callable[[Path], object]


def saved(array: np.ndarray, **options: bool) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def headed(header: str, content: bytes = bytes(64), version: tuple[int, int] = (1, 0)) -> bytes:
    """A `.npy` file with any text for a header."""
    length = struct.pack("<H" if version == (1, 0) else "<I", len(header) + 1)
    return b"\x93NUMPY" + bytes(version) + length + header.encode() + b"\n" + content


def announced(shape: str, kind: str = "'<f4'") -> bytes:
    return headed(f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}")


def checkpoint() -> bytes:
    stream = io.BytesIO()
    torch.save({"weights": Payload()}, stream)
    return stream.getvalue()


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return stream.getvalue()


NPY: dict[str, bytes] = {
    "a pickle": pickled(),
    "an array of objects": saved(np.array([Payload()], dtype=object), allow_pickle=True),
    "a checkpoint of PyTorch": checkpoint(),
    "an archive": archive({"grid.npy": saved(np.zeros(3))}),
    "nothing": b"",
    "a header alone": headed("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", b""),
    "eight terabytes": announced(f"({2 * 10**12},)"),
    "more than there are numbers": announced(f"({2**63}, {2**63})"),
    "a length below zero": announced("(-1,)"),
    "no whole length": announced("(2.5,)"),
    "a length that is true": announced("(True, 16)"),
    "a hundred dimensions": announced(str((1,) * 100)),
    "objects, as the header says": announced("(8,)", "'|O'"),
    "texts": announced("(8,)", "'<U2'"),
    "fields": announced("(8,)", "[('a', '<f4')]"),
    "fields in fields": announced("(8,)", "[" * 200 + "]" * 200),
    "a call in the header": headed("__import__('pathlib').Path('it-ran').mkdir()"),
    "a sum in the header": announced("(9**9**9,)"),
    "a deep header": headed("(" * 5000 + ")" * 5000),
    "a long header": headed(" " * 60_000),
    "a header of 4 GB": b"\x93NUMPY\2\0" + struct.pack("<I", 2**32 - 1) + bytes(64),
    "a version that nobody knows": headed("{}", version=(9, 9)),
    "more bytes than numbers": saved(np.zeros(4, np.float32)) + bytes(64),
}
NPZ: dict[str, Content] = {
    "a pickle": pickled(),
    "a pickle inside": archive({"grid.npy": pickled()}),
    "objects inside": archive({"grid.npy": saved(np.array([Payload()], dtype=object), allow_pickle=True)}),
    "eight terabytes inside": archive({"grid.npy": announced(f"({2 * 10**12},)")}),
    "a bomb": lambda: archive({"grid.npy": bytes(1 << 27)}),
    "many arrays": lambda: archive({f"grid{number}.npy": saved(np.zeros(9)) for number in range(3000)}),
    "a name outside": archive({"../grid.npy": saved(np.zeros(9))}),
    "a checkpoint of PyTorch": checkpoint(),
}


def tensors(header: object, content: bytes = bytes(64), length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + content


def tensor(first: int = 0, last: int = 64, shape: object = (16,), kind: str = "F32") -> dict[str, object]:
    return {"dtype": kind, "shape": shape, "data_offsets": [first, last]}


WEIGHTS: dict[str, Content] = {
    "a pickle": pickled(),
    "a checkpoint of PyTorch": checkpoint(),
    "a header beyond the file": tensors({}, length=10**6),
    "a header of 2^63": tensors({}, length=2**63),
    "a header of 2^64 - 1": tensors({}, length=2**64 - 1),
    "a header of 110 MB of spaces": lambda: tensors(b"{}" + b" " * (110 << 20), b""),
    "tensors that overlap": tensors({"a": tensor(), "b": tensor(32, 64, (8,))}),
    "a hole between tensors": tensors({"a": tensor(0, 32, (8,)), "b": tensor(36, 64, (7,))}),
    "a tensor beyond the file": tensors({"a": tensor(0, 10**9, (25 * 10**7,))}),
    "offsets below zero": tensors({"a": tensor(-64, 0)}),
    "offsets the wrong way round": tensors({"a": tensor(64, 0)}),
    "a shape of another size": tensors({"a": tensor(shape=(17,))}),
    "a shape that overflows": tensors({"a": tensor(shape=(2**33, 2**33))}),
    "a type of another size": tensors({"a": tensor(kind="F64")}),
    "a type that nobody knows": tensors({"a": tensor(kind="OBJ")}),
    "no JSON": tensors(b"__import__('os')"),
    "a list": tensors(b"[1]"),
    "a deep header": tensors(b'{"a":' * 50_000),
    "no UTF-8": tensors(b'{"\xff": 1}'),
    "more bytes than tensors": tensors({"a": tensor(0, 32, (8,))}),
}


def trained(place: Path, content: bytes) -> None:
    """A training whose hashes fit whatever its weights are."""
    place.mkdir()
    history = save({"losses": torch.zeros(1, 2, 2)})
    for name, data in (("step0", content), ("history", history)):
        (place / f"{name}.safetensors").write_bytes(data)
    hashes = {"weights_sha256": {"0": hashlib.sha256(content).hexdigest()}}
    hashes |= {"history_sha256": hashlib.sha256(history).hexdigest()}
    of_cell = provenance_of(Cell("gan2014", "gan", "toy-k1", "toy-bimodal", "full", "paper", "0"))
    written = {**of_cell, "steps": [0], "window": 1, "sample_shape": [2], "classes": 0, **hashes}
    (place / "provenance.json").write_text(json.dumps(written), encoding="utf-8")


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def samples(place: Path) -> object:
    return read_samples(str(place), SHAPE[1:], (0.0, 1.0), 100, 0)


@pytest.mark.parametrize("read", [samples, read_array])
@pytest.mark.parametrize("name", NPY)
def test_what_is_no_array_is_refused(name: str, read: Read) -> None:
    Path("a.npy").write_bytes(NPY[name])
    assert_refused(read, Path("a.npy"))


@pytest.mark.parametrize("name", NPZ)
def test_what_is_no_archive_of_samples_is_refused(name: str) -> None:
    Path("samples.npz").write_bytes(made(NPZ[name]))
    assert_refused(read_shown, Path("samples.npz"))


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_with_a_false_header_are_refused_also_under_their_own_hash(name: str) -> None:
    trained(Path("cell"), made(WEIGHTS[name]))
    assert_refused(read_trained, Path("cell"), 300 * 2**20)


def test_nobody_waits_for_a_pipe() -> None:
    for pipe in ("a.npy", "provenance.json"):
        os.mkfifo(pipe)
    assert_refused(read_array, Path("a.npy"))
    assert_refused(read_trained, Path("."))


def test_steps_without_a_hash_are_not_read() -> None:
    trained(Path("cell"), save({"a": torch.zeros(2)}))
    assert held(lambda: read_trained(Path("cell"))).kind == ACCEPTED
    written = json.loads(Path("cell/provenance.json").read_text(encoding="utf-8"))
    (Path("cell") / "step1.safetensors").write_bytes(save({"a": torch.ones(2)}))
    for steps in ([0, 1], ["0"], ["/../step0"], [[]], "0", None, [10**400]):
        Path("cell/provenance.json").write_text(json.dumps({**written, "steps": steps}), encoding="utf-8")
        assert_refused(read_trained, Path("cell"))
