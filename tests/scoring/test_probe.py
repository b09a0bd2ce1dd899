"""The rows of the linear probe: those of a cell's discriminators, and of raw pixels as their control."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from replication.config.params import Cell, Probe, load_params
from replication.config.protocols import ProtocolOptions
from replication.data.reading import PreparedImages
from replication.metrics.linear_probe import ProbeResult, discriminator_features, linear_probe
from replication.models import load
from replication.models.layers.convolutional import ConvolutionalDiscriminator
from replication.models.layers.networks import Networks
from replication.scoring.image_cell import ImageCell
from replication.scoring.probe import _shares, probe_cell
from replication.scoring.rows import Rows
from replication.scoring.trained import TrainedCell
from replication.table.measurements import to_table
from replication.training.state import initial_state, weights_of

RECIPE = replace(
    load_params(Path(__file__).parents[2] / "params.yaml").recipe("dcgan", "digits", "paper"),
    batch=10,
    latent_dim=3,
    network={"kernel": 3, "init_std": 0.3, "generator": [[4, 0], [1, 1]], "discriminator": [[2, 1], [3, 2]]},
)
PROBE = Probe((1e-4, 1e-3), 0.25, 2, (3, 2), 4)


def build() -> Networks:
    return load("dcgan").build(RECIPE.network, RECIPE.prior, RECIPE.latent_dim, (1, 4, 4))


def some_data() -> PreparedImages:
    """Three classes of noisy images, each with a bright row of its own."""
    stream, labels = np.random.default_rng(0), np.arange(90) % 3
    images = stream.integers(0, 120, (90, 1, 4, 4))
    images[np.arange(90), 0, labels] += 100
    images = images.astype(np.uint8)
    return PreparedImages("rows", images[:60], labels[:60], images[60:], labels[60:], ("a", "b", "c"), {})


def cell_of(
    seeds: str,
    data: PreparedImages,
    diverged: dict[int, int] | None = None,
    dataset: str = "rows",
    made: Callable[[], Networks] = build,
) -> ImageCell:
    """Untrained networks at steps 0 and 8, the weights of diverged seeds NaN at the second."""
    rows = Rows("cpu", Cell("dcgan2015", "dcgan", "digits", dataset, "full", "paper", seeds), 60, diverged or {})
    start = weights_of(initial_state(made, RECIPE, rows.cell.seed_numbers))
    states = {0: start, 8: {name: tensor.clone() for name, tensor in start.items()}}
    for seed in rows.diverged:
        for tensor in (tensor for tensor in states[8].values() if tensor.is_floating_point()):
            tensor[rows.cell.seed_numbers.index(seed)] = torch.nan
    trained = TrainedCell((0, 8), states, np.ones((len(rows.cell.seed_numbers), 1, 2), np.float32), {})
    return ImageCell(rows, trained, made, RECIPE, data, np.arange(60), None, "", ProtocolOptions(), 2)


def expected_of(train: torch.Tensor, test: torch.Tensor, data: PreparedImages, seed: int) -> ProbeResult:
    train_labels, test_labels = torch.from_numpy(data.train_labels), torch.from_numpy(data.test_labels)
    return linear_probe((train, train_labels), (test, test_labels), PROBE, (3, 2), seed=seed)


def values_of(result: ProbeResult) -> list[float | None]:
    """In the order of the rows."""
    limited = [value for each in result.limited.values() for value in (each.cost, *each.accuracies)]
    return [result.all_labels, result.cost, *limited]


def test_rows_are_the_probe_on_features() -> None:
    data = some_data()
    probe_cell(cell := cell_of("1-2", data), PROBE, (0, 8))
    to_table(cell.rows.collected)
    assert len(cell.rows.collected) == 2 * 2 * (2 + 2 * (1 + PROBE.limited_draws))
    discriminator = cell.networks(8, 1).discriminator
    assert isinstance(discriminator, ConvolutionalDiscriminator)
    train_images, test_images = torch.from_numpy(data.train_images), torch.from_numpy(data.test_images)
    train = discriminator_features(discriminator, train_images, train_images)
    test = discriminator_features(discriminator, test_images, train_images)
    own = [row for row in cell.rows.collected if (row.seed, row.step) == (2, 8)]
    assert [row.value for row in own] == values_of(expected_of(train, test, data, 2))
    draws = [("probe_accuracy", draw, "label draw") for draw in range(4)]
    limited = [("probe_cost", 0, "training"), *draws]
    assert [(row.metric_variant, row.metric, row.replicate, row.replicate_kind) for row in own] == [
        ("all-labels", "probe_accuracy", 0, "training"),
        ("all-labels", "probe_cost", 0, "training"),
        *(("3-per-class", *each) for each in limited),
        *(("2-per-class", *each) for each in limited),
    ]
    assert {row.n_samples for row in own} == {30}


def test_a_discriminator_without_maps_is_not_probed() -> None:
    network = {"kind": "dense", "hidden": [4], "nonlinearity": "relu"}
    cell = cell_of("1-2", some_data(), made=lambda: load("dcgan").build(network, RECIPE.prior, 3, (1, 4, 4)))
    probe_cell(cell, PROBE, (0, 8))
    assert not cell.rows.collected


def test_features_probed_on_other_images_say_on_which() -> None:
    probe = replace(PROBE, limited_labels_of={"elsewhere": (1,)})
    probe_cell(cell := cell_of("1", replace(some_data(), name="elsewhere")), probe, (8,))
    assert {row.metric_variant for row in cell.rows.collected} == {"elsewhere all-labels", "elsewhere 1-per-class"}


def test_house_numbers_have_errors_too() -> None:
    probe_cell(cell := cell_of("1", replace(some_data(), name="svhn"), dataset="svhn"), PROBE, (8,))
    draws = [row for row in cell.rows.collected if row.metric_variant == "3-per-class" and row.metric != "probe_cost"]
    accuracies = {row.replicate: row.value for row in draws if row.metric == "probe_accuracy"}
    assert {row.replicate: 1 - row.value for row in draws if row.metric == "test_error"} == pytest.approx(accuracies)
    assert len(accuracies) == PROBE.limited_draws


def test_a_diverged_seed_has_the_same_rows_without_values() -> None:
    lost, whole = cell_of("1-2", some_data(), {2: 4}), cell_of("1-2", some_data())
    for cell in (lost, whole):
        probe_cell(cell, PROBE, (8,))
    for row in lost.rows.collected:
        assert math.isnan(row.value) == (row.seed == 2)
    keys = [{(r.seed, r.metric, r.metric_variant, r.replicate) for r in cell.rows.collected} for cell in (lost, whole)]
    assert keys[0] == keys[1]


def test_many_images_are_probed_one_network_after_another() -> None:
    assert _shares(1797 * 64, "cpu", 4) == (4, 1)
    assert _shares(50_000 * 3072, "cpu", 4) == (1, 4)
    assert _shares(1797 * 64, "cuda", 4) == (1, 1)


def test_statistics_are_taken_from_shuffled_images(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []

    def recorded(
        discriminator: ConvolutionalDiscriminator, images: torch.Tensor, calibration: torch.Tensor | None, threads: int
    ):
        if calibration is not None:
            seen.append(calibration)
        return discriminator_features(discriminator, images, calibration, threads)

    monkeypatch.setattr("replication.scoring.probe.discriminator_features", recorded)
    data = some_data()
    order = np.argsort(data.train_labels, kind="stable")  # as in a folder, class by class
    probe_cell(
        cell_of("1", replace(data, train_images=data.train_images[order], train_labels=data.train_labels[order])),
        PROBE,
        (8,),
    )
    (calibration,) = seen
    brightest = calibration.float().mean((1, 3)).argmax(1)[:20]  # the row of a class is the bright one
    assert len(brightest.unique()) == 3
    assert torch.equal(
        calibration.flatten(1).sum(1).sort()[0], torch.from_numpy(data.train_images).flatten(1).sum(1).sort()[0]
    )
