"""Training images in place of samples: the error of 1-NN on them, on a few labels alone, and their Parzen window."""

from __future__ import annotations

import numpy as np
import torch
from tqdm import tqdm

from replication.config.protocols import RealNeighbours
from replication.config.recipes import Labels
from replication.data.reading import PreparedImages
from replication.foundation.runtime import side_by_side
from replication.foundation.seeding import generator
from replication.models.layers.samples import as_samples
from replication.scoring.classification import METRIC
from replication.scoring.nearest_generated import nearest_error, variant
from replication.scoring.parzen import add_window, validation_rows
from replication.scoring.rows import Rows
from replication.training.draws import labelled_rows

REAL = {"model": "real", "recipe": "train"}
LABELS_ALONE = {"paper": "improved_gan2016", "model": "control", "recipe": "labels-only-1-nn"}


def score_real_neighbours(
    rows: Rows, data: PreparedImages, chosen: np.ndarray, options: RealNeighbours, threads: int, device: str = "cpu"
) -> None:
    """Add the rows of every seed of the block; `chosen` are the split's rows of the training images.

    Seed 0 has the split itself, each other seed a random subset of as many training images: a replicate of kind split.
    A split of all images has seed 0 alone. Each seed also has the label draw of the semi-supervised training of its
    number, for every size that the classes have.
    """

    def score_seed(seed: int) -> None:
        if seed == 0 or len(chosen) < len(data.train_images):
            _score_subset(rows, seed, data, subset(chosen, len(data.train_images), seed), options.window, device)
        _score_labels(rows, seed, data, chosen, options.per_class, device)
        progress.update()

    with tqdm(total=len(rows.cell.seed_numbers), desc=f"{rows.cell.key}: neighbours", unit="seed") as progress:
        side_by_side(score_seed, rows.cell.seed_numbers, threads)


def subset(chosen: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Rows int64: the split's for seed 0, for another a random subset of `count` that is as large."""
    return chosen if seed == 0 else generator(seed, "training images").permutation(count)[: len(chosen)]


def _score_subset(rows: Rows, seed: int, data: PreparedImages, learnt: np.ndarray, window: int, device: str) -> None:
    drawn = {**REAL, "replicate": seed, "replicate_kind": "split"}
    error, count = _error(data, learnt, device), len(data.test_images)
    rows.add(seed, 0, METRIC, error, count, metric_variant=variant(len(learnt)), paper="dcgan2015", **drawn)
    held_out = validation_rows(len(data.train_images), learnt)
    if not len(held_out):
        return
    standing = generator(seed, "parzen window").permutation(learnt)[:window]
    images = (data.train_images[standing], data.train_images[held_out], data.test_images)
    points = [as_samples(torch.from_numpy(part), "unit").flatten(1).to(device) for part in images]
    add_window(rows, seed, 0, *points, paper="gan2014", **drawn)


def _score_labels(
    rows: Rows, seed: int, data: PreparedImages, chosen: np.ndarray, sizes: tuple[int, ...], device: str
) -> None:
    labels = data.train_labels[chosen]
    fewest = np.bincount(labels, minlength=len(data.class_names)).min()
    drawn = {**LABELS_ALONE, "replicate": seed, "replicate_kind": "label draw"}
    for per_class in (size for size in sizes if size <= fewest):
        learnt = chosen[labelled_rows(Labels(per_class), labels, seed)]
        name = f"{per_class * len(data.class_names)}-labels"
        error, count = _error(data, learnt, device), len(data.test_images)
        rows.add(seed, 0, METRIC, error, count, metric_variant=name, **drawn)


def _error(data: PreparedImages, learnt: np.ndarray, device: str) -> float:
    """The share of test images whose nearest of the training images in rows `learnt` is of another class."""
    images, labels = data.train_images[learnt], data.train_labels[learnt]
    return nearest_error(images, labels, data.test_images, data.test_labels, device)
