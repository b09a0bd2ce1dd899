"""CelebA and LSUN in miniature: CelebA's own lists and archive, and a stand-in for the LMDB reader."""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from replication.data import photographs
from replication.data.photographs import read_celeba, read_lsun
from replication.foundation.errors import InputError
from tests.pictures import picture

PARTS = (0, 0, 1, 0, 2, 2)  # train, train, validation, train, test, test


def photograph(shade: int, kind: str) -> bytes:
    return picture(shade, (10, 14), kind, "RGB")


@pytest.fixture
def celeba(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six faces of shades 0, 40, … 200, as a zip archive beside CelebA's five lists."""
    place = tmp_path / "celeba"
    place.mkdir()
    names = [f"{number:06d}.jpg" for number in range(1, 7)]
    with zipfile.ZipFile(place / "img_align_celeba.zip", "w") as archive:
        for index, name in enumerate(names):
            archive.writestr(f"img_align_celeba/{name}", photograph(40 * index, "JPEG"))
    lists = {
        "list_eval_partition.txt": "".join(f"{name} {part}\n" for name, part in zip(names, PARTS, strict=True)),
        "identity_CelebA.txt": "".join(f"{name} 7\n" for name in names),
        **{
            f"list_{table}.txt": "6\nhead\n" + "".join(f"{name} 1 -1\n" for name in names)
            for table in ("bbox_celeba", "landmarks_align_celeba", "attr_celeba")
        },
    }
    for name, content in lists.items():
        (place / name).write_text(content)
    files = ["img_align_celeba.zip", *lists]
    sums = [hashlib.md5((place / name).read_bytes(), usedforsecurity=False).hexdigest() for name in files]
    listed = [("", digest, name) for name, digest in zip(files, sums, strict=True)]
    monkeypatch.setattr("torchvision.datasets.CelebA.file_list", listed)
    monkeypatch.setitem(sys.modules, "gdown", None)  # so that nothing is ever downloaded
    return tmp_path


def shades(images: np.ndarray) -> list[int]:
    return [round(float(shade) / 40) * 40 for shade in images.mean((1, 2, 3))]


def test_celeba_from_its_archive_whole_and_limited_to_the_first(celeba: Path) -> None:
    data, limited = read_celeba(celeba, 8), read_celeba(celeba, 8, limit=2)
    assert data.train_images.shape == (3, 3, 8, 8) and data.class_names == ("face",)
    assert (shades(data.train_images), shades(data.test_images)) == ([0, 40, 120], [160, 200])
    assert "resized and cropped to 8 pixels" in data.not_canonical
    assert shades(limited.train_images) == [0, 40] and len(limited.test_images) == 2
    assert "the first 2 training images" in limited.not_canonical


@pytest.mark.parametrize("name", ["list_attr_celeba.txt", "img_align_celeba.zip"])
def test_celeba_with_a_wrong_checksum_is_one_sentence(celeba: Path, name: str) -> None:
    with (celeba / "celeba" / name).open("ab") as stream:
        stream.write(b" ")
    with pytest.raises(InputError, match=r"CelebA are missing or damaged .*put img_align_celeba.zip, .* into .*celeba"):
        read_celeba(celeba, 8)


def test_celeba_unpacked_in_part_is_one_sentence(celeba: Path) -> None:
    read_celeba(celeba, 8)
    (celeba / "celeba" / "img_align_celeba" / "000004.jpg").unlink()
    with pytest.raises(InputError, match="remove img_align_celeba where it is incomplete"):
        read_celeba(celeba, 8)


class Cursor(list[tuple[bytes, bytes]]):
    def iternext(self, values: bool) -> Iterator[bytes]:
        assert not values
        return iter([key for key, _ in self])


class Database:
    """As much of lmdb.Environment as is read, over keys in order."""

    def __init__(self, entries: dict[bytes, bytes]) -> None:
        self.entries = entries

    def info(self) -> dict[str, int]:
        return {"last_pgno": 1}

    @contextmanager
    def begin(self, **_: bool) -> Iterator[Any]:
        stat = {"entries": len(self.entries), "psize": 100}
        yield SimpleNamespace(stat=lambda: stat, cursor=self.cursor)

    def cursor(self) -> Any:
        return Cursor(sorted(self.entries.items()))

    def close(self) -> None:
        self.entries = {}


class Damaged(Exception):
    pass


@pytest.fixture
def lsun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three bedrooms to train on and one to test on, as WebP under keys out of order."""
    stored = {
        "bedroom_train_lmdb": {key: photograph(shade, "WEBP") for key, shade in ((b"c", 80), (b"a", 0), (b"b", 40))},
        "bedroom_val_lmdb": {b"z": photograph(120, "WEBP")},
    }
    for name in stored:
        (tmp_path / name).mkdir()
        (tmp_path / name / "data.mdb").write_bytes(bytes(200))

    def opened(place: str, **_: object) -> Database:
        return Database(stored[Path(place).name])

    monkeypatch.setitem(sys.modules, "lmdb", SimpleNamespace(open=opened, Error=Damaged))
    return tmp_path


def test_lsun_in_the_order_of_its_keys_limited_and_without_a_test_part(lsun: Path) -> None:
    data = read_lsun(lsun, 8)
    assert (shades(data.train_images), shades(data.test_images)) == ([0, 40, 80], [120])
    assert data.class_names == ("bedroom",)
    (lsun / "bedroom_val_lmdb" / "data.mdb").unlink()
    data = read_lsun(lsun, 8, limit=2)
    assert shades(data.train_images) == [0, 40] and len(data.test_images) == 0


def test_lsun_that_is_not_there_or_damaged_is_one_sentence(lsun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise Damaged("not a database")

    with pytest.raises(InputError, match=r"no .*elsewhere/bedroom_train_lmdb/data.mdb: .*put them into .*elsewhere"):
        read_lsun(lsun / "elsewhere", 8)
    with monkeypatch.context() as patch, pytest.raises(InputError, match=r"\(not a database\): copy them again"):
        patch.setattr(sys.modules["lmdb"], "open", refuse)
        read_lsun(lsun, 8)
    file = lsun / "bedroom_train_lmdb" / "data.mdb"
    file.write_bytes(bytes(199))
    with pytest.raises(InputError, match=r"data.mdb has 199 of its 200 bytes: copy it again"):
        read_lsun(lsun, 8)
    file.write_bytes(bytes(200))
    monkeypatch.setattr(photographs, "_walk", lambda *_: os._exit(1))
    with pytest.raises(InputError, match=r"data.mdb is damaged: copy it again"):
        read_lsun(lsun, 8)
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(InputError, match="install its reader with `uv pip install lmdb`"):
        read_lsun(lsun, 8)
