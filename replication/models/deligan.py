"""DeLiGAN (Gurumurthy et al. 2017): a mixture of Gaussians as prior; with a plain one, the paper's GAN baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from replication.errors import InputError
from replication.models.layers import (
    ConvolutionalDiscriminator,
    ConvolutionalGenerator,
    DenseNetworks,
    Generator,
    Networks,
    initialise_normal,
)
from replication.recipes import Prior
from replication.strict import CLOSED, strict


@dataclass(frozen=True, config=CLOSED)
class ConvolutionalNetwork:
    kernel: int
    init_std: float
    generator: tuple[tuple[int, int], ...]
    discriminator: tuple[tuple[int, int], ...]
    minibatch: tuple[int, int]  # kernels and their dimensions


class MixturePrior(nn.Module):
    """z = μ_i + σ_i ε with learnt μ and σ (DeLiGAN §4, equation 3)."""

    def __init__(self, components: int, latent_dim: int, mean_range: float, sigma_init: float) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.empty(components, latent_dim).uniform_(-mean_range, mean_range))
        self.sigma = nn.Parameter(torch.full((components, latent_dim), sigma_init))

    def forward(self, noise: Tensor, component: Tensor) -> Tensor:
        return self.mean[component] + self.sigma[component] * noise  # [B, latent_dim]


class MinibatchDiscrimination(nn.Module):
    """Features [B, F] → [B, F + kernels]: closeness to the batch, itself included, divided by the batch's total.

    The normalised form of DeLiGAN's released MNIST code (`deligan-6` in the ledger), not Salimans' own.
    """

    def __init__(self, features: int, kernels: int, dimensions: int) -> None:
        super().__init__()
        self.project = nn.Linear(features, kernels * dimensions, bias=False)
        self.shape = (kernels, dimensions)

    def forward(self, features: Tensor) -> Tensor:
        rows = self.project(features).unflatten(1, self.shape)  # [B, kernels, dimensions]
        distance = (rows.unsqueeze(0) - rows.unsqueeze(1)).abs().sum(3)  # [B, B, kernels]
        closeness = torch.exp(-distance)
        return torch.cat([features, closeness.sum(1) / closeness.sum((0, 1))], dim=1)


def build(network: Mapping[str, Any], prior: Prior, latent_dim: int, shape: Sequence[int]) -> Networks:
    """Both networks: dense ones for points of shape (2,), convolutional ones for images (C, H, W).

    Raises:
        InputError: a key of `network` is unknown or of the wrong type, or the layers do not fit the samples.
    """
    mixture = (
        MixturePrior(prior.components, latent_dim, prior.mean_range, prior.sigma_init) if prior.components else None
    )
    if len(shape) == 1:
        return strict(DenseNetworks, dict(network), "params.yaml: network of deligan").build(mixture, latent_dim, shape)
    options = strict(ConvolutionalNetwork, dict(network), "params.yaml: network of deligan")
    if min(options.minibatch) < 1:
        raise InputError(
            f"params.yaml: minibatch {options.minibatch} of deligan: two positive whole numbers are needed."
        )

    def minibatch(features: int) -> tuple[nn.Module, int]:
        return MinibatchDiscrimination(features, *options.minibatch), features + options.minibatch[0]

    networks = Networks(
        Generator(mixture, ConvolutionalGenerator(latent_dim, options.generator, options.kernel, shape, biases=True)),
        ConvolutionalDiscriminator(options.discriminator, options.kernel, shape, minibatch, biases=True),
    )
    for module in networks:
        initialise_normal(module, options.init_std)
    return networks
