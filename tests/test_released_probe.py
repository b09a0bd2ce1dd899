"""Features of a released discriminator: against Theano's convolution and the authors' statistics written out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from replication.config.params import Probe
from replication.data.reading import PreparedImages
from replication.foundation.errors import InputError
from replication.metrics.linear_probe import LimitedResult, ProbeResult, discriminator_features
from replication.released import probe as released_probe
from replication.released.probe import (
    halved,
    infer_statistics,
    mean_pooled,
    of_last_convolution,
    own_batch_features,
    probe_released,
)
from replication.released.weights import ReleasedNetwork, read_discriminator
from tests.test_released_weights import leaky, theano_convolution, write_release

TINY = ReleasedNetwork("tiny", 3, ((2, 1), (3, 2)), ((4, 0), (3, 2)), 5, "uniform", (3, 8, 8))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_release(tmp_path, TINY)
    return tmp_path


def shades() -> PreparedImages:
    """Images whose class is their brightness, one class after the other."""
    labels = np.repeat(np.arange(3), 20)
    images = np.random.default_rng(1).integers(0, 60, (60, 3, 8, 8)) + 60 * labels[:, None, None, None]
    images = images.astype(np.uint8)
    return PreparedImages("shades", images, labels, images[::2], labels[::2], ("a", "b", "c"), {})


def first_maps(images: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return leaky(theano_convolution(images / 127.5 - 1.0, kernel, 1, 1))


def test_features_are_the_authors(directory: Path) -> None:
    """Layer by layer: statistics are means over batches of 8, 8 and 4 rows, each counted once, of biased variances."""
    arrays = [np.load(directory / f"7_discrim_params.jl_{number:02d}.npy") for number in range(1, 5)]
    images = np.random.default_rng(2).integers(0, 256, (20, 3, 8, 8), dtype=np.uint8)
    order = np.random.default_rng(3).permutation(20)
    before = theano_convolution(first_maps(images, arrays[0]), arrays[1], 2, 1)  # [20, 3, 4, 4]
    batches = [before[order[start : start + 8]] for start in (0, 8, 16)]
    mean = np.mean([batch.mean((0, 2, 3)) for batch in batches], axis=0)
    variance = np.mean([batch.var((0, 2, 3)) for batch in batches], axis=0)
    scale, shift = (each.reshape(1, -1, 1, 1) for each in (arrays[2] / np.sqrt(variance + 1e-8), mean))
    second = (before - shift) * scale + arrays[3].reshape(1, -1, 1, 1)
    second = np.where(second > 0, second, 0.2 * second)
    first = first_maps(images, arrays[0]).reshape(20, 2, 4, 2, 4, 2).max((3, 5))  # 2×2 windows without overlap
    expected = np.concatenate([first.reshape(20, -1), second.reshape(20, -1)], axis=1)

    network = read_discriminator(directory, [TINY]).discriminator
    infer_statistics(network, torch.from_numpy(images), order, threads=2, batch=8)
    features = discriminator_features(network, torch.from_numpy(images), None, threads=2, batch=3)
    assert features.dtype == torch.float32 and features.shape == (20, 80)
    np.testing.assert_allclose(features.numpy(), expected, rtol=1e-4, atol=1e-4)
    assert torch.equal(of_last_convolution(network, features), features[:, 32:])
    quarters = expected.reshape(20, 5, 2, 2, 2, 2).max((3, 5)).reshape(20, -1)
    np.testing.assert_allclose(halved(features).numpy(), quarters, rtol=1e-4, atol=1e-4)
    means = discriminator_features(network, torch.from_numpy(images), None, 2, mean_pooled)
    of_first = first_maps(images, arrays[0]).reshape(20, 2, 4, 2, 4, 2).mean((3, 5)).reshape(20, -1)
    np.testing.assert_allclose(means[:, :32].numpy(), of_first, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(means[:, 32:].numpy(), expected[:, 32:], rtol=1e-4, atol=1e-4)  # its maps are 4×4


def test_a_batch_is_normalised_by_its_own_statistics(directory: Path) -> None:
    """Whoever shares a batch is seen as where the statistics are inferred from that batch alone."""
    images = torch.from_numpy(np.random.default_rng(2).integers(0, 256, (20, 3, 8, 8), dtype=np.uint8))
    order = np.random.default_rng(3).permutation(20)
    network = read_discriminator(directory, [TINY]).discriminator
    infer_statistics(network, images, order)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    features = own_batch_features(network, images, order, threads=2, batch=8)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    for start in (0, 8, 16):
        chosen = order[start : start + 8]
        infer_statistics(network, images[chosen], np.arange(len(chosen)))
        alone = discriminator_features(network, images[chosen], None)
        np.testing.assert_allclose(features[chosen].numpy(), alone.numpy(), rtol=1e-4, atol=1e-4)


def test_statistics_of_classes_apart_differ_from_those_of_shuffled_images(directory: Path) -> None:
    data = shades()
    features = []
    for order in (np.arange(60), np.random.default_rng(0).permutation(60)):
        network = read_discriminator(directory, [TINY]).discriminator
        infer_statistics(network, torch.from_numpy(data.train_images), order, batch=20)
        features.append(network.state_dict()["blocks.1.1.running_var"])
    assert (features[0] < features[1]).all()  # what lies between the classes is missing


def test_the_probe_has_the_released_protocol(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def stand_in(train: Any, test: Any, probe: Probe, *rest: Any) -> ProbeResult:
        asked.update(train=train, test=test, probe=probe, rest=rest)
        return ProbeResult(0.75, 5e-4, {4: LimitedResult((0.5, 0.7), 2e-3)})

    monkeypatch.setattr(released_probe, "linear_probe", stand_in)
    released, data = read_discriminator(directory, [TINY]), shades()
    few = probe_released(released, data, 4, 2, seed=9)
    assert asked["probe"] == Probe((1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2), 0.2, 10, (4,), 2)
    assert asked["rest"] == ((4,), 9, "cpu", False, 1)
    assert asked["train"][0].shape == (60, 80) and asked["test"][0].shape == (30, 80)
    assert few == {"accuracy_mean": pytest.approx(0.6), "accuracy_sd": pytest.approx(0.02**0.5), "C": 2e-3, "draws": 2,
                   "accuracies": [0.5, 0.7], "n_features": 80, "n_train": 60, "n_test": 30}  # fmt: skip
    every = probe_released(released, data, None, 2, seed=9)
    assert asked["rest"] == ((), 9, "cpu", True, 1)
    assert (every["accuracy_mean"], every["accuracy_sd"], every["C"], every["draws"]) == (0.75, None, 5e-4, None)


def test_data_that_do_not_fit_are_refused(directory: Path) -> None:
    released, data = read_discriminator(directory, [TINY]), shades()
    grey = replace(data, train_images=data.train_images[:, :1])
    alone = replace(data, test_images=data.test_images[:0])
    for images, per_class, named in ((data, 17, "17 .*16 of shades"), (grey, 4, r"\[1, 8, 8\]"), (alone, 4, "no test")):
        with pytest.raises(InputError, match=named):
            probe_released(released, images, per_class, 2, seed=0)
