"""Replicates that are seeds on two devices, which count once, and classes, whose signs are counted exactly."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pandas as pd
import pytest
from scipy.stats import binomtest

from replication.foundation.errors import InputError
from replication.table.measurements import to_table
from replication.verdicts.verdict import judge, judge_all
from tests import hand_made
from tests.hand_made import around, claim, evidence


def on(table: pd.DataFrame, device: str, precision: str = "float32") -> pd.DataFrame:
    return table.assign(device=device, precision=precision)


def test_the_profiles_own_device_is_what_a_claim_reads() -> None:
    cpu, cuda = around(0.2), on(around(0.9), "cuda", "tf32")
    both = pd.concat([cpu, cuda], ignore_index=True)
    for device, alone in (("cpu", cpu), ("cuda", cuda)):
        (verdict,) = judge_all([claim("bound")], both, device=device)
        (expected,) = judge_all([claim("bound")], alone, device=device)
        assert verdict == expected and verdict.comparison is not None and verdict.comparison.measured.n == 5
    with pytest.raises(InputError, match=r"counts a seed on each device \(cpu, cuda\): add device to"):
        judge(claim("bound"), both)


def test_seeds_of_the_other_device_fill_up() -> None:
    cpu, cuda = around(0.8), on(around(0.9), "cuda")
    cuda = cuda.loc[cuda["seed"] < 2]
    (verdict,) = judge_all([claim("bound")], pd.concat([cpu, cuda], ignore_index=True), device="cuda")
    assert verdict.comparison is not None and verdict.comparison.measured.ids == (0, 1, 2, 3, 4)
    values = verdict.comparison.measured.values
    assert values[:2] == tuple(cuda["value"]) and values[2:] == tuple(cpu.loc[cpu["seed"] >= 2, "value"])


def test_a_claim_that_names_devices_compares_them() -> None:
    both = pd.concat([around(0.8), on(around(0.8), "cuda")], ignore_index=True)
    cuda, cpu = ({**evidence().measured, "device": device} for device in ("cuda", "cpu"))
    compared = claim("order", evidence=replace(evidence(), measured=cuda, against=cpu, paired=True), margin=0.05)
    (verdict,) = judge_all([compared], both, device="cuda")
    assert verdict.comparison is not None and verdict.comparison.against is not None
    assert verdict.comparison.measured.values == verdict.comparison.against.values


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
    measured = {key: value for key, value in evidence().measured.items() if key != "class"}
    other = {**measured, "recipe": "other"}
    sides = replace(evidence(), measured=measured, against=other, reversed_classes=REVERSED)
    verdict = judge(claim("bound", evidence=sides, bound=0.5, replicate_unit="class"), table_of(gains))
    assert verdict.word == word and verdict.comparison is not None
    agree = 10 - len(disagree)
    assert sum(verdict.comparison.measured.values) == agree and verdict.comparison.measured.n == 10
    assert verdict.comparison.p_values["replicated"] == pytest.approx(binomtest(agree, 10, 0.5, "greater").pvalue)
