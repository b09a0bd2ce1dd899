"""Test error of discriminators that tell classes apart, alone and as ensembles (Improved GAN §5 and §6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from replication.config.recipes import Labels
from replication.models.layers.samples import as_samples
from replication.scoring.image_cell import ImageCell
from replication.scoring.rows import Rows
from replication.training.state import AVERAGED

METRIC = "test_error"


def classify_cell(cell: ImageCell) -> None:
    """Add the test error of every seed, and of each label draw's trainings together where there are several.

    Weights are the averaged ones where the recipe keeps them; the untrained step has none and is left out, and so is a
    cell whose recipe learns no labels or whose data set has no test images.
    """
    labels, rows = cell.recipe.labels, cell.rows
    if labels is None or not len(cell.data.test_images):
        return
    images = torch.from_numpy(cell.data.test_images)
    learnt = labels.per_class * cell.classes or rows.n_train

    def classify_seed(step: int, index: int) -> np.ndarray:
        discriminator = cell.trained.networks(cell.build, step, index, AVERAGED).discriminator.to(cell.device)
        return class_probabilities(discriminator, images, cell.recipe.batch, cell.recipe.pixels)

    for step in filter(None, cell.trained.steps):
        probabilities = cell.each(classify_seed, [step], "classification")
        add_test_errors(rows, step, cell.seeds, probabilities, cell.data.test_labels, labels, learnt)


@torch.no_grad()
def class_probabilities(discriminator: nn.Module, images: torch.Tensor, batch: int, pixels: str) -> np.ndarray:
    """float32 [n, K] of uint8 images [n, C, H, W], without layer noise, computed where the discriminator is.

    Whole batches alone, because minibatch discrimination sees them: the last one overlaps the one before it.
    """
    probabilities, device = np.empty((len(images), 0), np.float32), next(discriminator.parameters(), images).device
    for start in range(0, len(images), batch):
        first = max(0, min(start, len(images) - batch))
        logits = discriminator(as_samples(images[first : first + batch].to(device), pixels)).logits
        if not start:
            probabilities = np.empty((len(images), logits.shape[1]), np.float32)
        probabilities[first : first + batch] = logits.softmax(1).cpu().numpy()
    return probabilities


def add_test_errors(
    rows: Rows,
    step: int,
    seeds: Sequence[int],
    probabilities: Sequence[np.ndarray],
    truth: np.ndarray,
    options: Labels,
    learnt: int,
) -> None:
    """Rows of each seed and of each whole ensemble: `probabilities` [n, K] of each seed, `learnt` labels seen."""
    draws: dict[int, dict[int, np.ndarray]] = {}
    for seed, of_seed in zip(seeds, probabilities, strict=True):
        draw = seed // options.trainings_per_draw
        draws.setdefault(draw, {})[seed] = of_seed
        drawn = {"replicate": draw, "replicate_kind": "label draw"} if options.per_class else {}
        error = share_wrong(of_seed, truth)
        rows.add(seed, step, METRIC, error, len(truth), metric_variant=f"{learnt}-labels", **drawn)
    for draw, members in draws.items():
        if len(members) == options.trainings_per_draw > 1:
            lost = any(rows.is_lost(seed, step) for seed in members)
            value = float("nan") if lost else share_wrong(np.mean([*members.values()], axis=0), truth)
            named = {"metric_variant": f"{learnt}-labels-ensemble", "replicate": draw, "replicate_kind": "label draw"}
            rows.add(next(iter(members)), step, METRIC, value, len(truth), **named)


def share_wrong(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The share of rows [n, K] whose largest entry is not that of `truth` int [n]."""
    return float((probabilities.argmax(1) != truth).mean())
