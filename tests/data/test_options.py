"""What `params.yaml` may say about a data set, and what splits and shapes follow; all else is one sentence."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from replication.config.datasets import OPTIONS, Dataset, Source, Split, class_count, sample_shape
from replication.config.strict import strict
from replication.data.sources import read_source
from replication.data.writing import class_counts, hash_indices, split_indices
from replication.foundation.errors import InputError
from tests.pictures import save_picture

FULL = {"full": {"rule": "all"}}
WHOLE = {"full": Split("all")}
TOY = {"source": "toy", "modes": [[0.0, 0.0]], "standard_deviation": 0.3, "points_per_mode": 4, "splits": FULL}


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ({"rule": "middle"}, r"\.rule: .*'all', 'first', 'last' or 'random'.*'middle'"),
        ({"rule": "last"}, ": rule last takes either n or per_class"),
        ({"rule": "last", "n": 3, "per_class": 1}, ": rule last takes either n or per_class"),
        ({"rule": "first", "n": -3}, r"\.n: .*-3"),
        ({"rule": "all", "n": 3}, ": rule all takes neither n nor per_class"),
        ({"rule": "last", "n": 3, "seed": 1}, ": rule last draws nothing, so it takes no seed"),
        ({"rule": "last", "n": 3, "balanced": True}, ": balanced is of rule random"),
        ({"rule": "random", "per_class": 3, "balanced": True}, ": balanced is of rule random"),
    ],
)
def test_splits_that_mean_nothing(split: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=rf"^here: splits\.mine{words}.*\.$"):
        strict(Dataset, {"name": "digits", "source": "digits", "splits": {"mine": split}}, "here")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "../mine", "source": "digits"}, r"name: .*'\.\./mine'"),
        ({"source": "cifar100"}, "source: .*'digits', 'toy', .*'cifar100'"),
        ({"source": "digits", "splits": {}}, "there are no splits"),
        ({"source": "digits", "image_size": 16}, "image_size has no effect on digits; accepted: none"),
        ({"source": "mnist", "limit": 5}, "limit has no effect on mnist; accepted: root"),
        *(({"source": "folder", "root": root}, "root .* is the current folder, or holds") for root in (".", "/", "..")),
        *(
            ({"source": "mnist", "root": root}, "root .* is blank or has signs")
            for root in (" ", "a\nb", "a\0", "\x9b")
        ),
        ({"source": "folder", "root": "outputs/data/mine"}, "root .* lies in outputs/"),
        ({"source": "lsun", "image_size": 8, "root": "data/../.git/x"}, r"root .* lies in \.git/"),
        ({"source": "folder", "channels": 4}, "channels: .*1 or 3.*4"),
        ({"source": "celeba"}, "celeba needs an image_size"),
        ({"source": "lsun", "image_size": -1}, "image_size: .*-1"),
        ({"source": "digits", "splits": {"../up": {"rule": "all"}}}, r"splits\.\.\./up.*'\.\./up'"),
        (TOY | {"modes": [[0.0]]}, r"modes\[0\]"),
        (TOY | {"modes": []}, "toy needs modes"),
        (TOY | {"standard_deviation": 0.0}, "toy needs standard_deviation"),
        (TOY | {"points_per_mode": 0}, "toy needs points_per_mode"),
        (TOY | {"judged_by": "digits"}, "judged_by is for images"),
        (TOY | {"planted": {"share": 0.5, "size": 3}}, "planted is for images"),
        (TOY | {"splits": {"a": {"rule": "first", "n": 2}}}, "a toy set has the split rule all only, but a is first"),
        ({"source": "digits", "planted": {"share": 1.0, "size": 3}}, r"planted\.share: .*1\.0"),
        ({"source": "digits", "planted": {"share": 0.5, "size": 4}}, r"planted\.size: .*multiple of 3.*4"),
        ({"source": "digits", "planted": {"share": 0.5, "size": 0}}, r"planted\.size: .*0"),
        ({"source": "digits", "planted": {"share": 0.5, "size": 3, "seed": -1}}, r"planted\.seed: .*-1"),
    ],
)
def test_data_sets_that_mean_nothing(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=f"^here: {words}.*\\.$"):
        strict(Dataset, {"name": "mine", "splits": FULL} | options, "here")


def test_raw_files_lie_under_the_name_unless_told_otherwise() -> None:
    assert Dataset("cifar10", "cifar10", splits=WHOLE).raw == Path("data/raw/cifar10")
    assert Dataset("mine", "folder", root="/photos", splits=WHOLE).raw == Path("/photos")


def test_raw_files_that_a_link_leads_to_are_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("scratch/data").mkdir(parents=True)
    Path("outputs").symlink_to("scratch")
    Path("data/raw").mkdir(parents=True)
    Path("data/raw/mine").symlink_to("../../outputs/data")
    for root in ("", "scratch/data", "outputs/data"):
        with pytest.raises(ValueError, match="lies in outputs/"):
            Dataset("mine", "folder", root, splits=WHOLE)


POINTS = Dataset("t", "toy", modes=((0.0, 1.0), (1.0, 0.0)), standard_deviation=0.1, points_per_mode=3, splits=WHOLE)


def test_toy_points_and_digits_are_as_they_are_read() -> None:
    options = Dataset("d", "digits", splits=WHOLE)
    points, digits = read_source(POINTS), read_source(options)
    assert points.arrays()["train_points"].shape[1:] == sample_shape(POINTS)
    assert digits.arrays()["train_images"].shape[1:] == sample_shape(options)
    assert len(digits.class_names) == class_count(options)


@pytest.mark.parametrize(("channels", "shape"), [(0, (3, 6, 6)), (1, (1, 6, 6))])
def test_a_folder_is_as_it_is_read(tmp_path: Path, channels: Any, shape: tuple[int, ...]) -> None:
    save_picture(tmp_path / "images/a.png", size=(7, 9))
    options = Dataset("f", "folder", root=str(tmp_path), image_size=6, channels=channels, splits=WHOLE)
    assert read_source(options).arrays()["train_images"].shape[1:] == sample_shape(options) == shape


@pytest.mark.parametrize(
    ("source", "image_size", "shape", "classes"),
    [("mnist", 0, (1, 28, 28), 10), ("cifar10", 0, (3, 32, 32), 10), ("svhn", 0, (3, 32, 32), 10),
     ("celeba", 64, (3, 64, 64), 1), ("lsun", 48, (3, 48, 48), 1)],
)  # fmt: skip
def test_data_sets_that_have_to_be_fetched(source: Any, image_size: int, shape: tuple[int, ...], classes: int) -> None:
    options = Dataset("x", source, image_size=image_size, splits=WHOLE)
    assert (sample_shape(options), class_count(options)) == (shape, classes)


def test_every_source_has_a_shape_or_says_why_not() -> None:
    assert set(get_args(Source)) == set(OPTIONS)
    for source in OPTIONS:
        size = 8 if "image_size" in OPTIONS[source] else 0
        assert sample_shape(POINTS if source == "toy" else Dataset("x", source, image_size=size, splits=WHOLE))
    with pytest.raises(InputError, match=r"^Data set photographs has no image_size.*: write an image_size, or name "):
        sample_shape(Dataset("photographs", "folder", splits=WHOLE))


NAMES = ("cat", "dog", "owl")
LABELS = np.random.default_rng(3).integers(0, 3, 90)


def naive(labels: np.ndarray, per_class: int, from_the_end: bool) -> list[int]:
    chosen: list[int] = []
    for index in reversed(range(len(labels))) if from_the_end else range(len(labels)):
        if sum(labels[index] == labels[other] for other in chosen) < per_class:
            chosen.append(index)
    return sorted(chosen)


@pytest.mark.parametrize(("rule", "from_the_end"), [("first", False), ("last", True)])
def test_first_and_last_per_class(rule: Any, from_the_end: bool) -> None:
    indices = split_indices(LABELS, NAMES, Split(rule, per_class=7))
    assert indices.tolist() == naive(LABELS, 7, from_the_end)
    assert indices.dtype == np.int64


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        (Split("all"), range(90)),
        (Split("first", n=4), (0, 1, 2, 3)),
        (Split("last", n=4), (86, 87, 88, 89)),
        (Split("random", n=20, seed=5), np.random.Generator(np.random.PCG64(5)).permutation(90)[:20]),
    ],
)
def test_splits_of_the_whole_set(split: Split, expected: Sequence[int]) -> None:
    assert split_indices(LABELS, NAMES, split).tolist() == list(expected)


@pytest.mark.parametrize("split", [Split("random", n=18, balanced=True, seed=1), Split("random", per_class=6, seed=1)])
def test_random_balanced_takes_as_many_of_each_class_in_mixed_order(split: Split) -> None:
    indices = split_indices(LABELS, NAMES, split)
    drawn = LABELS[indices].tolist()
    assert [drawn.count(label) for label in range(3)] == [6, 6, 6] and len(set(indices.tolist())) == 18
    assert drawn != sorted(drawn) and indices.tolist() != sorted(indices.tolist())


@pytest.mark.parametrize(
    ("split", "sentence"),
    [
        (Split("first", n=91), "asks for 91 images of the training set, which has only 90"),
        (Split("last", per_class=80), "asks for 80 images of class cat, which has only"),
        (Split("random", n=20, balanced=True), "20 images cannot be balanced over 3 classes"),
    ],
)
def test_more_than_there_is_is_one_sentence(split: Split, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        split_indices(LABELS, NAMES, split)


def test_hash_is_that_of_little_endian_64_bit_integers() -> None:
    expected = hashlib.sha256(b"".join(struct.pack("<q", index) for index in (4, 0, 70000))).hexdigest()
    assert hash_indices(np.array([4, 0, 70000], dtype=np.int32)) == expected
    assert hash_indices(np.array([0, 4, 70000])) != expected


def test_class_counts_name_empty_classes_too() -> None:
    assert class_counts(np.array([2, 0, 2]), NAMES) == {"cat": 1, "dog": 0, "owl": 2}
