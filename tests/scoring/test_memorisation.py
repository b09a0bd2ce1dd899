"""The rows of memorising: two steps of samples, and controls whose value is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from replication.config.protocols import Memorisation, ProtocolOptions
from replication.scoring.memorisation import held_out_images, measure, one_pass
from replication.table.measurements import to_table

OPTIONS = ProtocolOptions(memorisation=Memorisation(samples=50))


def test_rows_and_controls(small_cells: Any) -> None:
    cell = small_cells(OPTIONS, seeds="3-4", data=small_cells.data(300, 240))
    assert measure(cell) == {}
    table = to_table(cell.rows.collected)
    assert table.groupby("metric_variant")["n_samples"].unique().map(list).to_dict() == {
        "samples": [50],
        "held-out": [50],
        "memoriser": [50],
    }
    assert set(small_cells.values(cell, "memorisation_share", "memoriser").values()) == {1.0}
    fresh = small_cells.values(cell, "memorisation_share", "held-out")
    assert list(fresh.values()) == pytest.approx([0.5, 0.5], abs=0.25)
    assert len(set(fresh.values())) == 2  # each seed draws its own
    assert set(small_cells.values(cell, "memorisation_share", "samples")) == {
        (3, small_cells.last),
        (4, small_cells.last),
    }


def test_what_a_split_leaves_out_is_held_out(small_cells: Any) -> None:
    cell = small_cells(OPTIONS, data=small_cells.data(300, 20))
    assert held_out_images(cell.data, cell.chosen) is cell.data.test_images
    chosen = np.arange(0, 300, 2)
    left_out = held_out_images(cell.data, chosen)
    assert np.array_equal(left_out, cell.data.train_images[1::2])


def test_one_pass_by_schedule(small_cells: Any) -> None:
    """1280 images in batches of 20 are 64 minibatches: updates of D, or half as many where G's turn takes one too."""
    recipe, steps = replace(small_cells().recipe, batch=20), (0, 30, 65, 130, 320)
    assert one_pass(recipe, 1280, steps) == 65
    assert one_pass(replace(recipe, generator_minibatch="next"), 1280, steps) == 30
    assert one_pass(replace(recipe, inner_steps=2), 1280, steps) == 30
    assert one_pass(recipe, 100, steps) == 30  # never the untrained one
    balanced = replace(small_cells().recipe, schedule="simultaneous", batch=20)
    assert one_pass(balanced, 1280, steps) == 65
