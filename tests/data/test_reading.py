"""What a stage gets back, and that nothing altered gets through."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from replication.config.datasets import Dataset, Split
from replication.data.contents import ImageSet
from replication.data.embedded import draw_points
from replication.data.reading import load_images, load_manifest, load_prepared, load_split, load_toy
from replication.data.writing import write_dataset
from replication.foundation.errors import InputError

AGAIN = r"is missing or not what `prepare` wrote: run `uv run python -m replication.prepare pets` to make it again"
LABELS = np.array([0, 1, 0, 1, 1], dtype=np.int64)
IMAGES = np.arange(5 * 3 * 2 * 2, dtype=np.uint8).reshape(5, 3, 2, 2)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    place = tmp_path / "pets"
    place.mkdir()
    contents = ImageSet(IMAGES, LABELS, IMAGES[:2], LABELS[:2], ("cat", "dog"), "none", ("numpy",))
    splits = {"full": Split("all"), "last1": Split("last", per_class=1)}
    write_dataset(contents, Dataset("pets", "folder", splits=splits), place)
    return place


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    place = tmp_path / "toy"
    place.mkdir()
    modes = ((0.6, 0.6), (-0.6, -0.6))
    options = Dataset("toy", "toy", "", 0, 0, 0, modes, 0.15, 3, splits={"full": Split("all")})
    write_dataset(draw_points(modes, 0.15, 3, 0), options, place)
    return place


def test_images_come_back_as_they_were(pets: Path) -> None:
    data = load_images(pets)
    np.testing.assert_array_equal(data.train_images, IMAGES)
    np.testing.assert_array_equal(data.test_labels, LABELS[:2])
    assert (data.train_images.dtype, data.train_labels.dtype) == (np.uint8, np.int64)
    assert (data.name, data.class_names) == ("pets", ("cat", "dog"))
    assert data.manifest == load_manifest(pets)


def test_points_come_back_with_their_density(toy: Path) -> None:
    data = load_toy(toy)
    assert data.points.shape == (6, 2)
    assert data.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.means.tolist() == [[0.6, 0.6], [-0.6, -0.6]]
    assert (data.standard_deviation, data.weights.tolist()) == (0.15, [0.5, 0.5])


def test_a_split_comes_back_as_indices(pets: Path) -> None:
    assert load_split(pets, "full").tolist() == [0, 1, 2, 3, 4]
    assert load_split(pets, "last1").tolist() == [2, 4]


def test_the_wrong_kind_of_data_is_one_sentence(pets: Path, toy: Path) -> None:
    with pytest.raises(InputError, match="pets is a data set of images"):
        load_toy(pets)
    with pytest.raises(InputError, match="toy is a toy data set of points"):
        load_images(toy)


def test_data_that_were_never_prepared_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"no prepared data set in .*pets: run `uv run python -m replication.prepare pets`"
    ):
        load_prepared(tmp_path / "pets")


@pytest.mark.parametrize("name", ["train_images", "train_labels", "test_images", "test_labels"])
def test_one_flipped_bit_in_any_array_stops(pets: Path, name: str) -> None:
    file = pets / f"{name}.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(InputError, match=f"{name}.npy {AGAIN}"):
        load_prepared(pets)


def test_a_missing_array_stops(pets: Path) -> None:
    (pets / "test_images.npy").unlink()
    with pytest.raises(InputError, match=AGAIN):
        load_prepared(pets)


def test_a_split_that_was_edited_or_removed_stops(pets: Path) -> None:
    file = pets / "splits" / "last1.json"
    split = json.loads(file.read_text())
    file.write_text(json.dumps({**split, "rule": "first"}))
    with pytest.raises(InputError, match=AGAIN):
        load_split(pets, "last1")
    file.unlink()
    with pytest.raises(InputError, match=AGAIN):
        load_split(pets, "last1")


@pytest.mark.parametrize("name", ["most", "../manifest"])
def test_an_unknown_split_lists_the_known_ones(pets: Path, name: str) -> None:
    with pytest.raises(InputError, match="no split .*; known: full, last1"):
        load_split(pets, name)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"name": "pets"}'])
def test_a_damaged_manifest_stops(pets: Path, content: str) -> None:
    (pets / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=AGAIN):
        load_prepared(pets)


def test_an_array_that_holds_a_pickle_is_never_opened(pets: Path) -> None:
    """Even with its hash in the manifest: NumPy refuses objects, and nothing runs."""
    file = pets / "train_labels.npy"
    np.save(file, np.array([{}], dtype=object), allow_pickle=True)
    manifest = load_manifest(pets)
    manifest["files"][file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
    (pets / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=AGAIN):
        load_prepared(pets)
