"""Planted near-duplicates against what each kind says, groups against loops, shares against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from replication.config.experiments import Autoencoder, NearDuplicates
from replication.experiments import near_duplicates
from replication.experiments.near_duplicates import groups, judge_finder, pixel_codes, plant_duplicates
from replication.foundation.errors import InputError


def stream() -> np.random.Generator:
    return np.random.default_rng(0)


def some_images(count: int, channels: int = 1, side: int = 6) -> np.ndarray:
    return np.random.default_rng(5).integers(60, 190, (count, channels, side, side)).astype(np.uint8)


def added(planted: near_duplicates.PlantedDuplicates, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """The near-duplicates of a kind and their originals, as whole numbers."""
    places = planted.kind == kind
    return planted.images[places].astype(int), planted.images[planted.origin[places]].astype(int)


def test_each_kind_is_what_it_says() -> None:
    images = some_images(80, channels=3)
    planted = plant_duplicates(images, 10, {"shift": 2, "brightness": 20, "noise": 5, "jpeg": 90}, stream())
    assert np.array_equal(planted.images[:80], images) and len(planted.images) == 120
    assert len(set(planted.origin[80:].tolist())) == 40 and planted.origin[:80].tolist() == list(range(80))
    new, old = added(planted, "shift")
    left = [np.array_equal(each[..., :-2], other[..., 2:]) for each, other in zip(new, old, strict=True)]
    right = [np.array_equal(each[..., 2:], other[..., :-2]) for each, other in zip(new, old, strict=True)]
    assert all(a != b for a, b in zip(left, right, strict=True)) and any(left) and any(right)
    new, old = added(planted, "brightness")
    assert set(np.unique(new - old).tolist()) == {-20, 20} and ((new - old).std(axis=(1, 2, 3)) == 0).all()
    new, old = added(planted, "noise")
    assert (new - old).std() == pytest.approx(5, rel=0.1)
    new, old = added(planted, "jpeg")
    assert 0 < np.abs(new - old).mean() < 40


def test_what_cannot_be_planted_is_refused() -> None:
    for pairs, strengths in ((3, {"shift": 1, "noise": 1}), (1, {"rotation": 1}), (0, {"shift": 1}), (1, {})):
        with pytest.raises(InputError, match="cannot be planted among 5 images"):
            plant_duplicates(some_images(5), pairs, strengths, stream())


def test_groups_are_those_of_a_loop() -> None:
    codes = np.random.default_rng(1).integers(0, 2, (60, 4)).astype(bool)
    expected = [next(j for j in range(60) if (codes[j] == codes[i]).all()) for i in range(60)]
    assert groups(codes).tolist() == expected
    wide = np.zeros((3, 300), bool)
    wide[1, 299] = True  # the last bit of a code that fills no whole byte
    assert groups(wide).tolist() == [0, 1, 0]


def test_a_finder_s_counts_by_hand() -> None:
    """Originals 0 to 3, views of 0, 1 and 2: codes put 0, its view and 3 together, and 1 with the view of 2."""
    images = some_images(7)
    planted = near_duplicates.PlantedDuplicates(
        images, np.array([0, 1, 2, 3, 0, 1, 2]), np.array(["", "", "", "", "a", "a", "b"])
    )
    codes = np.array([[1, 1], [1, 0], [0, 1], [1, 1], [1, 1], [0, 0], [1, 0]], bool)
    result = judge_finder(planted, codes)
    assert result.recall == {"": pytest.approx(1 / 3), "a": 0.5, "b": 0.0}
    assert (result.removed, result.false_positives) == (3, pytest.approx(2 / 3))  # 3 is lost, and 1 or 2
    alone = judge_finder(planted, np.eye(7, dtype=bool))
    assert (alone.removed, alone.false_positives, alone.recall[""]) == (0, 1.0, 0.0)


def test_codes_are_the_active_units() -> None:
    images, weights = some_images(9), near_duplicates.initial_denoiser(36, 11, 3)
    matrix, bias = (tensor.numpy().astype(np.float64) for tensor in weights[:2])
    expected = (images.reshape(9, 36) / 127.5 - 1) @ matrix + bias > 0
    assert np.array_equal(near_duplicates.binary_codes(weights, images), expected)
    assert np.array_equal(pixel_codes(images), images.reshape(9, 36) >= 128)


def test_training_reconstructs_what_is_hidden_under_noise() -> None:
    """Images on one line: the trained network gives a noisy one back nearer to its clean one than the noise is."""
    place = np.random.default_rng(2).uniform(0, 255, (200, 1))
    images = (place * np.linspace(0.2, 1, 16)).astype(np.uint8).reshape(200, 1, 4, 4)
    options = NearDuplicates(Autoencoder(12, 150, 32, 0.02), noise=0.4, keep=0.9)
    weights, again = (near_duplicates.train_denoiser(images, options, seed=1) for _ in range(2))
    assert all(torch.equal(each, other) for each, other in zip(weights, again, strict=True))
    clean = images.reshape(200, 16) / 127.5 - 1
    noisy = clean + 0.4 * np.random.default_rng(3).standard_normal(clean.shape)
    matrix, bias, back, shift = (tensor.numpy() for tensor in weights)
    inputs = np.maximum(noisy @ matrix + bias, 0) @ back + shift
    assert np.square(inputs - clean).mean() < 0.5 * 0.4**2
