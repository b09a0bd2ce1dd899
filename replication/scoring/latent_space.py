"""A generator as a function of latents alone, and what protocols that steer it share."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from replication.config.recipes import Noise, Recipe
from replication.foundation.seeding import generator as stream_of
from replication.metrics.linear_probe import freeze_to_mean
from replication.metrics.plausibility import Plausibility, learn_plausibility
from replication.models.layers.networks import Generator
from replication.scoring.image_cell import ImageCell, pictures
from replication.training.draws import draw_components, draw_noise
from replication.training.sampling import draw_samples
from replication.training.streams import host_stream

BATCHES = 16  # of samples, whose statistics are averaged
DECODED = 500  # images made at once
REAL = 10_000  # images that plausibility is learnt from, of either set at most


class LatentSpace:
    """One seed's generator after its prior: latents float32 [n, D] in, images out, each by its own latent alone."""

    def __init__(self, cell: ImageCell, step: int, index: int) -> None:
        self._recipe, self._seed = cell.recipe, cell.seeds[index]
        self._noise = cell.recipe.display_noise or cell.recipe.noise
        self._generator = cell.networks(step, index).generator
        self._device = next(self._generator.parameters()).device
        self.classes = cell.classes if self._generator.conditional else 0
        freeze_batch_statistics(self._generator, self._recipe, self._noise, self._seed, cell.classes)

    @torch.no_grad()
    def draw(self, purpose: str, count: int) -> np.ndarray:
        """float32 [count, D]: latents as samples have them, from a stream of the seed's own named by `purpose`."""
        stream = host_stream(self._seed, purpose)
        noise = draw_noise(self._noise, stream, (count, self._recipe.latent_dim))
        component = draw_components(self._recipe, stream, (count,))
        prior = self._generator.prior
        latents = noise if prior is None else prior(noise.to(self._device), component.to(self._device))
        return torch.nan_to_num(latents).cpu().numpy()  # NaN is a run that diverged, whose rows read NaN anyway

    @torch.no_grad()
    def images(self, latents: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """uint8 [n, …, C, H, W] of latents [n, …, D]; `labels` int64 [n] are those of a conditional generator."""
        each = labels.reshape(-1, *[1] * (latents.ndim - 2))
        flat = torch.from_numpy(np.ascontiguousarray(latents, np.float32)).flatten(0, -2)
        spread = torch.from_numpy(np.broadcast_to(each, latents.shape[:-1]).reshape(-1).copy())
        parts = [self._decode(*part) for part in zip(flat.split(DECODED), spread.split(DECODED), strict=True)]
        decoded = np.concatenate(parts)
        return decoded.reshape(*latents.shape[:-1], *decoded.shape[1:])

    def labels(self, count: int) -> np.ndarray:
        """int64 [count]: each class in turn for a conditional generator, else zeros."""
        return np.arange(count) % max(self.classes, 1)

    def _decode(self, latents: torch.Tensor, labels: torch.Tensor) -> np.ndarray:
        network, moved = self._generator, latents.to(self._device)
        if network.has_reference:
            samples = network.body(torch.cat([network.reference, moved]))[len(network.reference) :]
        elif network.conditional:
            samples = network.body(moved, labels.to(self._device))
        else:
            samples = network.body(moved)
        return pictures(samples, self._recipe)


def freeze_batch_statistics(generator: Generator, recipe: Recipe, noise: Noise, seed: int, classes: int) -> None:
    """Set batch normalisation to its mean statistics over batches of samples, and the generator to use them.

    Samples have the statistics of their batch, as in training; a walk would change them with every frame, and sums
    leave the prior. With these each latent has one image, nearly that which it has among random ones.
    """
    if recipe.sampled_with == "batch" and any(isinstance(module, _BatchNorm) for module in generator.modules()):
        count = BATCHES * recipe.batch  # deviation dcgan-44
        freeze_to_mean(
            generator, lambda: draw_samples(generator, recipe, noise, seed, "batch statistics", count, classes)[0]
        )
    generator.eval()


def cell_plausibility(cell: ImageCell) -> Plausibility | None:
    """What the cell's judge finds plausible, from random training and test images; None where there is no judge."""
    if cell.judge is None:
        return None
    stream = stream_of(0, "plausibility")
    chosen = [stream.permutation(len(images))[:REAL] for images in (cell.data.train_images, cell.data.test_images)]
    real, held_out = cell.data.train_images[chosen[0]], cell.data.test_images[chosen[1]]
    return learn_plausibility(cell.judge, real, held_out, cell.device)
