"""Planted near-duplicates as a denoising autoencoder's binarised codes find them, and as binarised pixels do."""

from __future__ import annotations

import numpy as np

from replication.config.near_duplicates import NearDuplicates
from replication.data.reading import PreparedImages
from replication.experiments.near_duplicate_codes import (
    PlantedDuplicates,
    binary_codes,
    initial_denoiser,
    judge_finder,
    pixel_codes,
    plant_duplicates,
    train_denoiser,
)
from replication.foundation.runtime import side_by_side
from replication.foundation.seeding import generator
from replication.scoring.rows import Rows


def score_near_duplicates(
    rows: Rows, data: PreparedImages, chosen: np.ndarray, options: NearDuplicates, threads: int
) -> None:
    """Add recall of each kind planted and false positives; each seed plants its own and trains its own autoencoder.

    Step 0 is the untrained autoencoder; the pixels' rows stand at the last step, beside the trained one.
    """
    images, network = data.train_images[chosen], options.autoencoder

    def measure_seed(seed: int) -> None:
        planted = plant_duplicates(images, options.pairs, {**options.strengths}, generator(seed, "planted duplicates"))
        weights = train_denoiser(planted.images, options, seed)
        untrained = initial_denoiser(images[0].size, network.hidden, seed)
        add_found(rows, seed, 0, "codes", planted, binary_codes(untrained, planted.images))
        add_found(rows, seed, network.updates, "codes", planted, binary_codes(weights, planted.images))
        add_found(rows, seed, network.updates, "pixels", planted, pixel_codes(planted.images))

    side_by_side(measure_seed, rows.cell.seed_numbers, threads)


def add_found(rows: Rows, seed: int, step: int, name: str, planted: PlantedDuplicates, codes: np.ndarray) -> None:
    """Rows of one finder, recall by kind and of all."""
    found = judge_finder(planted, codes)
    for kind, recall in found.recall.items():
        count = int((planted.kind == kind if kind else planted.kind != "").sum())
        variant = f"{name} {kind}" if kind else name
        rows.add(seed, step, "duplicate_recall", recall, count, metric_variant=variant)
    rows.add(seed, step, "duplicate_false_positives", found.false_positives, found.removed, metric_variant=name)
