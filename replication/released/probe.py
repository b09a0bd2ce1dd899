"""A released discriminator as its authors use it on images: batch statistics inferred, then pooled features.

Of the scripts for features only that on SVHN was released (Newmu/dcgan_code, svhn/svhn_semisup_analysis.py); those on
CIFAR-10 are taken to be made alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, adaptive_max_pool2d, batch_norm

from replication.config.params import Probe
from replication.data.reading import PreparedImages
from replication.foundation.errors import InputError
from replication.foundation.runtime import side_by_side
from replication.foundation.seeding import generator
from replication.metrics.linear_probe import GRID, discriminator_features, linear_probe
from replication.models.layers.convolutional import ConvolutionalDiscriminator
from replication.models.layers.samples import as_samples
from replication.released.weights import ReleasedDiscriminator

BATCH = 128  # of the released script; the last, smaller batch counts as much as any other there
# As that script has them; of CIFAR-10's 50 000 training images its 10 000 for validation are a fifth.
COSTS = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2)
VALIDATION_SHARE, SELECTION_DRAWS = 0.2, 10


def probe_released(
    released: ReleasedDiscriminator,
    data: PreparedImages,
    per_class: int | None,
    draws: int,
    seed: int,
    device: str = "cpu",
    threads: int = 1,
) -> dict[str, Any]:
    """Test accuracy of the L2-SVM on the features of every usable layer; `per_class` None is all labels.

    Raises:
        InputError: the images are of another shape than the network's, or a class has fewer labels.
    """
    check_data(released, data, per_class)
    images, tests = torch.from_numpy(data.train_images), torch.from_numpy(data.test_images)
    network = released.discriminator.to(device)
    infer_statistics(network, images, shuffled(len(images), seed), threads)
    train, test = (discriminator_features(network, each, None, threads, batch=BATCH) for each in (images, tests))
    labels = torch.from_numpy(data.train_labels), torch.from_numpy(data.test_labels)
    sizes = () if per_class is None else (per_class,)
    probe = Probe(COSTS, VALIDATION_SHARE, SELECTION_DRAWS, sizes, draws)
    examples = (train, labels[0]), (test, labels[1])
    result = linear_probe(*examples, probe, sizes, seed, device, per_class is None, threads)
    if per_class is None:
        measured = {"accuracy_mean": result.all_labels, "accuracy_sd": None, "C": result.cost, "draws": None}
    else:
        limited = result.limited[per_class]
        spread = float(np.std(limited.accuracies, ddof=1)) if draws > 1 else None
        measured = {"accuracy_mean": float(np.mean(limited.accuracies)), "accuracy_sd": spread, "C": limited.cost}
        measured |= {"draws": draws, "accuracies": list(limited.accuracies)}
    return {**measured, "n_features": train.shape[1], "n_train": len(images), "n_test": len(tests)}


def infer_statistics(
    discriminator: ConvolutionalDiscriminator, images: Tensor, order: np.ndarray, threads: int = 1, batch: int = BATCH
) -> None:
    """Set the running statistics to the mean over batches of each batch's mean and (biased) variance.

    Every layer sees the batch as the layers below normalise it by the batch's own statistics. `images` are uint8
    [n, C, H, W]; `order` is a permutation of their rows: a folder's images come class by class, and the statistics of
    batches of one class are others than those of the shuffled images that the authors have.
    """
    norms = [module for module in discriminator.blocks.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms:
        return
    rows = torch.from_numpy(order).split(batch)
    device = discriminator.output.weight.device
    measured = side_by_side(
        lambda chosen: _statistics(discriminator, as_samples(images[chosen].to(device))), rows, threads
    )
    for norm, layer in zip(norms, zip(*measured, strict=True), strict=True):
        mean, variance = torch.stack(layer).mean(0)
        assert norm.running_mean is not None and norm.running_var is not None
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
    discriminator.eval()


def shuffled(count: int, seed: int) -> np.ndarray:
    """The order int64 [count] in which batches for statistics are taken."""
    return generator(seed, "batch statistics").permutation(count)


def own_batch_features(
    discriminator: ConvolutionalDiscriminator, images: Tensor, order: np.ndarray, threads: int = 1, batch: int = BATCH
) -> Tensor:
    """Features [n, 16·ΣC] of batches, each normalised by its statistics; `order` says who shares one."""
    alone, chosen = deepcopy(discriminator).train(), torch.from_numpy(order)
    features = discriminator_features(alone, images[chosen], None, threads, batch=batch)
    return torch.empty_like(features).index_copy_(0, chosen, features)


def mean_pooled(maps: Sequence[Tensor]) -> Tensor:
    """Maps [B, C, H, W] of every convolution → their means on a grid of 4×4: [B, 16·ΣC]."""
    return torch.cat([adaptive_avg_pool2d(each, GRID).flatten(1) for each in maps], dim=1)


def halved(features: Tensor) -> Tensor:
    """Features [n, 16·ΣC] that are maxima on a grid of 4×4 → the maxima on one of 2×2, [n, 4·ΣC]."""
    return adaptive_max_pool2d(features.view(len(features), -1, GRID, GRID), GRID // 2).flatten(1)


def of_last_convolution(discriminator: ConvolutionalDiscriminator, features: Tensor) -> Tensor:
    """The part [n, 16·C] of features [n, 16·ΣC] that is of the last convolution."""
    convolutions = [module for module in discriminator.blocks.modules() if isinstance(module, nn.Conv2d)]
    return features[:, -GRID * GRID * convolutions[-1].out_channels :].contiguous()


def _statistics(discriminator: ConvolutionalDiscriminator, samples: Tensor) -> list[Tensor]:
    """Mean and biased variance per channel, [2, C], of what enters each batch normalisation."""
    statistics = []
    with torch.no_grad():
        for module in (module for block in discriminator.blocks for module in block.children()):
            if isinstance(module, nn.BatchNorm2d):
                variance, mean = torch.var_mean(samples, (0, 2, 3), correction=0)
                statistics.append(torch.stack([mean, variance]))
                samples = batch_norm(samples, mean, variance, module.weight, module.bias, eps=module.eps)
            else:
                samples = module(samples)
    return statistics


def check_data(released: ReleasedDiscriminator, data: PreparedImages, per_class: int | None) -> None:
    """Raise InputError unless the network can be probed on a data set with so many labels per class; None is all."""
    shape, expected = tuple(data.train_images.shape[1:]), released.network.shape
    if shape != expected:
        raise InputError(
            f"Images of {data.name} are {list(shape)} and the {released.network.name} network sees {list(expected)}: "
            "name a data set of such images, as cifar10 or svhn."
        )
    if not len(data.test_images):
        raise InputError(f"{data.name} has no test images to probe on: name a data set that has, as cifar10.")
    fewest = int(np.bincount(data.train_labels, minlength=len(data.class_names)).min() * (1 - VALIDATION_SHARE))
    if per_class is not None and per_class > fewest:
        raise InputError(
            f"{per_class} labels per class are more than the {fewest} of {data.name}'s smallest class that are not "
            "held out for validation: ask for fewer, or all."
        )
