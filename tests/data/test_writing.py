"""A prepared data set on disk, audited the way a reviewer would."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from replication.config.datasets import Dataset, Split
from replication.data.contents import ImageSet
from replication.data.embedded import draw_points, read_digits
from replication.data.writing import write_dataset

DIGITS = Dataset("digits", "digits", splits={"full": Split("all"), "last50": Split("last", per_class=50)})


def written(place: Path, options: Dataset = DIGITS) -> Path:
    place.mkdir()
    write_dataset(read_digits(), options, place)
    return place


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = written(tmp_path / "a"), written(tmp_path / "b")
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(files) == 7
    assert files == sorted(path.relative_to(second) for path in second.rglob("*") if path.is_file())
    assert all((first / file).read_bytes() == (second / file).read_bytes() for file in files)


def test_the_manifest_hashes_every_other_file(tmp_path: Path) -> None:
    place = written(tmp_path / "a")
    manifest = json.loads((place / "manifest.json").read_text())
    expected = {
        path.relative_to(place).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in place.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert manifest["files"] == expected


def test_the_manifest_says_what_the_data_are(tmp_path: Path) -> None:
    manifest = json.loads((written(tmp_path / "a") / "manifest.json").read_text())
    assert (manifest["name"], manifest["source"], manifest["canonical"]) == ("digits", "digits", True)
    assert "CC BY 4.0" in manifest["licence"]
    labels = read_digits().train_labels.tolist()
    assert manifest["counts"]["train"]["per_class"] == {str(digit): labels.count(digit) for digit in range(10)}
    assert manifest["counts"]["test"]["total"] == 500
    assert set(manifest["libraries"]) == {"numpy", "scikit-learn"}


def test_a_split_says_which_images_by_what_rule(tmp_path: Path) -> None:
    split = json.loads((written(tmp_path / "a") / "splits" / "last50.json").read_text())
    assert (split["rule"], split["per_class"], split["n"]) == ("last", 50, 500)
    assert split["class_counts"] == {str(digit): 50 for digit in range(10)}
    labels = read_digits().train_labels.tolist()
    for digit in range(10):
        own = [index for index in range(1297) if labels[index] == digit]
        assert [index for index in split["indices"] if labels[index] == digit] == own[-50:]
    assert split["sha256"] == hashlib.sha256(np.array(split["indices"], "<i8").tobytes()).hexdigest()


def test_points_are_written_with_their_density(tmp_path: Path) -> None:
    options = Dataset("toy", "toy", "", 0, 0, 0, ((1.0, 0.0),), 0.3, 5, splits={"full": Split("all")})
    write_dataset(draw_points(options.modes, 0.3, 5, 0), options, tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["density"] == {"means": [[1.0, 0.0]], "standard_deviation": 0.3, "weights": [1.0]}
    assert manifest["counts"] == {"train": {"total": 5, "per_class": {"mode 0": 5}}}
    assert np.load(tmp_path / "train_points.npy", allow_pickle=False).shape == (5, 2)


def test_a_set_that_is_not_canonical_says_why(tmp_path: Path) -> None:
    empty, none = np.zeros((0, 1, 2, 2), np.uint8), np.zeros(0, np.int64)
    contents = ImageSet(empty, none, empty, none, ("a",), "none", ("numpy",), not_canonical="recompressed")
    write_dataset(contents, Dataset("mine", "folder", splits={"full": Split("all")}), tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["canonical"], manifest["reason"]) == (False, "recompressed")
