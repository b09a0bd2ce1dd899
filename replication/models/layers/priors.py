"""What DeLiGAN makes latents from noise and a component by, and what its paper compares that with (DeLiGAN §4, §5)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from replication.foundation.errors import chosen
from replication.models.layers.dense import NONLINEARITIES, Nonlinearity


class MixturePrior(nn.Module):
    """z = μ_i + σ_i ε with learnt μ and σ (DeLiGAN §4, equation 3); `signed` σ start U(−sigma_init, sigma_init)."""

    def __init__(
        self,
        components: int,
        latent_dim: int,
        mean_range: float,
        sigma_init: float,
        signed: bool = False,
        learnt: str = "both",
    ) -> None:
        super().__init__()
        self.learnt = learnt
        self.mean = nn.Parameter(torch.empty(components, latent_dim).uniform_(-mean_range, mean_range))
        sigma = torch.full((components, latent_dim), sigma_init)
        self.sigma = nn.Parameter(sigma.uniform_(-sigma_init, sigma_init) if signed else sigma)

    def forward(self, noise: Tensor, component: Tensor) -> Tensor:
        # What is fixed has a gradient of zero: an optimiser wants one for every parameter.
        mean = self.mean if self.learnt in ("both", "mean") else self.mean.detach() + 0.0 * self.mean
        sigma = self.sigma if self.learnt in ("both", "sigma") else self.sigma.detach() + 0.0 * self.sigma
        return embedding(component, mean) + embedding(component, sigma) * noise  # [B, latent_dim]


class OneHotPrior(nn.Module):
    """MoE-GAN's latents: ε with the component's one-hot code beside it."""

    def __init__(self, components: int) -> None:
        super().__init__()
        self.components = components

    def forward(self, noise: Tensor, component: Tensor) -> Tensor:
        code = component.unsqueeze(1) == torch.arange(self.components, device=component.device)
        return torch.cat([noise, code.to(noise.dtype)], dim=1)  # [B, latent_dim + components]


class EnsembleLayer(nn.Module):
    """A dense layer for each component: [B, inputs] → [B, outputs], every row by its component's weights."""

    def __init__(self, components: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = sqrt(3 / inputs)  # as `dense`
        self.weight = nn.Parameter(torch.empty(components, outputs, inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(components, outputs))

    def forward(self, rows: Tensor, component: Tensor) -> Tensor:
        return torch.baddbmm(self.bias[component].unsqueeze(2), self.weight[component], rows.unsqueeze(2)).squeeze(2)


class Ensemble(nn.Module):
    """Ensemble-GAN: a dense generator for each component, but for its last nonlinearity (deviation deligan-21)."""

    def __init__(self, components: int, sizes: Sequence[int], nonlinearity: Nonlinearity) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EnsembleLayer(components, *pair) for pair in pairwise(sizes))
        self.nonlinearity = chosen(NONLINEARITIES, nonlinearity, "nonlinearity")()

    def forward(self, noise: Tensor, component: Tensor) -> Tensor:
        rows = self.layers[0](noise, component)
        for layer in self.layers[1:]:
            rows = layer(self.nonlinearity(rows), component)
        return rows
