"""A data set with a planted object, from its options to what a stage reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from replication.config.datasets import Dataset, Planted, Split
from replication.config.strict import strict
from replication.data.planted import pattern
from replication.data.reading import load_images
from replication.data.sources import read_source
from replication.foundation.errors import InputError
from replication.prepare import prepare

WHOLE = {"full": Split("all")}


def test_a_prepared_set_holds_the_objects_and_their_places(tmp_path: Path) -> None:
    planted = strict(
        Dataset,
        {"name": "digits-planted", "source": "digits", "planted": {"share": 0.5, "size": 3, "seed": 1},
         "splits": {"full": {"rule": "all"}}},
        "params.yaml",
    )  # fmt: skip
    for name in ("one", "other"):
        prepare(planted, tmp_path / name)
    data, plain = load_images(tmp_path / "one"), read_source(Dataset("digits", "digits", splits=WHOLE)).arrays()
    assert data.manifest["options"]["planted"] == {"share": 0.5, "size": 3, "seed": 1}
    assert data.manifest["canonical"] is False and "planted" in data.manifest["reason"]
    for part, images, places in (
        ("train", data.train_images, data.train_places),
        ("test", data.test_images, data.test_places),
    ):
        assert places is not None and (places[:, 0] >= 0).sum() == round(0.5 * len(images))
        bare = places[:, 0] < 0
        assert np.array_equal(images[bare], plain[f"{part}_images"][bare])
        index = int(np.flatnonzero(~bare)[7])
        top, left = places[index]
        assert np.array_equal(images[index, 0, top : top + 3, left : left + 3], 255 * pattern(3))
    for file in (tmp_path / "one").glob("*.npy"):
        assert file.read_bytes() == (tmp_path / "other" / file.name).read_bytes()


def test_places_that_differ_from_the_manifest_are_refused(tmp_path: Path) -> None:
    prepare(Dataset("digits-planted", "digits", planted=Planted(0.5, 3), splits=WHOLE), tmp_path / "set")
    (tmp_path / "set" / "test_places.npy").unlink()
    with pytest.raises(InputError, match="test_places.npy is missing"):
        load_images(tmp_path / "set")


def test_other_sets_say_nothing_of_it(tmp_path: Path) -> None:
    prepare(Dataset("digits", "digits", splits=WHOLE), tmp_path / "set")
    data = load_images(tmp_path / "set")
    assert data.train_places is None and "planted" not in data.manifest["options"]
    assert not (tmp_path / "set" / "train_places.npy").exists()
