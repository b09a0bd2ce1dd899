"""Rows of a cell: names, losses averaged by hand, and what a diverged seed leaves behind."""

from __future__ import annotations

import numpy as np
import pytest

from replication.config.params import Cell
from replication.scoring.rows import Rows
from replication.table.measurements import to_table

CELL = Cell("gan2014", "gan", "toy-k1", "toy-bimodal", "full", "paper", "0-1", key="cpu-toy")


def some_rows(diverged: dict[int, int] | None = None) -> Rows:
    return Rows("cpu", CELL, 400, diverged or {})


def losses(rows: Rows, seed: int, metric: str) -> dict[int, tuple[float, int]]:
    return {row.step: (row.value, row.n_samples) for row in rows.collected if (row.seed, row.metric) == (seed, metric)}


def test_a_row_carries_the_cells_names_unless_given_others() -> None:
    rows = some_rows()
    rows.add(1, 5, "hit_rate", 0.5, 20, metric_variant="trained")
    rows.add(1, 5, "probe_accuracy", 0.9, 30, paper="dcgan2015", model="control", replicate=3)
    plain, control = to_table(rows.collected).to_dict("records")
    assert plain == {
        **{"profile": "cpu", "paper": "gan2014", "model": "gan", "recipe": "toy-k1", "variant": "paper"},
        **{"dataset": "toy-bimodal", "split": "full", "n_train": 400, "seed": 1, "step": 5, "class": "all"},
        **{"metric": "hit_rate", "metric_variant": "trained", "judge": "", "replicate": 0, "value": 0.5},
        **{"replicate_kind": "training", "device": "cpu", "precision": "float32", "n_samples": 20, "unit": "share"},
    }
    expected = {**plain, "paper": "dcgan2015", "model": "control", "replicate": 3}
    assert {key: control[key] for key in ("paper", "model", "recipe", "replicate")}.items() <= expected.items()


@pytest.mark.parametrize(("step", "lost"), [(0, False), (99, False), (100, True), (200, True)])
def test_a_diverged_seed_has_no_value_from_its_step_on(step: int, lost: bool) -> None:
    rows = some_rows({1: 100})
    rows.add(1, step, "success", 1.0, 10)
    rows.add(0, step, "success", 1.0, 10)
    assert np.isnan(rows.collected[0].value) == lost
    assert rows.collected[1].value == 1.0


def test_divergence_itself_is_never_missing_nor_forgotten_afterwards() -> None:
    rows = some_rows({1: 100})
    rows.add_divergence((0, 1), 200)
    assert [(row.seed, row.value) for row in rows.collected] == [(0, 0.0), (1, 1.0)]
    rows.add(1, 200, "success", 1.0, 10)
    assert np.isnan(rows.collected[-1].value) and rows.diverged == {1: 100}


def test_losses_are_averaged_over_windows() -> None:
    history = np.arange(40, dtype=np.float32).reshape(2, 10, 2)
    rows = some_rows()
    rows.add_losses(history, (0, 1), window=4, points=5, batch=8)
    # of seed 1 the generator's losses are 20, 22, …, 38
    assert losses(rows, 1, "generator_loss") == {8 * k: (17.0 + 4 * k, 2 * 4 * 8) for k in range(1, 6)}
    assert losses(rows, 0, "discriminator_loss") == {8 * k: (4.0 * k - 2, 2 * 4 * 8) for k in range(1, 6)}
    assert len(rows.collected) == 2 * 2 * 5


def test_every_window_counts_once_where_they_do_not_divide() -> None:
    history = np.random.default_rng(0).normal(size=(1, 7, 2)).astype(np.float32)
    rows = some_rows()
    rows.add_losses(history, (3,), window=2, points=3, batch=5)
    windows = losses(rows, 3, "generator_loss")
    assert {step: count for step, (_, count) in windows.items()} == {6: 30, 10: 20, 14: 20}
    total = sum(value * count for value, count in windows.values()) / (7 * 2 * 5)
    assert total == pytest.approx(history[0, :, 0].astype(np.float64).mean())
    short = some_rows()
    short.add_losses(np.ones((1, 2, 2), np.float32), (0,), window=10, points=25, batch=1)
    assert sorted(losses(short, 0, "generator_loss")) == [10, 20]  # a row a window


def test_losses_after_divergence_are_missing_and_those_before_are_not() -> None:
    history = np.ones((2, 4, 2), np.float32)
    history[1, 2:] = np.nan
    rows = some_rows({1: 25})
    rows.add_losses(history, (0, 1), window=10, points=4, batch=1)
    values = [value for value, _ in losses(rows, 1, "generator_loss").values()]
    assert np.isnan(values).tolist() == [False, False, True, True]
    assert [value for value, _ in losses(rows, 0, "generator_loss").values()] == [1.0] * 4
