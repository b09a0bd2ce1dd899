"""MNIST's raw files in miniature, whose sums torchvision is made to expect, without a network."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from torchvision.datasets import MNIST

from replication.data import vision
from tests.fuzz.damage import Subject


def mnist(folder: Path, suffix: str) -> Subject:
    """MNIST of a few images, whose training images are damaged: packed (`suffix` is .gz) or unpacked."""
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
            patch.setattr(MNIST, "resources", resources)
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
