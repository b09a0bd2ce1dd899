"""The rows of the near-duplicate finder, on images that differ enough to be told apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from replication.config.experiments import Autoencoder, NearDuplicates
from replication.config.params import Cell
from replication.experiments.near_duplicates import score_near_duplicates
from replication.scoring.rows import Rows
from replication.table.measurements import to_table

OPTIONS = NearDuplicates(Autoencoder(8, 20, 16, 0.01), 0.1, 0.8, 4, {"brightness": 0.01, "shift": 1.0})


def test_rows_of_both_finders_at_both_steps(small_cells: Any) -> None:
    data = small_cells.data(60, 6)
    rows = Rows("cpu", Cell("dcgan2015", "autoencoder", "near-duplicates", "rows", "full", "paper", "0-2"), 50, {})
    score_near_duplicates(rows, data, np.arange(50), OPTIONS, 2)
    table: Any = to_table(rows.collected)
    assert set(zip(table["metric_variant"], table["step"], strict=True)) == {
        (f"{name}{kind}", step)
        for name, step in (("codes", 0), ("codes", 20), ("pixels", 20))
        for kind in ("", " brightness", " shift")
    }
    recall = table[table["metric"] == "duplicate_recall"]
    same = recall[recall["metric_variant"].isin(["codes brightness", "pixels brightness"])]
    assert set(same["value"]) == {1.0} and set(same["n_samples"]) == {4}  # brightness by nothing is a copy
    counts = recall.groupby("metric_variant")["n_samples"].max().to_dict()
    assert counts["codes"] == 8 and set(table["seed"]) == {0, 1, 2}
