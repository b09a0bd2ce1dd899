"""Files that are no released arrays: each is named, with what is wrong, and nothing in them is executed."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from replication.foundation.errors import InputError
from replication.released.weights import ReleasedNetwork, read_discriminator

TINY = ReleasedNetwork("tiny", 3, ((2, 1), (3, 2)), ((4, 0), (3, 2)), 5, "uniform", (3, 8, 8))


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """The arrays of a tiny discriminator."""
    for number, shape in enumerate(TINY.discriminator_shapes, start=1):
        np.save(tmp_path / f"7_discrim_params.jl_{number:02d}.npy", np.ones(shape, np.float32))
    return tmp_path


class Payload:
    """A pickle that makes a folder when it is opened."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.place),)


def pickled(path: Path) -> None:
    np.save(path, np.array([Payload(path.parent / "opened")], dtype=object), allow_pickle=True)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def promising(path: Path) -> None:
    """A header of 8 TB, with a few bytes behind it."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": (2 * 10**12,)})
    path.write_bytes(stream.getvalue() + b"1234")


def infinite(path: Path) -> None:
    array = np.load(path)
    array.flat[0] = np.nan
    np.save(path, array)


def archived(path: Path) -> None:
    with path.open("wb") as stream:
        np.savez(stream, a=np.zeros(3))


DAMAGES = [
    pickled,
    truncated,
    promising,
    infinite,
    archived,
    lambda path: path.write_bytes(b""),
    lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"),
    lambda path: np.save(path, np.load(path).astype(int)),
    lambda path: np.save(path, np.zeros((3, 2, 5, 5), np.float32)),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named(release: Path, damage: Callable[[Path], object]) -> None:
    damage(release / "7_discrim_params.jl_02.npy")
    with pytest.raises(InputError, match="7_discrim_params.jl_02.npy"):
        read_discriminator(release, [TINY])
    assert not (release / "opened").exists()


def test_a_folder_that_is_no_release_is_refused(release: Path) -> None:
    (release / "empty").mkdir()
    for folder in ("none", "empty"):
        with pytest.raises(InputError, match=folder):
            read_discriminator(release / folder)
    with pytest.raises(InputError, match=r"\[2, 3, 3, 3\].*\[128, 3, 3, 3\]"):
        read_discriminator(release)
    np.save(release / "7_discrim_params.jl_09.npy", np.zeros(2, np.float32))
    with pytest.raises(InputError, match="jl_09.npy"):
        read_discriminator(release, [TINY])
    shutil.copy(release / "7_discrim_params.jl_01.npy", release / "8_discrim_params.jl_01.npy")
    with pytest.raises(InputError, match="epochs 7, 8"):
        read_discriminator(release, [TINY])
    for path in release.glob("*_01.npy"):
        path.unlink()
    with pytest.raises(InputError, match="jl_01.npy"):
        read_discriminator(release, [TINY])
