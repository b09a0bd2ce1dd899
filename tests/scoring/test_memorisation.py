"""Protocols of memorising, filters and forgetting: rows and sheets, with controls whose value is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from pytest import MonkeyPatch

from replication.config.experiments import Autoencoder, NearDuplicates
from replication.config.params import Cell
from replication.config.protocols import Filters, Forgetting, Memorisation, ProtocolOptions
from replication.data.planted import plant_object
from replication.data.reading import PreparedImages
from replication.experiments.near_duplicates import score_near_duplicates
from replication.scoring import filters, forgetting
from replication.scoring.forgetting import Detector, detector_of
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


OF_MAPS = ProtocolOptions(filters=Filters(filters=2, images=40), forgetting=Forgetting(samples=40, boxes=10, draws=2))


def test_rows_and_sheet_of_filters() -> None:
    cell = small_cell(OF_MAPS, seeds="3-4")
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
    cell = small_cell(OF_MAPS, seeds="0", data=data, discriminator=[[2, 1]])
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
    cell = small_cell(OF_MAPS, seeds="3-4", data=planted_data)
    sheet = forgetting.measure(cell)["forgetting"]
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
    cell = small_cell(OF_MAPS, data=planted_data, diverged={1: 2})
    sheet = forgetting.measure(cell)["forgetting"]
    assert np.array_equal(sheet[0], sheet[1]) and np.array_equal(sheet[0], sheet[2])
    rest = values(cell, "rest_unchanged", "dropped")
    assert rest[0, LAST] == 1.0 and np.isnan(rest[1, LAST])
    assert values(cell, "object_frequency", "whole")[0, LAST] == values(cell, "dropped_maps", "")[0, LAST] == 0.0


def test_the_detector_is_set_on_training_images(planted_data: PreparedImages) -> None:
    detector = detector_of(small_cell(OF_MAPS, data=planted_data))
    assert detector.accuracy == 1.0 and detector.n_test == 60  # the object has more contrast than the noise
    assert planted_data.test_places is not None
    assert np.array_equal(detector(planted_data.test_images)[0], planted_data.test_places[:, 0] >= 0)
