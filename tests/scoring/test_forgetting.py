"""The rows and sheets of guided backpropagation and of forgetting, on filters and objects that are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from pytest import MonkeyPatch

from replication.config.protocols import Filters, Forgetting, ProtocolOptions
from replication.data.planted import plant_object
from replication.data.reading import PreparedImages
from replication.scoring import filters, forgetting
from replication.scoring.forgetting import Detector, detector_of, measure
from replication.table.measurements import to_table
from tests.scoring.small import LAST, small_cell, some_data, values

OPTIONS = ProtocolOptions(filters=Filters(filters=2, images=40), forgetting=Forgetting(samples=40, boxes=10, draws=2))


def test_rows_and_sheet_of_filters() -> None:
    cell = small_cell(OPTIONS, seeds="3-4")
    sheet = filters.measure(cell)["filters"]
    assert sheet.shape == (2, 16, 1, 8, 8) and sheet.dtype == np.uint8
    table = to_table(cell.rows.collected)
    assert set(table["metric_variant"]) == {"all", "first", "permuted-labels"} and set(table["n_samples"]) == {2}
    first = values(cell, "filter_selectivity", "all")
    assert set(first) == {(3, 0), (3, LAST), (4, 0), (4, LAST)}
    assert first[3, 0] == first[3, LAST] and np.array_equal(sheet[:, :8], sheet[:, 8:])  # equal weights


def test_filters_that_know_a_class_are_selective() -> None:
    """Classes differ in brightness: of the two images looked at, a filter of brightness finds the last class alone,
    and a filter of nothing takes the first two images, which are of two classes."""
    data, kernel = some_data(), torch.zeros(1, 2, 1, 3, 3)
    level = np.array([0, 100, 200], np.uint8)
    data = replace(data, test_images=np.broadcast_to(level[data.test_labels, None, None, None], (60, 1, 8, 8)).copy())
    cell = small_cell(OPTIONS, seeds="0", data=data, discriminator=[[2, 1]])
    cell.trained.states[0]["discriminator.blocks.0.0.weight"] = kernel
    cell.trained.states[LAST]["discriminator.blocks.0.0.weight"] = kernel + 1
    filters.measure(cell)
    assert values(cell, "filter_selectivity", "all") == {(0, 0): 0.5, (0, LAST): 1.0}


@pytest.fixture
def planted_data() -> PreparedImages:
    """With an object of 3 pixels in half of the images."""
    data = some_data()
    train, train_places = plant_object(data.train_images, 0.5, 3, 0, "train")
    test, test_places = plant_object(data.test_images, 0.5, 3, 0, "test")
    manifest = {"options": {"planted": {"share": 0.5, "size": 3, "seed": 0}}}
    places = {"train_places": train_places, "test_places": test_places, "manifest": manifest}
    return replace(data, train_images=train, test_images=test, **places)


def test_rows_where_the_object_is_seen_everywhere(planted_data: PreparedImages, monkeypatch: MonkeyPatch) -> None:
    """A detector that takes anything for the object: maps are dropped, and every sample still shows it."""
    monkeypatch.setattr(forgetting, "detector_of", lambda cell: Detector(3, -2.0, 0.75, 60))
    cell = small_cell(OPTIONS, seeds="3-4", data=planted_data)
    sheet = measure(cell)["forgetting"]
    assert sheet.shape == (3, 12, 1, 8, 8) and sheet.dtype == np.uint8
    assert not np.array_equal(sheet[0], sheet[1]) and not np.array_equal(sheet[1], sheet[2])
    table = to_table(cell.rows.collected)
    assert set(table["step"]) == {LAST} and set(table["seed"]) == {3, 4}
    for variant in ("whole", "dropped", "random-maps"):
        assert set(values(cell, "object_frequency", variant).values()) == {1.0}
    assert set(values(cell, "detector_accuracy", "").values()) == {0.75}
    share = values(cell, "dropped_maps", "")[3, LAST]
    assert 0 < share < 1 and share * 6 == round(share * 6)  # of the six second-highest maps
    for metric in ("rest_unchanged", "change_outside"):
        assert all(0 < values(cell, metric, name)[3, LAST] <= 1 for name in ("dropped", "random-maps"))


def test_an_object_that_is_never_seen_drops_nothing(planted_data: PreparedImages, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "detector_of", lambda cell: Detector(3, 2.0, 0.5, 60))
    cell = small_cell(OPTIONS, data=planted_data, diverged={1: 2})
    sheet = measure(cell)["forgetting"]
    assert np.array_equal(sheet[0], sheet[1]) and np.array_equal(sheet[0], sheet[2])
    rest = values(cell, "rest_unchanged", "dropped")
    assert rest[0, LAST] == 1.0 and np.isnan(rest[1, LAST])
    assert values(cell, "object_frequency", "whole")[0, LAST] == values(cell, "dropped_maps", "")[0, LAST] == 0.0


def test_the_detector_is_set_on_training_images(planted_data: PreparedImages) -> None:
    detector = detector_of(small_cell(OPTIONS, data=planted_data))
    assert detector.accuracy == 1.0 and detector.n_test == 60  # the object has more contrast than the noise
    assert planted_data.test_places is not None
    assert np.array_equal(detector(planted_data.test_images)[0], planted_data.test_places[:, 0] >= 0)
