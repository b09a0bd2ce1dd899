"""Sample shapes from options alone, against what the sources read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from replication.config.datasets import OPTIONS, Dataset, Split, class_count, sample_shape
from replication.data.sources import read_source
from replication.foundation.errors import InputError

FULL = {"full": Split("all")}
TOY = Dataset("t", "toy", modes=((0.0, 1.0), (1.0, 0.0)), standard_deviation=0.1, points_per_mode=3, splits=FULL)


def test_toy_points_and_digits_are_as_they_are_read() -> None:
    points, digits = read_source(TOY), read_source(Dataset("d", "digits", splits=FULL))
    assert points.arrays()["train_points"].shape[1:] == sample_shape(TOY)
    assert digits.arrays()["train_images"].shape[1:] == sample_shape(Dataset("d", "digits", splits=FULL))
    assert len(digits.class_names) == class_count(Dataset("d", "digits", splits=FULL))


@pytest.mark.parametrize(("channels", "shape"), [(0, (3, 6, 6)), (1, (1, 6, 6))])
def test_a_folder_is_as_it_is_read(tmp_path: Path, channels: Any, shape: tuple[int, ...]) -> None:
    (tmp_path / "images").mkdir()
    Image.fromarray(np.zeros((9, 7, 3), np.uint8)).save(tmp_path / "images" / "one.png")
    options = Dataset("f", "folder", root=str(tmp_path), image_size=6, channels=channels, splits=FULL)
    assert read_source(options).arrays()["train_images"].shape[1:] == sample_shape(options) == shape


@pytest.mark.parametrize(
    ("source", "image_size", "shape", "classes"),
    [
        ("mnist", 0, (1, 28, 28), 10),
        ("cifar10", 0, (3, 32, 32), 10),
        ("svhn", 0, (3, 32, 32), 10),
        ("celeba", 64, (3, 64, 64), 1),
        ("lsun", 48, (3, 48, 48), 1),
    ],
)
def test_data_sets_that_have_to_be_fetched(source: Any, image_size: int, shape: tuple[int, ...], classes: int) -> None:
    options = Dataset("x", source, image_size=image_size, splits=FULL)
    assert (sample_shape(options), class_count(options)) == (shape, classes)


def test_every_source_has_a_shape_or_says_why_not() -> None:
    for source in OPTIONS:
        size = 8 if "image_size" in OPTIONS[source] else 0
        assert sample_shape(TOY if source == "toy" else Dataset("x", source, image_size=size, splits=FULL))
    with pytest.raises(InputError, match=r"^Data set photographs has no image_size.*: write an image_size, or name "):
        sample_shape(Dataset("photographs", "folder", splits=FULL))
