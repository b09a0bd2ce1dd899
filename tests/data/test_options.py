"""What `params.yaml` may say about a data set: everything else is one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from replication.config.datasets import OPTIONS, Dataset, Source, Split
from replication.config.strict import strict
from replication.foundation.errors import InputError

FULL = {"full": {"rule": "all"}}
TOY = {"source": "toy", "modes": [[0.0, 0.0]], "standard_deviation": 0.3, "points_per_mode": 4, "splits": FULL}


def test_every_source_states_its_options() -> None:
    assert set(get_args(Source)) == set(OPTIONS)


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
        (
            TOY | {"splits": {"some": {"rule": "first", "n": 2}}},
            "a toy set has the split rule all only, but some is first",
        ),
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
    whole = {"full": Split("all")}
    assert Dataset("cifar10", "cifar10", splits=whole).raw == Path("data/raw/cifar10")
    assert Dataset("mine", "folder", root="/photos", splits=whole).raw == Path("/photos")
