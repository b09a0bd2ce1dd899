"""Experiment `reference-points`: what real images score, and a generator that only repeats its training images.

Every score of a GAN is read beside these. A generator that repeats scores as real images do: only its duplicates, and
what it leaves out of the held-out images, tell it from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn
from tqdm import tqdm

from replication.config.protocols import Inception, ProtocolOptions, ReferencePoints
from replication.data.reading import PreparedImages
from replication.foundation.runtime import side_by_side
from replication.foundation.seeding import generator
from replication.metrics.distribution import Reference, reference_of
from replication.metrics.inception import inception_score, split_scores
from replication.metrics.inception_network import output_bias
from replication.metrics.neighbours import duplicate_threshold, every, share_within
from replication.scoring.classifier import judged
from replication.scoring.images import (
    HELD_OUT,
    LIMIT,
    SPLITS,
    TRAINING,
    add_judge_distances,
    add_judge_scores,
)
from replication.scoring.inception import SKIPPED, RealUnderInception, add_inception_scores, real_under_inception
from replication.scoring.rows import Rows

OF_SPLITS = "of-splits"  # the scores of which the judge score is the mean


@dataclass(frozen=True)
class Point:
    """A set of real images: rows of the training images, or of the held-out ones, and the recipe that it stands for."""

    seed: int
    model: str
    recipe: str
    held_out: bool
    images: np.ndarray  # rows, some of them several times
    trained_on: np.ndarray  # rows of the training images; of a set that is these itself none

    @property
    def whole(self) -> bool:
        """All held-out images, or all of the split: of these there are rows of every class."""
        return self.recipe in ("test", "train")

    @property
    def names(self) -> dict[str, Any]:
        """Of its rows; the training images are those that it repeats, or itself."""
        return {"model": self.model, "recipe": self.recipe, "n_train": len(self.trained_on) or len(self.images)}

    def of(self, train: Any, test: Any) -> Any:
        """Its part of what is at hand for all training images and all held-out ones."""
        return (test if self.held_out else train)[self.images]


def score_reference_points(
    rows: Rows,
    data: PreparedImages,
    chosen: np.ndarray,
    judge: nn.Module,
    judge_name: str,
    options: ProtocolOptions,
    threads: int,
    device: str = "cpu",
) -> None:
    """Rows of every reference point of the split `chosen`; under Inception too where the cell names it."""
    points = list(reference_points(rows.cell.seed_numbers, data, chosen, options.reference_points))
    add_duplicates(rows, data, points, options.reference_points.samples, threads)
    add_judged(rows, data, points, judge, judge_name)
    if "inception" in rows.cell.protocols and options.inception.weights != SKIPPED:
        add_inception(rows, data, points, real_under_inception(data, options.inception, device), options.inception)


def reference_points(
    seeds: Iterable[int], data: PreparedImages, chosen: np.ndarray, options: ReferencePoints
) -> Iterable[Point]:
    """Held-out images and the whole split once, then for each seed its limited sets and what repeats them."""
    nothing, first = np.empty(0, np.int64), next(iter(seeds))
    held_out = np.arange(len(data.test_labels))
    yield Point(first, "real", "test", True, mixed(held_out, data.test_labels), chosen)
    yield Point(first, "real", "train", False, mixed(chosen, data.train_labels[chosen]), nothing)
    for seed in seeds:
        order = generator(seed, "reference points").permutation(chosen)
        for count in (count for count in options.limited if count <= len(chosen)):
            few, stream = order[:count], generator(seed, "repeats", count)
            yield Point(seed, "real", f"limited-{count}", False, few, nothing)
            yield Point(seed, "memoriser", f"repeats-{count}", False, stream.choice(few, options.samples), few)


def mixed(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Rows in the data set's own order, which splits of a score are cut in; shuffled where it goes by class."""
    by_class = bool((np.diff(labels) >= 0).all())
    return generator(0, "mixed").permutation(images) if by_class else images


def add_duplicates(rows: Rows, data: PreparedImages, points: list[Point], limit: int, threads: int) -> None:
    """The duplicate rate of each set, of `limit` images at most, as that of a generator's samples."""
    sizes = {len(point.images): min(len(point.images), limit, len(data.train_images)) for point in points}
    thresholds = {count: duplicate_threshold(data.train_images, count) for count in tqdm(set(sizes.values()))}

    def add(point: Point) -> None:
        count = sizes[len(point.images)]
        images = data.test_images if point.held_out else data.train_images
        rate = share_within(images[every(point.images, count)], thresholds[count])
        rows.add(point.seed, 0, "duplicate_rate", rate, count, **point.names)

    side_by_side(add, points, threads)


def add_score_variants(
    rows: Rows,
    metric: str,
    logits: np.ndarray,
    labels: np.ndarray,
    splits: int,
    seeds: Iterable[int],
    bias: np.ndarray | None = None,
    **names: Any,
) -> None:
    """Rows of the score of logits [n, K] of images whose classes are `labels` [n], in the variants that its users have.

    `one-split`, `contiguous` (as in the released code, deviation improved-6) and `by-class` (sorted) have one row, of
    the first seed. So has `with-bias`, where the last layer's `bias` [K] is at hand. `shuffled` has an order and a row
    for each seed.
    """
    first, *others = seeds
    scores = {
        "one-split": inception_score(logits, 1)[0],
        "contiguous": inception_score(logits, splits)[0],
        "by-class": inception_score(logits[np.argsort(labels, kind="stable")], splits)[0],
    }
    if bias is not None:
        scores["with-bias"] = inception_score(logits + bias, splits)[0]
    for variant, score in scores.items():
        rows.add(first, 0, metric, score, len(logits), metric_variant=variant, **names)
    for seed in (first, *others):
        score = inception_score(generator(seed, "shuffled").permutation(logits), splits)[0]
        rows.add(seed, 0, metric, score, len(logits), metric_variant="shuffled", **names)


def add_judged(rows: Rows, data: PreparedImages, points: list[Point], judge: nn.Module, name: str) -> None:
    """The judge's scores and distances of each set, its accuracy beside them, and the score over held-out images'."""
    train, test = judged(judge, data.train_images), judged(judge, data.test_images)
    accuracy = float((test.classes == data.test_labels).mean())
    held_out = reference_of(every(test.features, LIMIT), LIMIT)
    real = test.logits[points[0].images]
    for point in tqdm(points, desc=f"{rows.cell.key}: judge", unit="set"):
        names, of_point = point.names, point.of(train, test)
        add_judge_scores(rows, point.seed, 0, of_point.logits, name, by_class=point.whole, **names)
        if point.whole:
            drawn = (point.of(data.train_labels, data.test_labels), SPLITS, rows.cell.seed_numbers)
            add_score_variants(rows, "judge_score_variant", of_point.logits, *drawn, judge=name, **names)
            of = {"replicate_kind": "split", "judge": name, "metric_variant": OF_SPLITS, **names}
            for split, score in enumerate(split_scores(of_point.logits, SPLITS)):
                rows.add(point.seed, 0, "judge_score_variant", score, len(of_point) // SPLITS, replicate=split, **of)
        rows.add(point.seed, 0, "judge_accuracy", accuracy, len(test), judge=name, **names)
        references = references_of(point, train.features, held_out, LIMIT)
        add_judge_distances(rows, point.seed, 0, of_point.features, references, name, **names)
        if not point.held_out:
            others = {HELD_OUT: real}
            if len(point.trained_on):
                others["unrepeated"] = train[point.trained_on].logits
            for variant, logits in others.items():
                count = min(len(of_point), len(logits))
                ratio = inception_score(of_point.logits[:count], SPLITS)[0] / inception_score(logits[:count], SPLITS)[0]
                of = {"judge": name, "metric_variant": variant, **names}
                rows.add(point.seed, 0, "judge_score_ratio", ratio, count, **of)


def add_inception(
    rows: Rows, data: PreparedImages, points: list[Point], real: RealUnderInception, options: Inception
) -> None:
    """The same under Inception, and each split's score of the whole training split (Improved GAN, Table 3)."""
    held_out = reference_of(real.test.pool3, options.manifold_samples)
    for point in tqdm(points, desc=f"{rows.cell.key}: Inception", unit="set"):
        names, of_point = point.names, point.of(real.train, real.test)
        references = references_of(point, real.train.pool3, held_out, options.manifold_samples)
        add_inception_scores(rows, point.seed, 0, of_point, real.head, references, options, **names)
        if point.whole:
            drawn = (
                point.of(data.train_labels, data.test_labels),
                options.splits,
                rows.cell.seed_numbers,
                output_bias(real.network),
            )
            add_score_variants(rows, "inception_score_variant", of_point.logits, *drawn, **names)
        if point.recipe == "train":
            for split, score in enumerate(split_scores(of_point.logits, options.splits)):
                drawn = {"replicate": split, "replicate_kind": "split", **names}
                rows.add(point.seed, 0, "inception_score", score, len(of_point) // options.splits, **drawn)


def references_of(point: Point, training: np.ndarray, held_out: Reference, limit: int) -> dict[str, Reference]:
    """What a set is compared with: held-out images, and what it is trained on; never with itself."""
    references = {} if point.held_out else {HELD_OUT: held_out}
    if len(point.trained_on):
        references[TRAINING] = reference_of(training[point.trained_on], limit)
    return references
