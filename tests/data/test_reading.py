"""A prepared data set on disk, audited the way a reviewer would: what is written comes back, and nothing altered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from replication.config.datasets import Dataset, Split
from replication.data.contents import ImageSet
from replication.data.embedded import draw_points, read_digits
from replication.data.reading import load_images, load_manifest, load_prepared, load_split, load_toy
from replication.data.writing import is_prepared, write_dataset
from replication.foundation.errors import InputError

AGAIN = r"is missing or not what `prepare` wrote: run `uv run python -m replication.prepare pets` to make it again"
LABELS = np.array([0, 1, 0, 1, 1], dtype=np.int64)
IMAGES = np.arange(5 * 3 * 2 * 2, dtype=np.uint8).reshape(5, 3, 2, 2)
FULL = {"full": Split("all")}


def json_at(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    place = tmp_path / "pets"
    place.mkdir()
    contents = ImageSet(IMAGES, LABELS, IMAGES[:2], LABELS[:2], ("cat", "dog"), "none", ("numpy",), "recompressed")
    write_dataset(contents, Dataset("pets", "folder", splits=FULL | {"last1": Split("last", per_class=1)}), place)
    return place


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    place = tmp_path / "toy"
    place.mkdir()
    modes = ((0.6, 0.6), (-0.6, -0.6))
    write_dataset(
        draw_points(modes, 0.15, 3, 0), Dataset("toy", "toy", "", 0, 0, 0, modes, 0.15, 3, splits=FULL), place
    )
    return place


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits, written twice."""
    root = tmp_path_factory.mktemp("digits")
    options = Dataset("digits", "digits", splits=FULL | {"last50": Split("last", per_class=50)})
    for name in ("first", "second"):
        (root / name).mkdir()
        write_dataset(read_digits(), options, root / name)
    return root


def test_two_runs_give_the_same_bytes_whose_hashes_the_manifest_has(digits: Path) -> None:
    first, second = (
        {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}
        for place in (digits / "first", digits / "second")
    )
    assert first == second and len(first) == 7
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in first.items() if name != "manifest.json"}
    assert json.loads(first["manifest.json"])["files"] == hashes


def test_the_manifest_says_what_the_data_are(digits: Path) -> None:
    manifest, labels = json_at(digits / "first/manifest.json"), read_digits().train_labels.tolist()
    assert (manifest["name"], manifest["source"], manifest["canonical"]) == ("digits", "digits", True)
    assert "CC BY 4.0" in manifest["licence"] and set(manifest["libraries"]) == {"numpy", "scikit-learn"}
    assert manifest["counts"]["train"]["per_class"] == {str(digit): labels.count(digit) for digit in range(10)}
    assert manifest["counts"]["test"]["total"] == 500


def test_a_split_says_which_images_by_what_rule(digits: Path) -> None:
    split, labels = json_at(digits / "first/splits/last50.json"), read_digits().train_labels.tolist()
    assert (split["rule"], split["per_class"], split["n"]) == ("last", 50, 500)
    assert split["class_counts"] == {str(digit): 50 for digit in range(10)}
    for digit in range(10):
        of_class = [index for index in range(1297) if labels[index] == digit]
        assert [index for index in split["indices"] if labels[index] == digit] == of_class[-50:]
    assert split["sha256"] == hashlib.sha256(np.array(split["indices"], "<i8").tobytes()).hexdigest()


def test_images_come_back_as_they_were_and_a_split_as_indices(pets: Path) -> None:
    data = load_images(pets)
    np.testing.assert_array_equal(data.train_images, IMAGES)
    np.testing.assert_array_equal(data.test_labels, LABELS[:2])
    assert (data.train_images.dtype, data.train_labels.dtype) == (np.uint8, np.int64)
    assert (data.name, data.class_names) == ("pets", ("cat", "dog"))
    assert data.manifest == load_manifest(pets)
    assert (data.manifest["canonical"], data.manifest["reason"]) == (False, "recompressed")
    assert (load_split(pets, "full").tolist(), load_split(pets, "last1").tolist()) == ([0, 1, 2, 3, 4], [2, 4])


def test_points_come_back_with_their_density(toy: Path) -> None:
    data = load_toy(toy)
    assert data.points.shape == (6, 2) and data.labels.tolist() == [0, 0, 0, 1, 1, 1]
    density = {"means": data.means.tolist(), "standard_deviation": data.standard_deviation, "weights": [*data.weights]}
    assert density == {"means": [[0.6, 0.6], [-0.6, -0.6]], "standard_deviation": 0.15, "weights": [0.5, 0.5]}
    manifest = load_manifest(toy)
    assert manifest["density"] == density
    assert manifest["counts"] == {"train": {"total": 6, "per_class": {"mode 0": 3, "mode 1": 3}}}


def test_the_wrong_kind_of_data_is_one_sentence(pets: Path, toy: Path) -> None:
    for load, place, sentence in (
        (load_toy, pets, "pets is a data set of images"),
        (load_images, toy, "toy is a toy data set of points"),
        (load_prepared, pets / "pets", r"no prepared data set in .*pets: run `uv run .* replication.prepare pets`"),
    ):
        with pytest.raises(InputError, match=sentence):
            load(place)


def flipped(place: Path) -> None:
    content = bytearray(place.read_bytes())
    content[-1] ^= 1
    place.write_bytes(bytes(content))


def pickled(place: Path) -> None:
    """Even with its hash in the manifest: NumPy refuses objects, and nothing runs."""
    np.save(place, np.array([{}], dtype=object), allow_pickle=True)
    manifest = json_at(place.with_name("manifest.json"))
    manifest["files"][place.name] = hashlib.sha256(place.read_bytes()).hexdigest()
    place.with_name("manifest.json").write_text(json.dumps(manifest))


def written(content: str) -> Callable[[Path], object]:
    return lambda place: place.write_text(content)


def changed(**values: object) -> Callable[[Path], object]:
    return lambda place: place.write_text(json.dumps(json_at(place) | values))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *((f"{part}_{kind}.npy", flipped) for part in ("train", "test") for kind in ("images", "labels")),
        ("test_images.npy", Path.unlink),
        ("train_labels.npy", pickled),
        *(("manifest.json", written(content)) for content in ("", "{", "[]", "{}", '{"name": "pets"}')),
        *(("manifest.json", changed(counts=counts)) for counts in (None, [])),
        ("splits/last1.json", Path.unlink),
        ("splits/last1.json", changed(rule="first")),
    ],
)
def test_what_is_damaged_or_missing_stops(pets: Path, name: str, damage: Callable[[Path], object]) -> None:
    damage(pets / name)
    with pytest.raises(InputError, match=f"{Path(name).name} {AGAIN}"):
        load_prepared(pets) if "split" not in name else load_split(pets, "last1")


@pytest.mark.parametrize("name", ["most", "../manifest"])
def test_an_unknown_split_lists_the_known_ones(pets: Path, name: str) -> None:
    with pytest.raises(InputError, match="no split .*; known: full, last1"):
        load_split(pets, name)


def test_a_data_set_of_another_source_or_folder_is_not_the_one_that_is_prepared(pets: Path) -> None:
    options = Dataset("pets", "folder", splits=FULL)
    assert is_prepared(options, pets) and is_prepared(replace(options, root="data/raw/pets"), pets)
    for other in ({"root": "elsewhere"}, {"source": "digits"}):
        assert not is_prepared(replace(options, **other), pets), other
    (pets.with_name("digits")).mkdir()
    digits = Dataset("mine", "digits", splits=FULL)
    write_dataset(read_digits(), digits, pets.with_name("digits"))
    assert is_prepared(digits, pets.with_name("digits"))
    assert not is_prepared(replace(digits, source="folder"), pets.with_name("digits"))
