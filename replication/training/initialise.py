"""Initial weights that a recipe sets from training samples, once, before the first update."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from replication.config.recipes import Recipe
from replication.foundation.seeding import generator
from replication.models.layers.networks import Networks, draw_layer_noise
from replication.models.layers.samples import as_samples
from replication.training.draws import draw_components, draw_noise
from replication.training.streams import HostStream, host_stream


class Samples(NamedTuple):
    """What is trained on: uint8 images [n, C, H, W] or float32 points [n, 2], and their labels int64 [n]."""

    values: Tensor
    labels: Tensor | None = None


@runtime_checkable
class StartsFromSamples(Protocol):
    """A module whose first weights depend on training samples, such as an output bias from pixel means."""

    def start_from_samples(self, samples: Tensor) -> None: ...


@runtime_checkable
class StartsFromInput(Protocol):
    """A layer that sets its scale and bias from its input while `starting` is true, and passes on the result."""

    starting: bool


@torch.no_grad()
def initialise_networks(networks: Networks, recipe: Recipe, seed: int, data: Samples) -> None:
    """Let the layers that ask for it set themselves from data, and the generator keep its reference batch."""
    stream = generator(seed, "initial data")
    noise = draw_noise(recipe.noise, HostStream(stream), (recipe.batch, recipe.latent_dim))
    component = draw_components(recipe, HostStream(stream), (recipe.batch,))
    if networks.generator.has_reference:
        reference = networks.generator.reference
        reference.copy_(draw_noise(recipe.noise, host_stream(seed, "reference"), reference.shape))
    if not recipe.initial_images:
        return
    rows = stream.permutation(len(data.values))[: recipe.initial_images]
    real = real_samples(data.values[torch.from_numpy(rows)], recipe)
    modules = [module for network in networks for module in network.modules()]
    for module in modules:
        if isinstance(module, StartsFromSamples):
            module.start_from_samples(real)
    starting = [module for module in modules if isinstance(module, StartsFromInput)]
    for module in starting:
        module.starting = True
    if starting:
        layers = torch.Generator().manual_seed(int(stream.integers(2**63)))
        labels = None if data.labels is None else data.labels[torch.from_numpy(rows)]
        networks.generator(noise, component, None if data.labels is None else data.labels[: recipe.batch])
        networks.discriminator(real, labels, draw_layer_noise(networks.discriminator, len(real), layers))
    for module in starting:
        module.starting = False


def real_samples(values: Tensor, recipe: Recipe) -> Tensor:
    """Training samples as the networks see them."""
    return as_samples(values, recipe.pixels) if values.dtype == torch.uint8 else values


def look_up(data: Samples, rows: Tensor, recipe: Recipe) -> tuple[Tensor, Tensor | None]:
    """Samples of `rows` (int64 […]) as the networks see them, […, C, H, W], and their labels […]."""
    samples = real_samples(data.values[rows.flatten()], recipe).unflatten(0, rows.shape)
    return samples, None if data.labels is None else data.labels[rows]
