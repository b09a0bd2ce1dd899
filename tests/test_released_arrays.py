"""Files that are no released arrays: each is named, with what is wrong; `tests/security` has those that do harm."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

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


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def infinite(path: Path) -> None:
    array = np.load(path)
    array.flat[0] = np.nan
    np.save(path, array)


DAMAGES = [
    truncated,
    infinite,
    lambda path: np.save(path, np.load(path).astype(int)),
    lambda path: np.save(path, np.zeros((3, 2, 5, 5), np.float32)),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named(release: Path, damage: Callable[[Path], object]) -> None:
    damage(release / "7_discrim_params.jl_02.npy")
    with pytest.raises(InputError, match="7_discrim_params.jl_02.npy"):
        read_discriminator(release, [TINY])


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
