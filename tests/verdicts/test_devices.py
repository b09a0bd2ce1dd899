"""Seeds measured on two devices: each counts once, and a claim may compare the devices."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from replication.foundation.errors import InputError
from replication.verdicts.verdict import judge, judge_all
from tests.hand_made import around, claim, evidence


def on(table: pd.DataFrame, device: str, precision: str = "float32") -> pd.DataFrame:
    return table.assign(device=device, precision=precision)


def test_the_profiles_own_device_is_what_a_claim_reads() -> None:
    cpu, cuda = around(0.2), on(around(0.9), "cuda", "tf32")
    both = pd.concat([cpu, cuda], ignore_index=True)
    for device, alone in (("cpu", cpu), ("cuda", cuda)):
        (found,) = judge_all([claim("bound")], both, device=device)
        (expected,) = judge_all([claim("bound")], alone, device=device)
        assert found == expected and found.comparison is not None and found.comparison.measured.n == 5
    with pytest.raises(InputError, match=r"counts a seed on each device \(cpu, cuda\): add device to"):
        judge(claim("bound"), both)


def test_seeds_of_the_other_device_fill_up() -> None:
    cpu, cuda = around(0.8), on(around(0.9), "cuda")
    cuda = cuda.loc[cuda["seed"] < 2]
    (found,) = judge_all([claim("bound")], pd.concat([cpu, cuda], ignore_index=True), device="cuda")
    assert found.comparison is not None and found.comparison.measured.ids == (0, 1, 2, 3, 4)
    values = found.comparison.measured.values
    assert values[:2] == tuple(cuda["value"]) and values[2:] == tuple(cpu.loc[cpu["seed"] >= 2, "value"])


def test_a_claim_that_names_devices_compares_them() -> None:
    both = pd.concat([around(0.8), on(around(0.8), "cuda")], ignore_index=True)
    cuda, cpu = ({**evidence().measured, "device": device} for device in ("cuda", "cpu"))
    compared = claim("order", evidence=replace(evidence(), measured=cuda, against=cpu, paired=True), margin=0.05)
    (found,) = judge_all([compared], both, device="cuda")
    assert found.comparison is not None and found.comparison.against is not None
    assert found.comparison.measured.values == found.comparison.against.values
