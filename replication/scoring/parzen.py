"""GAN 2014's score of an image cell: the log-likelihood of test images under a Parzen window on its samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from replication.data.reading import PreparedImages
from replication.metrics.parzen import parzen
from replication.models.layers.networks import Networks
from replication.recipes import Recipe
from replication.runtime import side_by_side
from replication.scoring.rows import Rows
from replication.scoring.trained import TrainedCell
from replication.training.initialise import real_samples
from replication.training.sampling import draw_samples

SAMPLES = 10_000  # that the window stands on
VALIDATION = 1_000  # images that choose its width (GAN's released parzen_ll.py)


def score_parzen(
    rows: Rows,
    trained: TrainedCell,
    build: Callable[[], Networks],
    recipe: Recipe,
    data: PreparedImages,
    chosen: np.ndarray,
    threads: int,
    samples: int = SAMPLES,
) -> None:
    """Add a cell's likelihood of the test images, its standard error over them and the window's width, in the
    recipe's pixels.

    Validation images are the first of the training images that are not `chosen`, the split's rows. Where there are
    none, the width has nothing to be chosen on, and no row is added.
    """
    held_out = np.setdiff1d(np.arange(len(data.train_images)), chosen)[:VALIDATION]
    if not len(held_out):
        return
    validation, test = (_points(images, recipe) for images in (data.train_images[held_out], data.test_images))

    def score_seed(place: tuple[int, int, int]) -> None:
        step, index, seed = place
        generator = trained.networks(build, step, index).generator
        drawn = draw_samples(generator, recipe, recipe.noise, seed, "parzen", samples, len(data.class_names))
        # A diverged run's rows read NaN whatever is fitted here, and the window takes finite numbers only.
        mean, error, sigma = parzen(torch.nan_to_num(drawn).flatten(1), validation, test)
        rows.add(seed, step, "parzen_log_likelihood", mean, len(test))
        rows.add(seed, step, "parzen_standard_error", error, len(test))
        rows.add(seed, step, "parzen_width", sigma, len(validation))

    for step in tqdm(trained.steps, desc=f"{rows.cell.key}: Parzen window", unit="step"):
        places = [(step, index, seed) for index, seed in enumerate(rows.cell.seed_numbers)]
        side_by_side(score_seed, places, threads)


def _points(images: np.ndarray, recipe: Recipe) -> Tensor:
    """uint8 [n, C, H, W] → float32 [n, C·H·W], as the networks see them."""
    return real_samples(torch.from_numpy(images), recipe).flatten(1)
