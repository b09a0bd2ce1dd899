"""The rows and the sheet of guided backpropagation, on filters whose class is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from replication.config.protocols import Filters, ProtocolOptions
from replication.scoring.filters import measure
from replication.table.measurements import to_table

OPTIONS = ProtocolOptions(filters=Filters(filters=2, images=40))


def test_rows_and_sheet(small_cells: Any) -> None:
    cell = small_cells(OPTIONS, seeds="3-4")
    sheet = measure(cell)["filters"]
    assert sheet.shape == (2, 16, 1, 8, 8) and sheet.dtype == np.uint8
    table = to_table(cell.rows.collected)
    assert set(table["metric_variant"]) == {"all", "first", "permuted-labels"} and set(table["n_samples"]) == {2}
    first = small_cells.values(cell, "filter_selectivity", "all")
    assert set(first) == {(3, 0), (3, small_cells.last), (4, 0), (4, small_cells.last)}
    assert first[3, 0] == first[3, small_cells.last] and np.array_equal(sheet[:, :8], sheet[:, 8:])  # equal weights


def test_filters_that_know_a_class_are_selective(small_cells: Any) -> None:
    """Classes differ in brightness: of the two images looked at, a filter of brightness finds the last class alone,
    and a filter of nothing takes the first two images, which are of two classes."""
    data, kernel = small_cells.data(), torch.zeros(1, 2, 1, 3, 3)
    level = np.array([0, 100, 200], np.uint8)
    data = replace(data, test_images=np.broadcast_to(level[data.test_labels, None, None, None], (60, 1, 8, 8)).copy())
    cell = small_cells(OPTIONS, seeds="0", data=data, discriminator=[[2, 1]])
    cell.trained.states[0]["discriminator.blocks.0.0.weight"] = kernel
    cell.trained.states[small_cells.last]["discriminator.blocks.0.0.weight"] = kernel + 1
    measure(cell)
    assert small_cells.values(cell, "filter_selectivity", "all") == {(0, 0): 0.5, (0, small_cells.last): 1.0}
