"""What every model offers to training and scoring: a generator behind its prior, a discriminator, noise as tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from replication.config.recipes import Prior
from replication.foundation.errors import InputError


class Latent(NamedTuple):
    """What a generator makes a batch from."""

    noise: Tensor  # float32 [B, latent_dim]
    component: Tensor  # int64 [B], of the prior's mixture
    labels: Tensor | None = None  # int64 [B], for a conditional generator


class Judged(NamedTuple):
    """What a discriminator says of a batch."""

    logits: Tensor  # [B], or [B, K] where it tells K classes apart
    features: tuple[Tensor, ...]  # [B, …] each, those that feature matching and the linear probe may name
    known: Tensor | None = None  # its `source`, where that was computed for several batches at once

    @property
    def source(self) -> Tensor:
        """Logit of D(x) [B]; of K class logits D(x) = Z/(Z + 1) with Z = Σ exp l_k (Improved GAN §5)."""
        if self.known is not None:
            return self.known
        logits = widened(self.logits)  # losses are float32, however the networks compute
        return logits if logits.dim() == 1 else torch.logsumexp(logits, dim=1)


class Generator(nn.Module):
    """A batch of latents → samples, through the prior and then the body.

    With `reference` rows the body sees a fixed batch of latents before each one, for virtual batch normalisation.
    """

    reference: Tensor

    def __init__(self, prior: nn.Module | None, body: nn.Module, reference: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.prior, self.body = prior, body
        self.conditional = any(isinstance(module, Conditional) for module in body.modules())
        if reference is not None:
            self.register_buffer("reference", torch.zeros(reference))
        self.has_reference = reference is not None

    def forward(self, noise: Tensor, component: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.make(self.latents(noise, component), labels)

    def latents(self, noise: Tensor, component: Tensor) -> Tensor:
        """What the body sees, [B, width]."""
        return noise if self.prior is None else self.prior(noise, component)

    def make(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Samples of latents."""
        if self.has_reference:
            return self.body(torch.cat([self.reference, latent]))[len(self.reference) :]
        return self.body(latent, labels) if self.conditional else self.body(latent)


class Conditional(nn.Module):
    """Marks a body whose forward takes labels int64 [B] beside its input."""


class Networks(NamedTuple):
    generator: Generator
    discriminator: nn.Module  # (samples, labels, noise) → Judged


Build = Callable[[], Networks]  # freshly initialised from torch's stream


class SeesBatch:
    """Marks a layer whose output for an example depends on the others of its batch."""


class LayerNoise(nn.Module):
    """A layer that takes noise of `shape` for each example: N(0, 1), or U(0, 1) to drop by."""

    distribution: Literal["normal", "uniform"]

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = tuple(shape)


class GaussianNoise(LayerNoise):
    """Adds N(0, std²)."""

    distribution = "normal"

    def __init__(self, std: float, shape: Sequence[int]) -> None:
        super().__init__(shape)
        self.std = std

    def forward(self, samples: Tensor, noise: Tensor) -> Tensor:
        return samples + self.std * noise


class Dropout(LayerNoise):
    """Keeps each unit with probability `keep`, and divides what it keeps by it."""

    distribution = "uniform"

    def __init__(self, keep: float, shape: Sequence[int]) -> None:
        super().__init__(shape)
        self.keep = keep

    def forward(self, samples: Tensor, noise: Tensor) -> Tensor:
        return samples * (noise < self.keep) / self.keep


class Stack(nn.Sequential):
    """Layers in order; the noisy ones take one tensor each of `noise`, and none (they pass on) where it is None."""

    def forward(self, samples: Tensor, noise: Iterable[Tensor] | None = None) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return features_of(self, samples, noise)[0]


def features_of(
    stages: Iterable[nn.Module], samples: Tensor, noise: Iterable[Tensor] | None
) -> tuple[Tensor, list[Tensor]]:
    """What a discriminator's stages end in, and the output of each that is no noise; noise is taken as by `Stack`."""
    draws, features = None if noise is None else iter(noise), []
    for stage in stages:
        if not isinstance(stage, LayerNoise):
            samples = stage(samples)
            features.append(samples)
        elif draws is not None:
            samples = stage(samples, next(draws))
    return samples, features


def draw_layer_noise(network: nn.Module, batch: int, stream: torch.Generator) -> list[Tensor]:
    """One tensor [batch, …] for each noisy layer of a network, in order, on the stream's device."""
    draws = {"normal": torch.randn, "uniform": torch.rand}
    return [
        draws[layer.distribution](batch, *layer.shape, generator=stream, device=stream.device)
        for layer in network.modules()
        if isinstance(layer, LayerNoise)
    ]


def widened(values: Tensor) -> Tensor:
    """bfloat16 as float32, for sums of small differences, statistics and losses; every other type as it is."""
    return values.float() if values.dtype == torch.bfloat16 else values


def as_given(values: Tensor) -> AbstractContextManager[object]:
    """Operations in the type of their operands, also where the network around them computes in bfloat16."""
    device = values.device.type
    return torch.autocast(device, enabled=False) if device in ("cpu", "cuda") else nullcontext()


def refuse_mixture(prior: Prior, model: str) -> None:
    """For models whose paper has a plain prior: InputError where it is a mixture, whose keys would have no effect."""
    if prior.components:
        raise InputError(f"params.yaml: prior of {model}: it has no components; use model deligan, or leave prior out.")
