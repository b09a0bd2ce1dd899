"""GAN 2014's score of an image cell: the log-likelihood of test images under a Parzen window on its samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from replication.metrics.parzen import FINE, SIGMAS, parzen
from replication.scoring.image_cell import ImageCell
from replication.scoring.rows import Rows
from replication.training.initialise import real_samples
from replication.training.sampling import draw_samples

SAMPLES = 10_000  # that the window stands on
VALIDATION = 1_000  # images that choose its width (GAN's released parzen_ll.py)


def score_parzen(cell: ImageCell, samples: int = SAMPLES) -> None:
    """Add the likelihood of the test images in the recipe's pixels, its standard error and the window's width.

    Validation images are the first of the training images that the split leaves out. Where there are none, the width
    has nothing to be chosen on, and no row is added.
    """
    held_out = validation_rows(len(cell.data.train_images), cell.chosen)
    if not len(held_out) or not len(cell.data.test_images):
        return
    pair = [torch.from_numpy(images) for images in (cell.data.train_images[held_out], cell.data.test_images)]
    # As the networks see them.
    validation, test = (real_samples(images, cell.recipe).flatten(1).to(cell.device) for images in pair)

    def score_seed(step: int, index: int) -> None:
        seed, generator = cell.seeds[index], cell.networks(step, index).generator
        drawn = draw_samples(generator, cell.recipe, cell.recipe.noise, seed, "parzen", samples, cell.classes)[0]
        # A diverged run's rows read NaN whatever is fitted here, and the window takes finite numbers only.
        add_window(cell.rows, seed, step, torch.nan_to_num(drawn).flatten(1), validation, test)

    cell.each(score_seed, cell.trained.steps, "Parzen window")


def add_window(
    rows: Rows, seed: int, step: int, samples: Tensor, validation: Tensor, test: Tensor, **names: Any
) -> None:
    """Rows of windows on samples [n, d], their width from the released grid (no variant) and from the fine one."""
    for variant, sigmas in (("", SIGMAS), ("fine-grid", FINE)):
        mean, error, sigma = parzen(samples, validation, test, sigmas)
        rows.add(seed, step, "parzen_log_likelihood", mean, len(test), metric_variant=variant, **names)
        rows.add(seed, step, "parzen_standard_error", error, len(test), metric_variant=variant, **names)
        rows.add(seed, step, "parzen_width", sigma, len(validation), metric_variant=variant, **names)


def validation_rows(count: int, chosen: np.ndarray) -> np.ndarray:
    """int64: the first of `count` training images that are not `chosen`, as many as choose a window's width."""
    return np.setdiff1d(np.arange(count), chosen)[:VALIDATION]
