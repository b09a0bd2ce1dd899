"""Protocol `nearest-generated`: 1-NN on a conditional generator's labelled samples (DCGAN, Table 3)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from replication.metrics.nearest_generated import nearest_labels
from replication.models.layers.samples import as_samples
from replication.scoring.classification import METRIC
from replication.scoring.image_cell import ImageCell
from replication.scoring.quick_generators import batch_by_batch, folded
from replication.training.sampling import draw_samples

PART = 8192  # samples drawn together, about: whole batches of every class in turn
SHEET = "conditional"
SHOWN = 10  # samples of each class on the sheet


def measure(cell: ImageCell) -> dict[str, np.ndarray]:
    """Add the test error of 1-NN on each count of samples; the untrained generator is measured at the smallest count.

    Distances are taken in the pixels that the networks see, and samples are not rounded to levels, as in the released
    code. A seed that diverged is not sampled.
    """
    options, steps = cell.options.nearest_generated, cell.trained.steps
    points = as_samples(torch.from_numpy(cell.data.test_images), cell.recipe.pixels).flatten(1).to(cell.device)
    counts = {steps[0]: options.counts[:1]} if steps[0] == 0 else {}
    counts[steps[-1]] = options.counts

    def score_seed(step: int, index: int) -> None:
        seed, truth = cell.seeds[index], cell.data.test_labels
        lost = cell.rows.is_lost(seed, step)
        labels = {} if lost else nearest_labels(points, _samples(cell, step, index, max(counts[step])), counts[step])
        for size in counts[step]:
            error = float("nan") if lost else float((labels[size] != truth).mean())
            cell.rows.add(seed, step, METRIC, error, len(truth), metric_variant=variant(size))

    cell.each(score_seed, counts, "1-NN")
    sheet = cell.sample(steps[-1], 0, "1-nn sheet", SHOWN * cell.classes)  # of each class in turn
    return {SHEET: sheet.reshape(SHOWN, cell.classes, *sheet.shape[1:]).swapaxes(0, 1)}


def nearest_error(
    images: np.ndarray, labels: np.ndarray, test: np.ndarray, truth: np.ndarray, device: str = "cpu"
) -> float:
    """The share of test images whose nearest of some labelled images is of another class; uint8 [n, C, H, W] both."""
    # In levels, whole numbers, so that equal distances are equal.
    points, samples = (torch.from_numpy(each).flatten(1).to(device, torch.float32) for each in (test, images))
    labelled = nearest_labels(points, [(samples, torch.from_numpy(labels).to(device))], [len(images)])[len(images)]
    return float((labelled != truth).mean())


def variant(images: int) -> str:
    """How the table names 1-NN on so many labelled images: 1-nn-50k, 1-nn-10m, 1-nn-1297."""
    for size, letter in ((1_000_000, "m"), (1000, "k")):
        if images % size == 0:
            return f"1-nn-{images // size}{letter}"
    return f"1-nn-{images}"


def _samples(cell: ImageCell, step: int, index: int, most: int) -> Iterator[tuple[Tensor, Tensor]]:
    """`most` samples or a few more, float32 [b, d], and their labels int64 [b], each class in turn, on the device."""
    recipe, seed = cell.recipe, cell.seeds[index]
    generator, noise = cell.networks(step, index).generator, cell.recipe.display_noise or cell.recipe.noise
    together = recipe.batch * cell.classes
    size, at_once = together * max(1, PART // together), 1
    if cell.device == "cpu":
        generator = folded(generator)
    else:  # a GPU waits for the launches of small batches
        generator, at_once = batch_by_batch(generator, recipe.batch), size // recipe.batch
    labels = torch.arange(size, device=cell.device) % cell.classes
    for number in tqdm(range(-(-most // size)), f"{cell.rows.cell.key}: 1-NN, seed {seed}", unit=f"×{size} samples"):
        drawn = draw_samples(generator, recipe, noise, seed, f"1-nn {number}", size, cell.classes, at_once)[0]
        yield torch.nan_to_num(drawn).flatten(1), labels
