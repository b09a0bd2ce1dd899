"""Protocol `inception`: inception scores, FID, KID, precision and recall of a cell's samples."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from torch import nn

from replication.config.protocols import Inception
from replication.data.reading import PreparedImages
from replication.metrics.distribution import Reference, distances, references_of
from replication.metrics.inception import TransferHead, inception_score, modified_inception_score, train_transfer_head
from replication.metrics.inception_network import (
    CLASSES,
    FEATURES,
    InceptionFeatures,
    inception_features,
    inception_weights,
    load_inception,
)
from replication.scoring.image_cell import ImageCell
from replication.scoring.images import HELD_OUT, TRAINING, References, add_distances
from replication.scoring.rows import Rows

SKIPPED = "none"  # as `inception.weights`: cells that name the protocol are not scored under Inception
SUBSET_SIZE = 1000  # of KID
METRICS = {"frechet": "fid", "kernel": "kid", "precision": "precision", "recall": "recall"}


@dataclass(frozen=True)
class RealUnderInception:
    """The network, and what it makes of a data set's real images; no head where there is one class alone."""

    network: nn.Module
    train: InceptionFeatures
    test: InceptionFeatures
    head: TransferHead | None

    def references(self, chosen: np.ndarray, options: Inception) -> dict[str, Reference]:
        """What distances are taken to: the training images in rows `chosen`, and the held-out ones."""
        sets = {TRAINING: self.train.pool3[chosen], HELD_OUT: self.test.pool3}
        return references_of(sets, options.manifold_samples)


_read: dict[str, RealUnderInception] = {}  # of the data set at hand: a process scores many cells of one


def measure(cell: ImageCell) -> dict[str, np.ndarray]:
    """Score the samples of every seed at the last step; there are no pictures."""
    options = cell.options.inception
    if options.weights == SKIPPED:
        return {}
    real, step = real_under_inception(cell.data, options, cell.device), cell.trained.steps[-1]
    references = real.references(cell.chosen, options)
    for index, seed in enumerate(cell.seeds):
        images = cell.sample(step, index, "samples", options.n_samples)
        features = inception_features(real.network, images, f"{cell.rows.cell.key}, seed {seed}")
        add_inception_scores(cell.rows, seed, step, features, real.head, references, options)
    return {}


def real_under_inception(data: PreparedImages, options: Inception, device: str) -> RealUnderInception:
    """What Inception makes of all real images of a data set, and the transfer head trained on its training images."""
    key = json.dumps([data.name, data.manifest.get("files"), options.weights, device])
    if key not in _read:
        _read.clear()
        network = load_inception(inception_weights(options.weights), device)
        train = inception_features(network, data.train_images, f"{data.name}, training images")
        test = InceptionFeatures(np.empty((0, FEATURES), np.float32), np.empty((0, CLASSES), np.float32))
        if len(data.test_images):
            test = inception_features(network, data.test_images, f"{data.name}, held-out images")
        classes = len(data.class_names)
        head = train_transfer_head(train.pool3, data.train_labels, classes) if classes > 1 else None
        _read[key] = RealUnderInception(network, train, test, head)
    return _read[key]


def add_inception_scores(
    rows: Rows,
    seed: int,
    step: int,
    features: InceptionFeatures,
    head: TransferHead | None,
    references: References,
    options: Inception,
    **names: Any,
) -> None:
    """Rows of every score of one set of images; `names` are those of a set that is no sample of the cell's."""
    mean, spread = inception_score(features.logits, options.splits)
    rows.add(seed, step, "inception_score", mean, len(features), **names)
    rows.add(seed, step, "inception_score_spread", spread, len(features), **names)
    if head is not None:
        add_modified_scores(rows, seed, step, head.logits(features.pool3[: options.modified_samples]), **names)
        rows.add(seed, step, "transfer_head_accuracy", head.accuracy, head.held_out, **names)
    sizes = {"subsets": options.kernel_subsets, "size": SUBSET_SIZE, "limit": options.manifold_samples}
    measure = partial(distances, seed=seed, **sizes)
    add_distances(rows, seed, step, features.pool3, references, METRICS, measure, **names)


def add_modified_scores(rows: Rows, seed: int, step: int, logits: np.ndarray, **names: Any) -> None:
    """DeLiGAN's score of every class that has samples, the share of all of them, the mean and spread between them."""
    modified, metric = modified_inception_score(logits), "modified_inception_score"
    rows.add(seed, step, metric, modified.mean, len(logits), **names)
    rows.add(seed, step, f"{metric}_spread", modified.spread, len(logits), **names)
    for label, scored in enumerate(modified.classes):
        names["class_"] = str(label)
        rows.add(seed, step, "transfer_head_share", scored.share, len(logits), **names)
        if scored.count:
            rows.add(seed, step, metric, scored.modified_score, scored.count, **names)
