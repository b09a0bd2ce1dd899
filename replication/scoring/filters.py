"""What the filters of the discriminator's last convolution respond to, trained and untrained (DCGAN §6.2)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from replication.foundation.seeding import generator
from replication.metrics import guided_backpropagation
from replication.metrics.linear_probe import freeze_batch_statistics
from replication.models.layers.convolutional import ConvolutionalDiscriminator
from replication.scoring.image_cell import ImageCell, pictures
from replication.training.initialise import real_samples

SHOWN = 4  # images that excite a filter most, in the sheet


def measure(cell: ImageCell) -> dict[str, np.ndarray]:
    """Add the class selectivity of the filters at the first and the last step; the sheet `filters` of the first seed.

    Images are held-out ones. Batch normalisation is frozen to the mean of per-batch statistics over the images trained
    on, as for the linear probe, so that an image's gradient is its own.
    """
    # Test images may be sorted by class, so the first of them would not do.
    chosen = np.sort(generator(0, "filters").permutation(len(cell.data.test_images))[: cell.options.filters.images])
    images, labels = cell.data.test_images[chosen], cell.data.test_labels[chosen]
    steps = (0, cell.trained.steps[-1])
    sheets = cell.each(lambda step, index: _measure_step(cell, step, index, images, labels), steps, "filters")
    return {"filters": np.concatenate([sheets[len(cell.seeds)], sheets[0]], axis=1)}


def _measure_step(cell: ImageCell, step: int, index: int, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The rows of one seed at one step; pictures uint8 [filters, 2 · SHOWN, C, H, W]."""
    discriminator, seed = cell.networks(step, index).discriminator, cell.seeds[index]
    assert isinstance(discriminator, ConvolutionalDiscriminator)
    freeze_batch_statistics(discriminator, torch.from_numpy(cell.seen).to(cell.device))
    samples = real_samples(torch.from_numpy(images), cell.recipe).to(cell.device)

    def last_maps(batch: Tensor) -> Tensor:
        return discriminator.features(batch)[-1]

    responses = guided_backpropagation.filter_responses(last_maps, samples)
    permuted = generator(seed, "filters permuted", step).permutation(labels)
    first = min(cell.options.filters.filters, responses.shape[1])
    selectivity, count = guided_backpropagation.filter_selectivity(responses, labels)
    chance, _ = guided_backpropagation.filter_selectivity(responses, permuted)
    for name, values in (("all", selectivity), ("first", selectivity[:first]), ("permuted-labels", chance)):
        cell.rows.add(seed, step, "filter_selectivity", values.mean(), count, metric_variant=name)
    exciting = guided_backpropagation.most_exciting(responses, SHOWN)[:first]  # [filters, SHOWN]
    exciting_samples = samples[torch.from_numpy(exciting.reshape(-1))]
    filters = np.repeat(np.arange(first), SHOWN).tolist()
    gradients = guided_backpropagation.guided_gradients(discriminator, last_maps, exciting_samples, filters)
    parts = (
        pictures(exciting_samples, cell.recipe),
        guided_backpropagation.as_picture(torch.nan_to_num(gradients).cpu().numpy()),
    )
    return np.concatenate([part.reshape(first, SHOWN, *images.shape[1:]) for part in parts], axis=1)
