"""An L2-SVM on discriminator features: how useful unsupervised features are for classification (DCGAN §5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.svm import LinearSVC
from torch import Tensor, nn
from torch.nn.functional import adaptive_max_pool2d

from replication.models.layers.convolutional import ConvolutionalDiscriminator
from replication.models.layers.samples import as_samples
from replication.seeding import generator

GRID = 4
BATCH = 500


@dataclass(frozen=True)
class ProbeResult:
    """Test accuracy with all labels and, per label draw, with a few per class; the C that validation chose."""

    all_labels: float
    limited_labels: tuple[float, ...]
    cost: float


def discriminator_features(discriminator: ConvolutionalDiscriminator, images: Tensor, calibration: Tensor) -> Tensor:
    """LeakyReLU output of every convolution, max-pooled to 4×4, flattened and concatenated: float32 [n, 16·ΣC].

    Batch normalisation is frozen to the mean of per-batch statistics over the `calibration` images. Both inputs are
    uint8 [n, C, H, W]. Features are not standardised (DCGAN's released code).
    """
    freeze_batch_statistics(discriminator, calibration)
    with torch.no_grad():
        parts = [_pooled(discriminator.features(as_samples(batch))) for batch in images.split(BATCH)]
    return torch.cat(parts)


def freeze_batch_statistics(discriminator: ConvolutionalDiscriminator, images: Tensor) -> None:
    """Set running statistics to the mean over batches of `images`, and the network to use them."""
    norms = [module for module in discriminator.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative mean in place of a moving one
    discriminator.train()
    whole = images[: len(images) // BATCH * BATCH] if len(images) > BATCH else images
    with torch.no_grad():
        for batch in whole.split(BATCH):
            discriminator.features(as_samples(batch))
    discriminator.eval()


def linear_probe(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    costs: Sequence[float],
    validation_share: float,
    selection_draws: int,
    limited_labels: int,
    limited_draws: int,
    seed: int,
) -> ProbeResult:
    """Fit `LinearSVC` at the C of the best mean validation accuracy, on all labels and on draws of a few per class.

    `train` and `test` are (features [n, F], labels [n]).
    """
    cost = _best_cost(*train, costs, validation_share, selection_draws, seed)
    accuracies = []
    for draw in range(limited_draws):
        rows = balanced_rows(train[1], limited_labels, generator(seed, "label draw", draw))
        accuracies.append(_accuracy(train[0][rows], train[1][rows], *test, cost))
    return ProbeResult(_accuracy(*train, *test, cost), tuple(accuracies), cost)


def balanced_rows(labels: np.ndarray, per_class: int, stream: np.random.Generator) -> np.ndarray:
    """Sorted rows of `per_class` random examples of each class."""
    drawn = [stream.choice(np.flatnonzero(labels == k), per_class, replace=False) for k in np.unique(labels)]
    return np.sort(np.concatenate(drawn))


def _best_cost(
    features: np.ndarray, labels: np.ndarray, costs: Sequence[float], share: float, draws: int, seed: int
) -> float:
    held_out = round(share * len(labels))
    means = np.zeros(len(costs))
    for draw in range(draws):
        order = generator(seed, "validation draw", draw).permutation(len(labels))
        validation, fitted = order[:held_out], order[held_out:]
        for index, cost in enumerate(costs):
            means[index] += _accuracy(features[fitted], labels[fitted], features[validation], labels[validation], cost)
    return costs[int(means.argmax())]


def _accuracy(
    train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray, cost: float
) -> float:
    # The primal solver draws nothing at random; the dual one shares a stream between threads. The optimum is the same.
    svm = LinearSVC(C=cost, dual=False, max_iter=5000).fit(train, train_labels)  # pyright: ignore[reportArgumentType]
    return float(svm.score(test, test_labels))


def _pooled(maps: Sequence[Tensor]) -> Tensor:
    return torch.cat([adaptive_max_pool2d(m, GRID).flatten(1) for m in maps], dim=1)  # [B, 16·ΣC]
