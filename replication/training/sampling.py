"""Samples of a generator, drawn as in training."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from replication.config.recipes import Noise, Recipe
from replication.models.layers.networks import Generator
from replication.training.draws import draw_components, draw_noise
from replication.training.streams import host_stream


@torch.no_grad()
def draw_samples(
    generator: Generator,
    recipe: Recipe,
    noise: Noise,
    seed: int,
    purpose: str,
    count: int,
    classes: int = 0,
    together: int = 1,
) -> tuple[Tensor, np.ndarray]:
    """`count` samples on the generator's device, in batches of the recipe's size, from a stream of the seed's own.

    Batch normalisation uses each batch's statistics, as in training (DCGAN's released code), or the running ones where
    the recipe says so. Sample i of a conditional generator is of class i mod `classes`. The generator gets so many
    batches `together`, and keeps them apart itself (`batch_by_batch`). With the samples come int64 [count] of the
    prior's components that they are drawn from (0 without a mixture).
    """
    stream = host_stream(seed, purpose)
    batches = -(-count // recipe.batch)
    latent = draw_noise(noise, stream, (batches, recipe.batch, recipe.latent_dim))
    component = draw_components(recipe, stream, (batches, recipe.batch))
    labels = torch.arange(batches * recipe.batch).remainder(max(classes, 1)).view(batches, recipe.batch)
    device = next(generator.parameters()).device
    generator.train(recipe.sampled_with == "batch")
    batch_norm = any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in generator.modules())
    if not batch_norm and latent.numel() < 2**20:
        together = batches
    groups = (part.to(device).split(together) for part in (latent, component, labels))
    parts = [generator(*(part.flatten(0, 1) for part in group)) for group in zip(*groups, strict=True)]
    return torch.cat(parts)[:count], component.flatten()[:count].numpy()
