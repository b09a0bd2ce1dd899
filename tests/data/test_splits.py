"""Splits against naive loops over the labels."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from replication.config.datasets import Split
from replication.data.splits import class_counts, hash_indices, split_indices
from replication.foundation.errors import InputError

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


def test_random_unbalanced_covers_every_image_equally_often() -> None:
    """Each of 90 images is in a draw of 30 with probability 1/3; 600 draws: SD of a share is 0.0192, 5 SD allowed."""
    hits = np.zeros(90)
    for seed in range(600):
        hits[split_indices(LABELS, NAMES, Split("random", n=30, seed=seed))] += 1
    assert np.abs(hits / 600 - 1 / 3).max() < 5 * np.sqrt(2 / 9 / 600)


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
