"""Every protocol of images that needs samples alone, on one set of them: rows as those of a trained cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import nn

from replication.config.protocols import ProtocolOptions
from replication.data.reading import PreparedImages
from replication.metrics.neighbours import duplicate_rate, nearest
from replication.metrics.stability import mode_coverage
from replication.scoring.classification import METRIC
from replication.scoring.classifier import judged
from replication.scoring.images import add_judge_distances, add_judge_scores, judge_references
from replication.scoring.inception import add_inception_scores, real_under_inception
from replication.scoring.memorisation import add_shares, held_out_images
from replication.scoring.nearest_generated import nearest_error, variant
from replication.scoring.rows import Rows
from replication.scoring.stability import add_spread

STEP = 0  # of a set that nobody trained here


@dataclass(frozen=True)
class JudgeOfSamples:
    """A classifier of the data set, its name, and its accuracy on how many test images."""

    network: nn.Module
    name: str
    tested: tuple[float, int]


@dataclass(frozen=True)
class SampleSet:
    """Samples uint8 [n, C, H, W] from a seed, and labels int64 [n] where they have some."""

    seed: int
    images: np.ndarray
    labels: np.ndarray | None = None


def score_sample_set(
    rows: Rows,
    samples: SampleSet,
    data: PreparedImages,
    chosen: np.ndarray,
    judge: JudgeOfSamples | None,
    options: ProtocolOptions,
    inception: bool,
    device: str = "cpu",
) -> None:
    """Add the rows of a set of samples; `chosen` are the rows of the training images that its generator has seen.

    Under Inception only where `inception` says so, under a judge and against held-out images where there are some.
    """
    seed, images, seen = samples.seed, samples.images, data.train_images[chosen]
    if judge is not None:
        _add_judged(rows, samples, data, seen, judge)
    if inception:
        from replication.metrics.inception_network import inception_features

        real = real_under_inception(data, options.inception, device)
        under = inception_features(real.network, images, "samples")
        references = real.references(chosen, options.inception)
        add_inception_scores(rows, seed, STEP, under, real.head, references, options.inception)
    add_spread(rows, seed, STEP, images, seen)
    rows.add(seed, STEP, "duplicate_rate", *duplicate_rate(images, data.train_images))
    _add_neighbours(rows, samples, data, chosen, options.memorisation.samples, device)
    if samples.labels is not None and len(data.test_images):
        error = nearest_error(images, samples.labels, data.test_images, data.test_labels)
        rows.add(seed, STEP, METRIC, error, len(data.test_images), metric_variant=variant(len(images)))


def sorted_by_class(labels: np.ndarray) -> bool:
    """Whether neighbours among labels [n] share a class too often for chance; contiguous splits then score low."""
    shares = np.bincount(labels) / len(labels)
    chance = float(np.square(shares).sum())
    same = float((labels[1:] == labels[:-1]).mean())
    return same > chance + 6 * (chance * (1 - chance) / len(labels)) ** 0.5


def _add_judged(rows: Rows, samples: SampleSet, data: PreparedImages, seen: np.ndarray, judge: JudgeOfSamples) -> None:
    seed, under = samples.seed, judged(judge.network, samples.images)
    references, (accuracy, count) = judge_references(judge.network, seen, data, judge.tested)
    add_judge_scores(rows, seed, STEP, under.logits, judge.name)
    add_judge_distances(rows, seed, STEP, under.features, references, judge.name)
    shares = np.bincount(under.classes, minlength=len(data.class_names)) / len(under)
    rows.add(seed, STEP, "mode_coverage", mode_coverage(shares), len(under), judge=judge.name)
    if count:
        rows.add(seed, STEP, "judge_accuracy", accuracy, count, judge=judge.name)


def _add_neighbours(
    rows: Rows, samples: SampleSet, data: PreparedImages, chosen: np.ndarray, size: int, device: str
) -> None:
    """Distances to the nearest training image, and the share of memorised samples with its controls."""
    seed, seen, held_out = samples.seed, data.train_images[chosen], held_out_images(data, chosen)
    sets = {"samples": samples.images[:size]} | ({"held-out": held_out[:size]} if len(held_out) else {})
    for name, images in sets.items():
        apart = np.sqrt(nearest(images, seen, device)[0] / images[0].size)
        metric = "nearest_training_distance"
        rows.add(seed, STEP, metric, apart.mean(), len(images), metric_variant=name)
        rows.add(seed, STEP, metric, apart.min(), len(images), metric_variant=f"{name}, least")
    if len(held_out) > 1:
        add_shares(rows, seed, STEP, samples.images[:size], seen, held_out, size, device)
