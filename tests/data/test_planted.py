"""Planted objects where they are said to be, from options to what a stage reads, and a detector against loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from replication.config.datasets import Dataset, Planted, Split
from replication.config.strict import strict
from replication.data import planted as planting
from replication.data.planted import balanced_accuracy, best_threshold, object_scores, pattern, plant_object
from replication.data.reading import load_images
from replication.data.sources import read_source
from replication.foundation.errors import InputError
from replication.prepare import prepare


def some_images(count: int, channels: int = 1, side: int = 8) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 200, (count, channels, side, side)).astype(np.uint8)


def test_the_pattern_is_a_saltire_of_blocks() -> None:
    saltire = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]])
    assert np.array_equal(pattern(3), saltire) and np.array_equal(pattern(6), saltire.repeat(2, 0).repeat(2, 1))


def test_objects_are_where_the_places_say_and_nowhere_else() -> None:
    images = some_images(200, channels=3)
    painted, places = plant_object(images, 0.5, 3, seed=1, purpose="train")
    assert (places[:, 0] >= 0).sum() == 100 and ((places >= 0).all(1) | (places == -1).all(1)).all()
    for image, before, (top, left) in zip(painted, images, places, strict=True):
        expected = before.copy()
        if top >= 0:
            for row, column in np.ndindex(3, 3):
                expected[:, top + row, left + column] = 255 if (row + column) % 2 == 0 else 0
        assert np.array_equal(image, expected)
    assert set(places[places[:, 0] >= 0].reshape(-1).tolist()) == set(range(6))  # every place occurs
    assert not np.array_equal(places, plant_object(images, 0.5, 3, seed=1, purpose="test")[1])


def test_scores_are_correlations_of_a_loop() -> None:
    images = some_images(6, channels=3)
    template = pattern(3) - pattern(3).mean()
    contrast = np.sqrt((template**2).sum())
    scores, places = object_scores(images, 3)
    for image, score, place in zip(images.mean(axis=1) / 255, scores, places, strict=True):
        correlations = {}
        for top, left in np.ndindex(6, 6):
            patch = image[top : top + 3, left : left + 3]
            spread = np.sqrt(((patch - patch.mean()) ** 2).sum())
            least = planting.LEAST_CONTRAST * contrast
            correlations[top, left] = (template * patch).sum() / contrast / max(spread, least)
        assert score == pytest.approx(max(correlations.values()))
        assert correlations[tuple(place)] == pytest.approx(score)


def test_the_object_scores_one_where_it_is_and_its_ghost_less() -> None:
    painted, places = plant_object(some_images(20) // 4, 0.9, 3, seed=0, purpose="train")
    scores, seen = object_scores(painted, 3)
    present = places[:, 0] >= 0
    assert scores[present] == pytest.approx(np.ones(18)) and np.array_equal(seen[present], places[present])
    faint = np.zeros((1, 1, 8, 8), np.uint8)
    faint[0, 0, 2:5, 2:5] = 51 * pattern(3)  # a fifth of the contrast, over the least of a half
    assert object_scores(faint, 3)[0] == pytest.approx([0.4])


def test_the_threshold_is_the_best_of_all() -> None:
    stream = np.random.default_rng(4)
    present = stream.random(80) < 0.4
    scores = np.round(stream.normal(present * 1.0, 1.0), 1)  # with ties
    threshold = best_threshold(scores, present)
    candidates = [*(np.unique(scores) - 0.05), scores.max() + 1]
    expected = max(balanced_accuracy(scores >= candidate, present) for candidate in candidates)
    assert balanced_accuracy(scores >= threshold, present) == pytest.approx(expected)
    assert best_threshold(np.array([0.1, 0.8, 0.2, 0.6]), np.array([False, True, False, True])) == pytest.approx(0.4)
    few_absent = np.array([True, True, True, False])
    assert (balanced_accuracy(few_absent, few_absent), balanced_accuracy(np.ones(4, bool), few_absent)) == (1.0, 0.5)


def test_what_cannot_be_planted_or_told_is_refused() -> None:
    with pytest.raises(InputError, match="does not fit into images of 8×8"):
        plant_object(some_images(2), 0.5, 9, 0, "train")
    for present in (np.ones(3, bool), np.zeros(3, bool)):
        with pytest.raises(InputError, match="with and without it"):
            best_threshold(np.arange(3.0), present)


WHOLE = {"full": Split("all")}


def test_a_prepared_set_holds_the_objects_and_their_places(tmp_path: Path) -> None:
    options = {"name": "digits-planted", "source": "digits", "planted": {"share": 0.5, "size": 3, "seed": 1}}
    planted = strict(Dataset, options | {"splits": {"full": {"rule": "all"}}}, "params.yaml")
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
    prepare(Dataset("digits", "digits", splits=WHOLE), tmp_path / "other")  # another set says nothing of it
    data = load_images(tmp_path / "other")
    assert data.train_places is None and "planted" not in data.manifest["options"]
    assert not (tmp_path / "other" / "train_places.npy").exists()
