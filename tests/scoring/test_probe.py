"""The rows of the linear probe: of a cell's discriminators, and of features that no GAN has learnt."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from replication import experiment as stage
from replication.config.experiments import FeatureControls
from replication.config.params import Cell, Probe, load_params
from replication.data.reading import PreparedImages
from replication.experiments import feature_controls
from replication.experiments.feature_controls import score_feature_controls
from replication.foundation.errors import InputError
from replication.foundation.places import SCORED
from replication.metrics.kmeans_features import encode, learn_dictionary, standardise
from replication.metrics.linear_probe import discriminator_features, linear_probe
from replication.models.layers.convolutional import ConvolutionalDiscriminator
from replication.models.layers.networks import Networks
from replication.prepare import prepare
from replication.scoring.probe import probe_cell, workers
from replication.scoring.rows import Rows, Steps
from replication.table.measurements import Measurement, read_table, to_table, write_table
from replication.training.checkpoints import TrainingClock
from replication.training.state import bind, initial_state
from tests.in_small import builder, own_params, params_written
from tests.scoring.small import LAST, NETWORK, RECIPE, small_cell, some_data

PROBE = Probe((1e-4, 1e-3), 0.25, 2, (3, 2), 4)
DENSE = {"kind": "dense", "hidden": [4], "nonlinearity": "relu"}


DRAWS = [("probe_accuracy", draw, "label draw") for draw in range(4)]
ROWS = [  # of the probe on one set of features
    ("all-labels", "probe_accuracy", 0, "training"),
    ("all-labels", "probe_cost", 0, "training"),
    *((f"{n}-per-class", *row) for n in (3, 2) for row in (("probe_cost", 0, "training"), *DRAWS)),
]


def expected_of(
    train: Tensor, test: Tensor, data: PreparedImages, seed: int, costs: tuple[float, ...] = PROBE.costs
) -> list[float | None]:
    """The probe on features of training and test images, in the order of the rows."""
    train_labels, test_labels = torch.from_numpy(data.train_labels), torch.from_numpy(data.test_labels)
    probe = replace(PROBE, costs=costs)
    result = linear_probe((train, train_labels), (test, test_labels), probe, (3, 2), seed=seed)
    limited = [value for each in result.limited.values() for value in (each.cost, *each.accuracies)]
    return [result.all_labels, result.cost, *limited]


def names(rows: list[Measurement]) -> list[tuple[str, str, int, str]]:
    return [(row.metric_variant, row.metric, row.replicate, row.replicate_kind) for row in rows]


def test_rows_are_the_probe_on_features() -> None:
    cell = small_cell(seeds="1-2")
    data = cell.data
    probe_cell(cell, PROBE, (0, LAST))
    to_table(cell.rows.collected)
    assert len(cell.rows.collected) == 2 * 2 * len(ROWS)
    discriminator = cell.networks(LAST, 1).discriminator
    assert isinstance(discriminator, ConvolutionalDiscriminator)
    train_images, test_images = torch.from_numpy(data.train_images), torch.from_numpy(data.test_images)
    train = discriminator_features(discriminator, train_images, train_images)
    test = discriminator_features(discriminator, test_images, train_images)
    rows = [row for row in cell.rows.collected if (row.seed, row.step) == (2, LAST)]
    assert [row.value for row in rows] == expected_of(train, test, data, 2)
    assert names(rows) == ROWS
    assert {row.n_samples for row in rows} == {60}


def test_a_discriminator_without_maps_is_not_probed_and_refused_as_a_control() -> None:
    cell = small_cell(**DENSE)
    probe_cell(cell, PROBE, (0, LAST))
    assert not cell.rows.collected
    with pytest.raises(InputError, match="no maps"):
        controls_of(some_data(60, 30, 4), build=builder("dcgan", replace(RECIPE, network=DENSE), (1, 4, 4)))


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
    seen: list[Tensor] = []

    def recorded(network: Any, images: Tensor, calibration: Tensor | None, threads: int) -> Tensor:
        seen.extend([] if calibration is None else [calibration])
        return discriminator_features(network, images, calibration, threads)

    monkeypatch.setattr("replication.scoring.probe.discriminator_features", recorded)
    data = some_data()
    order = np.argsort(data.train_labels, kind="stable")  # as in a folder, class by class
    data = replace(data, train_images=data.train_images[order], train_labels=data.train_labels[order])
    probe_cell(small_cell(seeds="1", data=data), PROBE, (LAST,))
    (calibration,) = (images.flatten(1).numpy() for images in seen)
    places = [(data.train_images.reshape(60, -1) == image).all(axis=1).argmax() for image in calibration]
    assert sorted(places) == list(range(60)) and len(set(data.train_labels[places[:20]])) == 3


CONTROL = replace(RECIPE, network=NETWORK | {"generator": [[4, 0], [1, 1]]})
CONTROLS = FeatureControls(units=(2, 5), patch=2, patches=80, iterations=2, costs=(1e-2, 1e-1), storage="float32")
build_control = builder("dcgan", CONTROL, (1, 4, 4))


def controls_of(
    data: PreparedImages,
    threads: int = 1,
    seeds: str = "3-4",
    build: Callable[[], Networks] = build_control,
    steps: Steps | None = None,
) -> Rows:
    cell = Cell("dcgan2015", "dcgan", "digits", "rows", "full", "paper", seeds, "feature-controls")
    rows = Rows("cpu", cell, 60, {}, steps=steps)
    score_feature_controls(rows, data, PROBE, CONTROLS, build, "cpu", threads)
    return rows


def by_hand(data: PreparedImages) -> dict[str, list[float | None]]:
    """Every control of seed 4."""
    train, test = torch.from_numpy(data.train_images), torch.from_numpy(data.test_images)
    pixels = [images.reshape(-1, 16).float() / 127.5 - 1 for images in (train, test)]
    networks = build_control()
    bind(networks, initial_state(build_control, CONTROL, (3, 4)), 1)  # as a training of seed 4 starts
    assert isinstance(networks.discriminator, ConvolutionalDiscriminator)
    maps = [discriminator_features(networks.discriminator, images, train) for images in (train, test)]
    controls = {"raw-pixels": (pixels, PROBE.costs), "untrained-discriminator": (maps, PROBE.costs)}
    for units in (2, 5):
        dictionary = learn_dictionary(train, units, 2, 80, 2, seed=4)
        features = [encode(images, dictionary) for images in (train, test)]
        standardise(features[0], features[1])
        controls[f"k-means-{units}"] = (features, CONTROLS.costs)
    return {name: expected_of(train, test, data, 4, costs) for name, ((train, test), costs) in controls.items()}


@pytest.mark.integration
def test_what_is_kept_of_a_control_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, steps = some_data(60, 30, 4), Steps(tmp_path, TrainingClock(tmp_path))
    rows = controls_of(data, steps=steps)
    assert {path.stem for path in tmp_path.glob("*-4.json")} == {f"{name}-4" for name in by_hand(data)}
    monkeypatch.setattr(feature_controls, "run_probe", None)
    assert controls_of(data, steps=steps).collected == rows.collected


@pytest.mark.integration
def test_rows_are_the_probe_on_every_control() -> None:
    data = some_data(60, 30, 4)
    rows = controls_of(data)
    expected, of_seed = by_hand(data), [row for row in rows.collected if row.seed == 4]
    assert list(dict.fromkeys(row.recipe for row in of_seed)) == list(expected)
    for name, values in expected.items():
        assert [row.value for row in of_seed if row.recipe == name] == pytest.approx(values)
    assert names(of_seed) == 4 * ROWS
    assert {(row.paper, row.model, row.step, row.n_samples, row.seed) for row in rows.collected} == {
        ("dcgan2015", "control", 0, 30, seed) for seed in (3, 4)
    }


@pytest.mark.integration
def test_threads_and_blocks_of_seeds_change_nothing(tmp_path: Path) -> None:
    data, written = some_data(60, 30, 4), []
    for name, threads in (("one", 1), ("three", 3)):
        rows_of_both = controls_of(data, threads=threads).collected
        write_table(to_table(rows_of_both), tmp_path / name)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    alone = controls_of(data, seeds="4").collected
    assert all(row in rows_of_both for row in alone)


def test_the_papers_sizes_are_the_defaults() -> None:
    assert own_params().profiles["paper"].feature_controls == FeatureControls()
    costs = FeatureControls().costs
    assert min(costs) < 100 / 50_000 < max(costs) and min(costs) < 100 / 4000 < max(costs)  # the released code's C


@pytest.mark.integration
def test_the_experiment_writes_rows_and_what_they_depend_on(sources: Path) -> None:
    content, key = params_written(), "cpu-feature-controls"
    cpu = content["profiles"]["cpu"]
    cpu |= {"cells": {}, "models": [], "experiments": {key: {**cpu["experiments"][key], "seeds": "0"}}}
    cpu["probe"] |= {"costs": [1e-3], "selection_draws": 1, "limited_labels": [2], "limited_draws": 2}
    cpu["feature_controls"] = {"units": [3], "patch": 4, "patches": 100, "iterations": 2, "costs": [1e-2]}
    hashes = []
    for init_std in (0.02, 0.03):
        recipe = content["recipes"]["dcgan"]["digits"]
        recipe["network"] |= {"discriminator": [[2, 2]], "init_std": init_std}
        named = {"gan": {"toy-k1": content["recipes"]["gan"]["toy-k1"]}, "dcgan": {"digits": recipe}}
        written = {**content, "recipes": named, "profiles": {"cpu": cpu}, "run": cpu}
        (sources / "params.yaml").write_text(json.dumps(written), encoding="utf-8")
        if not hashes:
            prepare(load_params().datasets["digits"], stage.DATA / "digits")
        stage.main([key])
        output = SCORED / load_params().experiment(key).folder
        provenance = json.loads((output / "provenance.json").read_text(encoding="utf-8"))
        hashes.append(provenance["params_sha256"])
    table = read_table(output / "measurements.csv")
    assert set(table["recipe"]) == {"raw-pixels", "untrained-discriminator", "k-means-3"}
    assert set(table["model"]) == {"control"} and set(table["variant"]) == {"paper"} and set(table["step"]) == {0}
    assert set(table["metric_variant"]) == {"all-labels", "2-per-class"}
    assert hashes[0] != hashes[1]  # the recipe that the untrained network is of is part of the result
    assert table.loc[table["metric"] == "probe_accuracy", "value"].min() > 0.2  # twice chance
