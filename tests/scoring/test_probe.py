"""The rows of the linear probe: those of a cell's discriminators, and of raw pixels as their control."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from replication.config.params import Probe
from replication.data.reading import PreparedImages
from replication.metrics.linear_probe import ProbeResult, discriminator_features, linear_probe
from replication.models.layers.convolutional import ConvolutionalDiscriminator
from replication.scoring.probe import probe_cell, workers
from replication.table.measurements import to_table
from tests.scoring.small import LAST, small_cell, some_data

PROBE = Probe((1e-4, 1e-3), 0.25, 2, (3, 2), 4)


def expected_of(train: torch.Tensor, test: torch.Tensor, data: PreparedImages, seed: int) -> ProbeResult:
    train_labels, test_labels = torch.from_numpy(data.train_labels), torch.from_numpy(data.test_labels)
    return linear_probe((train, train_labels), (test, test_labels), PROBE, (3, 2), seed=seed)


def values_of(result: ProbeResult) -> list[float | None]:
    """In the order of the rows."""
    limited = [value for each in result.limited.values() for value in (each.cost, *each.accuracies)]
    return [result.all_labels, result.cost, *limited]


def test_rows_are_the_probe_on_features() -> None:
    cell = small_cell(seeds="1-2")
    data = cell.data
    probe_cell(cell, PROBE, (0, LAST))
    to_table(cell.rows.collected)
    assert len(cell.rows.collected) == 2 * 2 * (2 + 2 * (1 + PROBE.limited_draws))
    discriminator = cell.networks(LAST, 1).discriminator
    assert isinstance(discriminator, ConvolutionalDiscriminator)
    train_images, test_images = torch.from_numpy(data.train_images), torch.from_numpy(data.test_images)
    train = discriminator_features(discriminator, train_images, train_images)
    test = discriminator_features(discriminator, test_images, train_images)
    rows = [row for row in cell.rows.collected if (row.seed, row.step) == (2, LAST)]
    assert [row.value for row in rows] == values_of(expected_of(train, test, data, 2))
    draws = [("probe_accuracy", draw, "label draw") for draw in range(4)]
    limited = [("probe_cost", 0, "training"), *draws]
    assert [(row.metric_variant, row.metric, row.replicate, row.replicate_kind) for row in rows] == [
        ("all-labels", "probe_accuracy", 0, "training"),
        ("all-labels", "probe_cost", 0, "training"),
        *(("3-per-class", *each) for each in limited),
        *(("2-per-class", *each) for each in limited),
    ]
    assert {row.n_samples for row in rows} == {60}


def test_a_discriminator_without_maps_is_not_probed() -> None:
    cell = small_cell(kind="dense", hidden=[4], nonlinearity="relu")
    probe_cell(cell, PROBE, (0, LAST))
    assert not cell.rows.collected


def test_features_probed_on_other_images_say_on_which() -> None:
    cell = small_cell(seeds="1", data=replace(some_data(), name="elsewhere"))
    probe_cell(cell, replace(PROBE, limited_labels_of={"elsewhere": (1,)}), (LAST,))
    assert {row.metric_variant for row in cell.rows.collected} == {"elsewhere all-labels", "elsewhere 1-per-class"}


def test_house_numbers_have_errors_too() -> None:
    cell = small_cell(seeds="1", data=replace(some_data(), name="svhn"))
    cell.rows.cell = replace(cell.rows.cell, dataset="svhn")
    probe_cell(cell, PROBE, (LAST,))
    draws = [row for row in cell.rows.collected if row.metric_variant == "3-per-class" and row.metric != "probe_cost"]
    accuracies = {row.replicate: row.value for row in draws if row.metric == "probe_accuracy"}
    assert {row.replicate: 1 - row.value for row in draws if row.metric == "test_error"} == pytest.approx(accuracies)
    assert len(accuracies) == PROBE.limited_draws


def test_many_images_are_probed_one_network_after_another() -> None:
    assert workers(1797 * 64, "cpu", 4) == (4, 1)
    assert workers(50_000 * 3072, "cpu", 4) == (1, 4)
    assert workers(1797 * 64, "cuda", 4) == (1, 1)


def test_statistics_are_taken_from_shuffled_images(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []

    def recorded(
        discriminator: ConvolutionalDiscriminator, images: torch.Tensor, calibration: torch.Tensor | None, threads: int
    ) -> torch.Tensor:
        seen.extend([] if calibration is None else [calibration])
        return discriminator_features(discriminator, images, calibration, threads)

    monkeypatch.setattr("replication.scoring.probe.discriminator_features", recorded)
    data = some_data()
    order = np.argsort(data.train_labels, kind="stable")  # as in a folder, class by class
    data = replace(data, train_images=data.train_images[order], train_labels=data.train_labels[order])
    probe_cell(small_cell(seeds="1", data=data), PROBE, (LAST,))
    (calibration,) = (images.flatten(1).numpy() for images in seen)
    places = [(data.train_images.reshape(60, -1) == image).all(axis=1).argmax() for image in calibration]
    assert sorted(places) == list(range(60)) and len(set(data.train_labels[places[:20]])) == 3
