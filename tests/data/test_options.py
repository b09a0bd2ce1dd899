"""What `params.yaml` may say about a data set: everything else is one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from replication.config.datasets import OPTIONS, Dataset, Split
from replication.data.sources import SOURCES
from replication.foundation.errors import InputError

FULL = {"full": Split("all")}
TOY: dict[str, Any] = {
    "source": "toy",
    "modes": ((0.0, 0.0),),
    "standard_deviation": 0.3,
    "points_per_mode": 4,
    "splits": FULL,
}


def test_every_source_states_its_options() -> None:
    assert set(SOURCES) == set(OPTIONS)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rule": "middle"}, "rule is 'middle'; accepted: all, first, last, random"),
        ({"rule": "last"}, "takes either n or per_class, at least 1, and not both"),
        ({"rule": "last", "n": 3, "per_class": 1}, "takes either n or per_class, at least 1, and not both"),
        ({"rule": "first", "n": -3}, "are at least 0"),
        ({"rule": "all", "n": 3}, "rule all takes neither n nor per_class"),
        ({"rule": "last", "n": 3, "seed": 1}, "draws nothing, so it takes no seed"),
        ({"rule": "last", "n": 3, "balanced": True}, "Only a split by rule random with n can be balanced"),
        ({"rule": "random", "per_class": 3, "balanced": True}, "Only a split by rule random with n can be balanced"),
    ],
)
def test_splits_that_mean_nothing(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Split(**options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"source": "cifar100"}, "source 'cifar100'; accepted: digits, toy, mnist"),
        ({"source": "digits", "splits": {}}, "has no splits"),
        ({"source": "digits", "image_size": 16}, "image_size has no effect on digits; accepted: none"),
        ({"source": "mnist", "limit": 5}, "limit has no effect on mnist; accepted: root"),
        ({"source": "folder", "channels": 4}, "channels is 4; accepted: 1, 3"),
        ({"source": "celeba"}, "celeba needs an image_size"),
        ({"source": "lsun", "image_size": -1}, "at least 0"),
        ({"source": "digits", "splits": {"../up": Split("all")}}, "split name '../up' names files"),
        (TOY | {"modes": ((0.0,),)}, "modes is a list of points"),
        (TOY | {"standard_deviation": 0.0}, "standard_deviation is above 0"),
        (TOY | {"splits": {"some": Split("first", n=2)}}, "a toy set has the split rule all only, but some is first"),
    ],
)
def test_data_sets_that_mean_nothing(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Dataset(**{"name": "mine", "splits": FULL} | options)


def test_names_cannot_leave_their_folder() -> None:
    with pytest.raises(InputError, match="data set name '../mine' names files"):
        Dataset("../mine", "digits", splits=FULL)


def test_raw_files_lie_under_the_name_unless_told_otherwise() -> None:
    assert Dataset("cifar10", "cifar10", splits=FULL).raw == Path("data/raw/cifar10")
    assert Dataset("mine", "folder", root="/photos", splits=FULL).raw == Path("/photos")
