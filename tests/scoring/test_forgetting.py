"""The rows and the sheet of forgetting, on data with a planted object and generators that never saw it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from replication.config.protocols import Forgetting, ProtocolOptions
from replication.data.planted import plant_object
from replication.data.reading import PreparedImages
from replication.scoring import forgetting
from replication.scoring.forgetting import Detector, detector_of, measure
from replication.table.measurements import to_table

OPTIONS = ProtocolOptions(forgetting=Forgetting(samples=40, boxes=10, draws=2))


def planted(data: PreparedImages) -> PreparedImages:
    """The same data with an object of 3 pixels in half of the images."""
    train, train_places = plant_object(data.train_images, 0.5, 3, 0, "train")
    test, test_places = plant_object(data.test_images, 0.5, 3, 0, "test")
    manifest = {"options": {"planted": {"share": 0.5, "size": 3, "seed": 0}}}
    places = {"train_places": train_places, "test_places": test_places, "manifest": manifest}
    return replace(data, train_images=train, test_images=test, **places)


def test_rows_where_the_object_is_seen_everywhere(small_cells: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector that takes anything for the object: maps are dropped, and every sample still shows it."""
    monkeypatch.setattr(forgetting, "detector_of", lambda cell: Detector(3, -2.0, 0.75, 60))
    cell = small_cells(OPTIONS, seeds="3-4", data=planted(small_cells.data()))
    sheet = measure(cell)["forgetting"]
    assert sheet.shape == (3, 12, 1, 8, 8) and sheet.dtype == np.uint8
    assert not np.array_equal(sheet[0], sheet[1]) and not np.array_equal(sheet[1], sheet[2])
    table = to_table(cell.rows.collected)
    assert set(table["step"]) == {small_cells.last} and set(table["seed"]) == {3, 4}
    for variant in ("whole", "dropped", "random-maps"):
        assert set(small_cells.values(cell, "object_frequency", variant).values()) == {1.0}
    assert set(small_cells.values(cell, "detector_accuracy", "").values()) == {0.75}
    share = small_cells.values(cell, "dropped_maps", "")[3, small_cells.last]
    assert 0 < share < 1 and share * 6 == round(share * 6)  # of the six second-highest maps
    for metric in ("rest_unchanged", "change_outside"):
        found = [small_cells.values(cell, metric, name)[3, small_cells.last] for name in ("dropped", "random-maps")]
        assert all(0 < value <= 1 for value in found)


def test_where_the_object_is_never_seen_nothing_is_dropped(small_cells: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "detector_of", lambda cell: Detector(3, 2.0, 0.5, 60))
    cell = small_cells(OPTIONS, data=planted(small_cells.data()), diverged={1: 2})
    sheet = measure(cell)["forgetting"]
    assert np.array_equal(sheet[0], sheet[1]) and np.array_equal(sheet[0], sheet[2])
    rest = small_cells.values(cell, "rest_unchanged", "dropped")
    assert rest[0, small_cells.last] == 1.0 and np.isnan(rest[1, small_cells.last])
    assert small_cells.values(cell, "object_frequency", "whole")[0, small_cells.last] == 0.0
    assert small_cells.values(cell, "dropped_maps", "")[0, small_cells.last] == 0.0


def test_the_detector_is_set_on_training_images(small_cells: Any) -> None:
    data = planted(small_cells.data())
    detector = detector_of(small_cells(OPTIONS, data=data))
    assert detector.accuracy == 1.0 and detector.n_test == 60  # the object has more contrast than the noise
    assert data.test_places is not None
    assert np.array_equal(detector(data.test_images)[0], data.test_places[:, 0] >= 0)
