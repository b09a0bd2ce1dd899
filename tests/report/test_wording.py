from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import pytest

from replication.report.wording import SHAPES, decimals_of, measured, minus_signs, seed_range, slug, value_in_words
from replication.table.grids import number
from replication.verdicts.evidence import Replicates


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0.123456, None, "0.123"),
        (-1.38629, None, "−1.39"),
        (320000.0, None, "320000"),
        (math.nan, None, "–"),
        (None, 2, "–"),
        (-0.00001, 2, "0.00"),
        (1.005, 1, "1.0"),
        (-2.5e-7, None, "−2.5e−07"),
    ],
)
def test_numbers(value: float | None, decimals: int | None, text: str) -> None:
    assert number(value, decimals) == text


@pytest.mark.parametrize(("spread", "decimals"), [(0.041, 3), (2.3, 1), (66.0, 0), (0.0, None), (math.nan, None)])
def test_decimals_show_two_digits_of_the_spread(spread: float, decimals: int | None) -> None:
    assert decimals_of(spread) == decimals


def side(**changed: Any) -> Replicates:
    given = {"metric": "hit_rate", "unit": "training", "n": 3, "mean": 0.6, "sd": 0.1, "diverged": 0}
    return Replicates(**{**{field.name: 0 for field in fields(Replicates)}, **given, **changed})


def test_a_mean_never_stands_without_n_or_without_the_diverged() -> None:
    assert measured(side()) == "0.60 ± 0.10 (n = 3)"
    assert measured(side(diverged=1)) == "0.60 ± 0.10 (n = 3, 1 diverged)"
    assert measured(side(sd=math.nan, n=1)) == "0.6 (n = 1)"


def test_every_verdict_has_a_shape_of_its_own() -> None:
    assert len({shape.symbol for shape in SHAPES.values()}) == len(SHAPES)
    assert len({(shape.marker, shape.filled) for shape in SHAPES.values()}) == len(SHAPES)


def test_small_words() -> None:
    assert slug("not replicated") == "not-replicated"
    assert seed_range([0, 1, 2, 3]) == "0–3" and seed_range([4]) == "4" and seed_range([0, 2]) == "0, 2"
    assert minus_signs("in [-0.1, 2] of one-2 x-1 at -5") == "in [−0.1, 2] of one-2 x-1 at −5"
    nested = {"hidden": [4, 8], "rate": 1e-3, "on": True, "none": None}
    assert value_in_words(nested) == "hidden [4, 8], rate 0.001, on yes, none –"
