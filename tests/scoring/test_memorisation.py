"""The rows of memorising and of the finder of near-duplicates, with controls whose value is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from replication.config.background import Autoencoder
from replication.config.near_duplicates import NearDuplicates
from replication.config.params import Cell
from replication.config.protocols import Memorisation, ProtocolOptions
from replication.experiments.near_duplicates import score_near_duplicates
from replication.scoring.memorisation import held_out_images, measure, one_pass
from replication.scoring.rows import Rows
from replication.table.measurements import to_table
from tests.scoring.small import LAST, small_cell, some_data, values

OPTIONS = ProtocolOptions(memorisation=Memorisation(samples=50))


def test_rows_and_controls() -> None:
    cell = small_cell(OPTIONS, seeds="3-4", data=some_data(300, 240))
    assert measure(cell) == {}
    table = to_table(cell.rows.collected)
    assert set(zip(table["metric_variant"], table["n_samples"], strict=True)) == {
        ("samples", 50), ("held-out", 50), ("memoriser", 50)}  # fmt: skip
    assert set(values(cell, "memorisation_share", "memoriser").values()) == {1.0}
    fresh = values(cell, "memorisation_share", "held-out")
    assert list(fresh.values()) == pytest.approx([0.5, 0.5], abs=0.25)
    assert len(set(fresh.values())) == 2  # each seed draws its own
    assert set(values(cell, "memorisation_share", "samples")) == {(3, LAST), (4, LAST)}


def test_what_a_split_leaves_out_is_held_out() -> None:
    data = some_data(300, 20)
    assert held_out_images(data, np.arange(300)) is data.test_images
    assert np.array_equal(held_out_images(data, np.arange(0, 300, 2)), data.train_images[1::2])


def test_one_pass_by_schedule() -> None:
    """1280 images in batches of 20 are 64 minibatches: updates of D, or half as many where G's turn takes one too."""
    recipe, steps = small_cell().recipe, (0, 30, 65, 130, 320)
    assert recipe.batch == 20 and one_pass(recipe, 1280, steps) == 65
    assert one_pass(replace(recipe, generator_minibatch="next"), 1280, steps) == 30
    assert one_pass(replace(recipe, inner_steps=2), 1280, steps) == 30
    assert one_pass(recipe, 100, steps) == 30  # never the untrained one
    assert one_pass(replace(recipe, schedule="simultaneous"), 1280, steps) == 65


def test_rows_of_both_finders_of_near_duplicates_at_both_steps() -> None:
    options = NearDuplicates(Autoencoder(8, 20, 16, 0.01), 0.1, 0.8, 4, {"brightness": 0.01, "shift": 1.0})
    rows = Rows("cpu", Cell("dcgan2015", "autoencoder", "near-duplicates", "rows", "full", "paper", "0-2"), 50, {})
    score_near_duplicates(rows, some_data(60, 6), np.arange(50), options, 2)
    table = to_table(rows.collected)
    assert set(zip(table["metric_variant"], table["step"], strict=True)) == {
        (f"{name}{kind}", step)
        for name, step in (("codes", 0), ("codes", 20), ("pixels", 20))
        for kind in ("", " brightness", " shift")
    }
    recall = table.loc[table["metric"] == "duplicate_recall"]
    same = recall.loc[recall["metric_variant"].isin(["codes brightness", "pixels brightness"])]
    assert set(same["value"]) == {1.0} and set(same["n_samples"]) == {4}  # brightness by nothing is a copy
    assert recall.loc[recall["metric_variant"] == "codes", "n_samples"].max() == 8 and set(table["seed"]) == {0, 1, 2}
