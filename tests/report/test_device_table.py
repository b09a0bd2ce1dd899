"""Cells on two devices stand side by side, with scipy's interval of their difference."""

from __future__ import annotations

from math import nan

import numpy as np
import pytest
from scipy.stats import ttest_ind

from replication.report.score_tables import device_tables
from replication.table.measurements import Measurement, to_table

CPU, GPU = np.random.default_rng(0).normal((0.9, 0.8), (0.01, 0.03), (12, 2)).T


def row(device: str, seed: int, value: float, step: int = 100, metric: str = "judge_accuracy") -> Measurement:
    names = {"profile": "paper", "paper": "dcgan2015", "model": "dcgan", "recipe": "digits", "variant": "code"}
    where = {"dataset": "digits", "split": "full", "n_train": 9, "device": device}
    return Measurement(**names, **where, seed=seed, step=step, metric=metric, value=value, n_samples=10)


def rows(cpu: np.ndarray, gpu: np.ndarray) -> list[Measurement]:
    """At the last step, and others before it."""
    sides = [(device, *pair) for device, side in (("cpu", cpu), ("cuda", gpu)) for pair in enumerate(side)]
    return [row(*side) for side in sides] + [row(*side[:2], 0.1, 50) for side in sides]


def test_the_difference_of_two_devices_has_the_interval_of_scipy() -> None:
    (grid,) = device_tables(to_table(rows(CPU, GPU)))
    ((name, score, cpu, gpu, difference),) = grid.rows
    assert name == "dcgan digits (code), digits full" and score.startswith("judge accuracy")
    assert cpu == f"{CPU.mean():.4f} ± {CPU.std(ddof=1):.4f} (12)"
    assert gpu == f"{GPU.mean():.3f} ± {GPU.std(ddof=1):.3f} (12)"
    low, high = ttest_ind(GPU, CPU, equal_var=False).confidence_interval(0.9)
    assert difference == f"{GPU.mean() - CPU.mean():.3f} [{low:.3f}, {high:.3f}]".replace("-", "−")


@pytest.mark.parametrize("gpu", [GPU[:1], np.array([*GPU[:-1], nan])], ids=["one seed", "one diverged"])
def test_without_two_finite_seeds_a_side_there_is_no_interval(gpu: np.ndarray) -> None:
    (grid,) = device_tables(to_table(rows(CPU, gpu)))
    assert grid.rows[0][-1] == "–"


def test_a_cell_on_one_device_has_no_line() -> None:
    other = row("cuda", 0, 1.0, metric="duplicate_rate")
    assert device_tables(to_table(rows(CPU, GPU[:0]))) == () == device_tables(to_table([*rows(CPU, GPU[:0]), other]))
