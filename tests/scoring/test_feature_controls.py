"""Features that no GAN has learnt under the linear probe: the rows of each control, from the same parts by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from replication import experiment as stage
from replication.config.feature_controls import FeatureControls
from replication.config.params import Cell, Probe, load_params
from replication.data.reading import PreparedImages
from replication.experiments import feature_controls
from replication.experiments.feature_controls import score_feature_controls
from replication.foundation.errors import InputError
from replication.foundation.places import SCORED
from replication.metrics.kmeans_features import encode, learn_dictionary, standardise
from replication.metrics.linear_probe import ProbeResult, discriminator_features, linear_probe
from replication.models import load
from replication.models.layers.convolutional import ConvolutionalDiscriminator
from replication.models.layers.networks import Networks
from replication.prepare import prepare
from replication.scoring.rows import Rows, Steps
from replication.table.measurements import read_table, to_table, write_table
from replication.training.checkpoints import TrainingClock
from replication.training.state import bind, initial_state
from tests.in_small import own_params, params_written
from tests.scoring.small import some_data

pytestmark = pytest.mark.integration

PARAMS = own_params()
RECIPE = replace(
    PARAMS.recipe("dcgan", "digits", "paper"),
    latent_dim=3,
    network={"kernel": 3, "init_std": 0.3, "generator": [[4, 0], [1, 1]], "discriminator": [[2, 1], [3, 2]]},
)
PROBE = Probe((1e-4, 1e-3), 0.25, 2, (3,), 4)
OPTIONS = FeatureControls(units=(2, 5), patch=2, patches=80, iterations=2, costs=(1e-2, 1e-1), storage="float32")


def build() -> Networks:
    return load("dcgan").build(RECIPE.network, RECIPE.prior, RECIPE.latent_dim, (1, 4, 4))


def rows_of(
    data: PreparedImages,
    threads: int = 1,
    seeds: str = "3-4",
    made: Callable[[], Networks] = build,
    steps: Steps | None = None,
) -> Rows:
    cell = Cell("dcgan2015", "dcgan", "digits", "rows", "full", "paper", seeds, "feature-controls")
    rows = Rows("cpu", cell, 60, {}, steps=steps)
    score_feature_controls(rows, data, PROBE, OPTIONS, made, "cpu", threads)
    return rows


def probed(features: list[torch.Tensor], data: PreparedImages, costs: tuple[float, ...]) -> ProbeResult:
    train, test = (torch.from_numpy(each) for each in (data.train_labels, data.test_labels))
    return linear_probe((features[0], train), (features[1], test), replace(PROBE, costs=costs), (3,), seed=4)


def by_hand(data: PreparedImages) -> dict[str, ProbeResult]:
    """Every control of seed 4."""
    train, test = torch.from_numpy(data.train_images), torch.from_numpy(data.test_images)
    pixels = [images.reshape(-1, 16).float() / 127.5 - 1 for images in (train, test)]
    networks = build()
    bind(networks, initial_state(build, RECIPE, (3, 4)), 1)  # as a training of seed 4 starts
    assert isinstance(networks.discriminator, ConvolutionalDiscriminator)
    maps = [discriminator_features(networks.discriminator, images, train) for images in (train, test)]
    controls = {"raw-pixels": (pixels, PROBE.costs), "untrained-discriminator": (maps, PROBE.costs)}
    for units in (2, 5):
        dictionary = learn_dictionary(train, units, 2, 80, 2, seed=4)
        features = [encode(images, dictionary) for images in (train, test)]
        standardise(features[0], features[1])
        controls[f"k-means-{units}"] = (features, OPTIONS.costs)
    return {name: probed(features, data, costs) for name, (features, costs) in controls.items()}


def test_what_is_kept_of_a_control_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, steps = some_data(60, 30, 4), Steps(tmp_path, TrainingClock(tmp_path))
    rows = rows_of(data, steps=steps)
    assert {path.stem for path in tmp_path.glob("*-4.json")} == {f"{name}-4" for name in by_hand(data)}
    monkeypatch.setattr(feature_controls, "run_probe", None)
    assert rows_of(data, steps=steps).collected == rows.collected


def test_rows_are_the_probe_on_every_control() -> None:
    data = some_data(60, 30, 4)
    rows = rows_of(data)
    expected, of_seed = by_hand(data), [row for row in rows.collected if row.seed == 4]
    assert list(dict.fromkeys(row.recipe for row in of_seed)) == list(expected)
    for name, result in expected.items():
        limited = result.limited[3]
        assert [row.value for row in of_seed if row.recipe == name] == pytest.approx(
            [result.all_labels, result.cost, limited.cost, *limited.accuracies]
        )
    draws = [("3-per-class", draw, "label draw") for draw in range(4)]
    keys = [
        (row.metric_variant, row.replicate, row.replicate_kind) for row in of_seed if row.metric == "probe_accuracy"
    ]
    assert keys == 4 * [("all-labels", 0, "training"), *draws]
    assert {(row.paper, row.model, row.step, row.n_samples) for row in rows.collected} == {
        ("dcgan2015", "control", 0, 30)
    }
    assert {row.seed for row in rows.collected} == {3, 4}


def test_threads_and_blocks_of_seeds_change_nothing(tmp_path: Path) -> None:
    data, written = some_data(60, 30, 4), []
    for name, threads in (("one", 1), ("three", 3)):
        rows_of_both = rows_of(data, threads=threads).collected
        write_table(to_table(rows_of_both), tmp_path / name)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    alone = rows_of(data, seeds="4").collected
    assert all(row in rows_of_both for row in alone)


def test_a_discriminator_without_maps_is_refused() -> None:
    network = {"kind": "dense", "hidden": [4], "nonlinearity": "relu"}
    with pytest.raises(InputError, match="no maps"):
        rows_of(some_data(60, 30, 4), made=lambda: load("dcgan").build(network, RECIPE.prior, 3, (1, 4, 4)))


def test_the_papers_sizes_are_the_defaults() -> None:
    assert PARAMS.profiles["paper"].feature_controls == FeatureControls()
    costs = FeatureControls().costs
    assert min(costs) < 100 / 50_000 < max(costs) and min(costs) < 100 / 4000 < max(costs)  # the released code's C


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
