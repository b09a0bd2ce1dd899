"""The share of classes in which two models lie as published: signs of differences of means, counted exactly."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pandas as pd
import pytest
from scipy.stats import binomtest

from replication.table.measurements import to_table
from replication.verdicts.verdict import judge
from tests import hand_made
from tests.hand_made import claim

REVERSED = ("2", "5")


def table_of(gains: list[float]) -> pd.DataFrame:
    """Three seeds of two recipes; `gains` are by how much the first lies above the second in each class, on average."""
    classes = [*enumerate(gains), ("all", -9.0)]
    rows = [
        replace(hand_made.ROW, recipe=recipe, seed=seed, class_=str(label), value=(seed - 1) * 0.01 + share * gain)
        for (recipe, share), seed, (label, gain) in product((("one", 1.0), ("other", 0.0)), range(3), classes)
    ]
    return to_table(rows)


@pytest.mark.parametrize(
    ("disagree", "word"),
    [((), "replicated"), ((3,), "replicated"), ((3, 2), "inconclusive"), (range(10), "not replicated")],
)
def test_signs_that_agree_are_counted(disagree: tuple[int, ...], word: str) -> None:
    gains = [0.2 * (-1) ** ((str(label) in REVERSED) + (label in disagree)) for label in range(10)]
    ordered = claim("order")
    assert ordered.evidence is not None
    sides = {side: {key: value for key, value in getattr(ordered.evidence, side).items() if key != "class"}
             for side in ("measured", "against")}  # fmt: skip
    evidence = replace(ordered.evidence, **sides, reversed_classes=REVERSED)
    verdict = judge(claim("bound", evidence=evidence, bound=0.5, replicate_unit="class"), table_of(gains))
    assert verdict.comparison is not None
    agree = 10 - len(disagree)
    assert sum(verdict.comparison.measured.values) == agree and verdict.comparison.measured.n == 10
    assert verdict.comparison.p_values["replicated"] == pytest.approx(binomtest(agree, 10, 0.5, "greater").pvalue)
    assert verdict.word == word
