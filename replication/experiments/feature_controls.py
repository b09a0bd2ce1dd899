"""What the linear probe makes of features that no GAN has learnt: pixels, an untrained discriminator, and K-means.

Pixels and the untrained network are the floor of every trained one. K-means has published accuracies of its own, so
that it tells whether the probe is right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from replication.config.experiments import FeatureControls
from replication.config.params import Probe
from replication.data.reading import PreparedImages
from replication.foundation.errors import InputError
from replication.foundation.runtime import side_by_side
from replication.foundation.seeding import torch_seed
from replication.metrics.kmeans_features import encode, learn_dictionary, standardise
from replication.metrics.linear_probe import discriminator_features
from replication.models.layers.convolutional import ConvolutionalDiscriminator
from replication.models.layers.networks import Networks
from replication.models.layers.samples import as_samples
from replication.scoring.probe import add_probe, run_probe, workers
from replication.scoring.rows import Rows

Features = tuple[Tensor, Tensor]  # of the training and of the test images
Control = tuple[str, Sequence[float], Callable[[], Features]]  # name, C grid, what makes the features


def score_feature_controls(
    rows: Rows,
    data: PreparedImages,
    probe: Probe,
    options: FeatureControls,
    build: Callable[[], Networks],
    device: str = "cpu",
    threads: int = 1,
) -> None:
    """Add the probe's rows of every control and seed, as recipes of model `control` at step 0.

    `build` makes the networks whose discriminator is probed untrained. A seed draws its initial weights, the patches
    and first centroids of K-means, and the probe's labels.

    Raises:
        InputError: the discriminator has no maps of convolutions, or images are smaller than a patch.
    """
    at_once, threads_each = workers(data.train_images.size, device, threads)
    # Here, because torch's stream is one to all threads.
    untrained = {seed: _untrained(build, seed) for seed in rows.cell.seed_numbers}

    def measure_seed(seed: int) -> None:
        for name, costs, features in _controls(data, probe, options, untrained[seed].to(device), seed, threads_each):
            rows.once(f"{name}-{seed}", partial(measure, seed, name, costs, features))

    def measure(seed: int, name: str, costs: Sequence[float], features: Callable[[], Features], part: Rows) -> None:
        result = run_probe(*features(), data, replace(probe, costs=tuple(costs)), seed, device, threads_each)
        add_probe(part, seed, 0, result, len(data.test_labels), model="control", recipe=name)

    side_by_side(measure_seed, rows.cell.seed_numbers, at_once)


def _controls(
    data: PreparedImages,
    probe: Probe,
    options: FeatureControls,
    untrained: ConvolutionalDiscriminator,
    seed: int,
    threads: int,
) -> list[Control]:
    train, test = torch.from_numpy(data.train_images), torch.from_numpy(data.test_images)
    device = untrained.output.weight.device.type

    def pixels() -> Features:
        return as_samples(train).flatten(1), as_samples(test).flatten(1)

    def of_untrained() -> Features:
        first = discriminator_features(untrained, train, train)
        return first, discriminator_features(untrained, test, train)

    fixed: list[Control] = [
        ("raw-pixels", probe.costs, pixels),
        ("untrained-discriminator", probe.costs, of_untrained),
    ]
    learnt = partial(_k_means_features, train, test, options, seed, device, threads)
    return fixed + [(f"k-means-{units}", options.costs, partial(learnt, units)) for units in options.units]


def _untrained(build: Callable[[], Networks], seed: int) -> ConvolutionalDiscriminator:
    """The discriminator as a training of this seed would start with it."""
    with torch_seed(seed, "initial"):
        discriminator = build().discriminator
    if not isinstance(discriminator, ConvolutionalDiscriminator):
        raise InputError(
            f"feature-controls: a {type(discriminator).__name__} has no maps of convolutions to probe: name a "
            "convolutional recipe of dcgan in the experiment's cell (params.yaml)."
        )
    return discriminator


def _k_means_features(
    train: Tensor, test: Tensor, options: FeatureControls, seed: int, device: str, threads: int, units: int
) -> Features:
    dictionary = learn_dictionary(
        train, units, options.patch, options.patches, options.iterations, seed, device, threads
    )
    features = [encode(images, dictionary, device, threads, options.storage) for images in (train, test)]
    standardise(features[0], features[1])
    return features[0], features[1]
