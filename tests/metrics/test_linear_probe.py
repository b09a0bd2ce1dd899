"""The linear probe against LinearSVC, a hand-made selection of C, and naive frozen statistics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC
from torch.nn.functional import conv2d, leaky_relu

from replication.metrics import linear_probe as module
from replication.metrics.linear_probe import (
    balanced_rows,
    discriminator_features,
    freeze_batch_statistics,
    linear_probe,
)
from replication.models import load
from replication.models.layers.convolutional import ConvolutionalDiscriminator, initialise_normal
from replication.params import load_params
from replication.seeding import generator

ROOT = Path(__file__).parents[2]
COSTS = (1e-5, 1e-3, 1e-2)


def some_images(count: int, side: int = 8, channels: int = 1) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, channels, side, side)).astype(np.uint8))


def small_discriminator() -> ConvolutionalDiscriminator:
    torch.manual_seed(0)
    discriminator = ConvolutionalDiscriminator([(3, 1), (4, 2), (5, 1)], 3, (1, 8, 8))
    initialise_normal(discriminator, 0.3)
    return discriminator


def blobs(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Three overlapping classes in six dimensions."""
    stream = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    return stream.normal(size=(count, 6)) + 1.2 * np.eye(3, 6)[labels], labels


def svm_accuracy(train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], cost: float) -> float:
    svm = LinearSVC(C=cost, loss="squared_hinge", penalty="l2", multi_class="ovr", max_iter=5000, random_state=0)
    return float(np.mean(svm.fit(*train).predict(test[0]) == test[1]))


def naive_statistics(
    discriminator: ConvolutionalDiscriminator, batches: list[torch.Tensor]
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Mean over batches of each normalised layer's batch mean and (unbiased) batch variance."""
    found: list[list[tuple[torch.Tensor, torch.Tensor]]] = []
    for batch in batches:
        maps, own = batch.float() / 127.5 - 1, []
        for index, (block, stride) in enumerate(zip(discriminator.blocks, (1, 2, 1), strict=True)):
            weights = dict(block.named_parameters())
            maps = conv2d(maps, weights["0.weight"], stride=stride, padding=1)
            if index:
                mean, variance = maps.mean((0, 2, 3)), maps.var((0, 2, 3), correction=1)
                biased = maps.var((0, 2, 3), correction=0)
                own.append((mean, variance))
                maps = (maps - mean[:, None, None]) / (biased[:, None, None] + 1e-8).sqrt()
                maps = maps * weights["1.weight"][:, None, None] + weights["1.bias"][:, None, None]
            maps = leaky_relu(maps, 0.2)
        found.append(own)
    return [(torch.stack([own[k][0] for own in found]).mean(0), torch.stack([own[k][1] for own in found]).mean(0))
            for k in range(2)]  # fmt: skip


@torch.no_grad()
def test_statistics_are_frozen_to_the_mean_over_whole_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 5)
    discriminator, images = small_discriminator(), some_images(12)
    for norm in (discriminator.blocks[1].get_submodule("1"), discriminator.blocks[2].get_submodule("1")):
        norm.get_buffer("running_mean").fill_(9.0)  # what training left behind must not count
    freeze_batch_statistics(discriminator, images)
    expected = naive_statistics(discriminator, [images[:5], images[5:10]])
    for block, (mean, variance) in zip(discriminator.blocks[1:], expected, strict=True):
        torch.testing.assert_close(block.get_buffer("1.running_mean"), mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(block.get_buffer("1.running_var"), variance, rtol=1e-4, atol=1e-5)
    assert not discriminator.training


def test_features_are_pooled_maps_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 4)
    discriminator, images = small_discriminator(), some_images(11)
    features = discriminator_features(discriminator, images, images).numpy()
    with torch.no_grad():
        maps = [m.numpy() for m in discriminator.features(images.float() / 127.5 - 1)]
    first = maps[0].reshape(11, 3, 4, 2, 4, 2).max(axis=(3, 5))  # 8×8 → the largest of each 2×2 block
    expected = np.concatenate([m.reshape(11, -1) for m in (first, maps[1], maps[2])], axis=1)
    assert features.shape == (11, 16 * (3 + 4 + 5))
    np.testing.assert_allclose(features, expected, rtol=1e-5, atol=1e-6)


def test_features_of_an_image_do_not_depend_on_the_others() -> None:
    images = some_images(9)
    together = discriminator_features(small_discriminator(), images, images)
    alone = discriminator_features(small_discriminator(), images[4:5], images)
    torch.testing.assert_close(alone, together[4:5])


def test_dcgan_has_the_papers_number_of_features_on_cifar10() -> None:
    recipe = load_params(ROOT / "params.yaml").recipe("dcgan", "cifar10", "paper")
    discriminator = load("dcgan").build(recipe.network, recipe.prior, recipe.latent_dim, (3, 32, 32)).discriminator
    images = some_images(2, 32, 3)
    features = discriminator_features(discriminator, images, images)
    assert features.shape == (2, 28672)  # DCGAN §5.1
    assert 28672 == 16 * (128 + 128 + 256 + 256 + 512 + 512)


def test_the_probe_is_linear_svc_at_the_c_of_the_best_validation() -> None:
    train, test = blobs(150, 0), blobs(90, 1)
    result = linear_probe(train, test, COSTS, 0.2, 3, 5, 4, seed=7)
    means = []
    for cost in COSTS:
        found = []
        for draw in range(3):
            order = generator(7, "validation draw", draw).permutation(150)
            fitted, held = order[30:], order[:30]
            found.append(svm_accuracy((train[0][fitted], train[1][fitted]), (train[0][held], train[1][held]), cost))
        means.append(np.mean(found))
    assert len(set(means)) > 1  # else any C would do
    assert result.cost == COSTS[int(np.argmax(means))]
    assert result.all_labels == svm_accuracy(train, test, result.cost)


def test_limited_labels_are_draws_of_a_few_per_class() -> None:
    train, test = blobs(150, 0), blobs(90, 1)
    result = linear_probe(train, test, COSTS, 0.2, 1, 5, 6, seed=7)
    rows = [balanced_rows(train[1], 5, generator(7, "label draw", draw)) for draw in range(6)]
    expected = [svm_accuracy((train[0][r], train[1][r]), test, result.cost) for r in rows]
    assert list(result.limited_labels) == expected
    assert len(set(expected)) > 1
    assert linear_probe(train, test, COSTS, 0.2, 1, 5, 6, seed=8).limited_labels != result.limited_labels


def test_balanced_rows_are_distinct_and_as_many_of_each_class() -> None:
    labels = np.array([2, 0, 2, 0, 2, 2, 0, 2])
    rows = balanced_rows(labels, 3, np.random.default_rng(0))
    assert sorted(labels[rows]) == [0, 0, 0, 2, 2, 2]
    assert rows.tolist() == sorted(set(rows.tolist()))
    draws = {tuple(balanced_rows(labels, 3, np.random.default_rng(seed))) for seed in range(20)}
    assert len(draws) > 1
