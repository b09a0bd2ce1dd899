"""The linear probe against LinearSVC, a hand-made selection of C, and naive frozen statistics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC
from torch.nn.functional import conv2d, leaky_relu

from replication.config.params import Probe
from replication.foundation.errors import InputError
from replication.foundation.seeding import generator
from replication.metrics import linear_probe as module
from replication.metrics.linear_probe import balanced_rows, discriminator_features, linear_probe
from replication.models.layers.convolutional import ConvolutionalDiscriminator, initialise_normal

COSTS = (1e-5, 1e-3, 1e-2)


def probe(selection: int = 2, draws: int = 3) -> Probe:
    return Probe(COSTS, 0.2, selection, (), draws)


def some_images(count: int, side: int = 8, channels: int = 1) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, channels, side, side)).astype(np.uint8))


def small_discriminator() -> ConvolutionalDiscriminator:
    torch.manual_seed(0)
    discriminator = ConvolutionalDiscriminator([(3, 1), (4, 2), (5, 1)], 3, (1, 8, 8))
    initialise_normal(discriminator, 0.3)
    return discriminator


def blobs(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Three overlapping classes in six dimensions."""
    stream = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    features = stream.normal(size=(count, 6)) + 1.2 * np.eye(3, 6)[labels]
    return torch.from_numpy(features.astype(np.float32)), torch.from_numpy(labels)


def svm_accuracy(
    train: tuple[torch.Tensor, torch.Tensor], test: tuple[torch.Tensor, torch.Tensor], cost: float
) -> float:
    svm = LinearSVC(C=cost, loss="squared_hinge", penalty="l2", multi_class="ovr", tol=1e-8, max_iter=10**6, dual=False)  # pyright: ignore
    machine = svm.fit(train[0].numpy(), train[1].numpy())
    return float(np.mean(machine.predict(test[0].numpy()) == test[1].numpy()))


def rows_of(train: tuple[torch.Tensor, torch.Tensor], rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    return train[0][rows], train[1][rows]


def held_and_pool(count: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    order = generator(seed, "validation split").permutation(count)
    return order[: round(share * count)], np.sort(order[round(share * count) :])


def naive_statistics(
    discriminator: ConvolutionalDiscriminator, batches: list[torch.Tensor]
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Mean over batches of each normalised layer's batch mean and (unbiased) batch variance."""
    result: list[list[tuple[torch.Tensor, torch.Tensor]]] = []
    for batch in batches:
        maps, statistics = batch.float() / 127.5 - 1, []
        for index, (block, stride) in enumerate(zip(discriminator.blocks, (1, 2, 1), strict=True)):
            weights = dict(block.named_parameters())
            maps = conv2d(maps, weights["0.weight"], stride=stride, padding=1)
            if index:
                mean, variance = maps.mean((0, 2, 3)), maps.var((0, 2, 3), correction=1)
                biased = maps.var((0, 2, 3), correction=0)
                statistics.append((mean, variance))
                maps = (maps - mean[:, None, None]) / (biased[:, None, None] + 1e-8).sqrt()
                maps = maps * weights["1.weight"][:, None, None] + weights["1.bias"][:, None, None]
            maps = leaky_relu(maps, 0.2)
        result.append(statistics)
    layers = zip(*result, strict=True)
    return [(torch.stack([m for m, _ in each]).mean(0), torch.stack([v for _, v in each]).mean(0)) for each in layers]


@torch.no_grad()
def test_statistics_are_frozen_to_the_mean_over_whole_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STATISTICS_BATCH", 5)
    discriminator, images = small_discriminator(), some_images(12)
    for norm in (discriminator.blocks[1].get_submodule("1"), discriminator.blocks[2].get_submodule("1")):
        norm.get_buffer("running_mean").fill_(9.0)  # what training left behind must not count
    module.freeze_batch_statistics(discriminator, images)
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


def test_many_features_are_kept_in_half_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    discriminator, images = small_discriminator(), some_images(11)
    whole = discriminator_features(discriminator, images, images)
    monkeypatch.setattr(module, "HALF_FROM", whole.numel() - 1)
    half = discriminator_features(discriminator, images, None)  # statistics stay frozen
    assert (whole.dtype, half.dtype) == (torch.float32, torch.float16)
    assert torch.equal(half, whole.half())


def test_all_labels_are_linear_svc_at_the_c_of_the_best_validation() -> None:
    train, test = blobs(150, 0), blobs(90, 1)
    result = linear_probe(train, test, probe(1), (), seed=7)
    held, pool = held_and_pool(150, 0.2, 7)
    measured = [svm_accuracy(rows_of(train, pool), rows_of(train, held), cost) for cost in COSTS]
    assert len(set(measured)) > 1  # else any C would do
    assert result.cost == COSTS[int(np.argmax(measured))]
    assert result.cost is not None
    assert result.all_labels == svm_accuracy(train, test, result.cost)  # fitted to the held-out ones too
    assert result.limited == {}


def test_limited_labels_choose_their_own_c_and_are_tested_on_further_draws() -> None:
    train, test = blobs(150, 0), blobs(90, 1)
    result, other = (linear_probe(train, test, probe(3, 4), (5, 2), seed, all_labels=False) for seed in (7, 8))
    assert (result.all_labels, result.cost, list(result.limited)) == (None, None, [5, 2])
    held, pool = held_and_pool(150, 0.2, 7)
    for size, limited in result.limited.items():
        draws = [
            pool[balanced_rows(train[1].numpy()[pool], size, generator(7, "label draw", size, k))] for k in range(7)
        ]
        means = [
            np.mean([svm_accuracy(rows_of(train, rows), rows_of(train, held), cost) for rows in draws[:3]])
            for cost in COSTS
        ]
        assert limited.cost == COSTS[int(np.argmax(means))]
        expected = [svm_accuracy(rows_of(train, rows), test, limited.cost) for rows in draws[3:]]
        assert list(limited.accuracies) == pytest.approx(expected)
        assert len(set(expected)) > 1
        assert not set(held) & set(np.concatenate(draws))
    assert other.limited[5].accuracies != result.limited[5].accuracies


def test_half_precision_is_taken_as_it_is() -> None:
    train, test = blobs(150, 0), blobs(90, 1)
    half, rounded = (
        linear_probe((as_type(train[0]), train[1]), (as_type(test[0]), test[1]), probe(), (5,), seed=7)
        for as_type in (torch.Tensor.half, lambda features: features.half().float())
    )
    assert half == rounded


def test_threads_change_no_result() -> None:
    train, test = blobs(150, 0), blobs(90, 1)
    each, two = (linear_probe(train, test, probe(), (5,), seed=7, threads=threads) for threads in (1, 2))
    assert each == two


@pytest.mark.parametrize("share", [1e-6, 1.0 - 1e-6])
def test_a_share_that_leaves_nothing_is_named(share: float) -> None:
    with pytest.raises(InputError, match=f"validation share of {share}"):
        linear_probe(blobs(60, 0), blobs(30, 1), replace(probe(), validation_share=share), (2,), seed=7)


def test_too_few_images_of_a_class_are_named() -> None:
    with pytest.raises(InputError, match="limited_labels"):
        balanced_rows(np.array([1, 4, 1, 4, 1]), 3, np.random.default_rng(0))


def test_balanced_rows_are_distinct_and_as_many_of_each_class() -> None:
    labels = np.array([2, 0, 2, 0, 2, 2, 0, 2])
    rows = balanced_rows(labels, 3, np.random.default_rng(0))
    assert sorted(labels[rows]) == [0, 0, 0, 2, 2, 2]
    assert rows.tolist() == sorted(set(rows.tolist()))
    draws = {tuple(balanced_rows(labels, 3, np.random.default_rng(seed))) for seed in range(20)}
    assert len(draws) > 1
