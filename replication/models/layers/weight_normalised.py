"""The weight-normalised networks for small images that the released codes of Improved GAN and DeLiGAN share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from replication.config.strict import CLOSED, BelowOne, Scale, ScaleOrZero, Size, SizeOrZero
from replication.foundation.errors import InputError
from replication.models.layers.minibatch import MinibatchDiscrimination, MinibatchForm
from replication.models.layers.networks import Dropout, GaussianNoise, Generator, Judged, Networks, features_of
from replication.models.layers.virtual_batch_norm import BatchNorm, VirtualBatchNorm
from replication.models.layers.weight_norm import (
    normalised_convolution,
    normalised_dense,
    normalised_transposed_convolution,
)

DIRECTION_STD = 0.05


@dataclass(frozen=True, config=CLOSED)
class Convolution:
    """A convolution of the discriminator."""

    channels: Size
    kernel: Size
    stride: Size = 1
    padding: SizeOrZero = 0  # 0: none
    dropout: BelowOne = 0.0  # the share of its input that is dropped; 0: none


@dataclass(frozen=True, config=CLOSED)
class Minibatch:
    """Minibatch discrimination before the last layer."""

    kernels: Size
    dimensions: Size
    form: MinibatchForm
    direction_std: Scale = 0.05  # of T's first values

    def build(self, features: int) -> MinibatchDiscrimination:
        """The layer, for [B, features]."""
        return MinibatchDiscrimination(features, self.kernels, self.dimensions, self.form, self.direction_std)


@dataclass(frozen=True, config=CLOSED)
class WeightNormalisedNetworks:
    """Keys of `network`: the generator's channels from its dense layer on, and the discriminator's layers."""

    generator: Annotated[tuple[Size, ...], Field(min_length=1, max_length=16)]
    discriminator: tuple[Convolution, ...]
    generator_norm: Literal["batch", "virtual"] = "batch"
    reference: SizeOrZero = 0  # latents of the reference batch, for virtual batch normalisation; 0: none
    input_noise: ScaleOrZero = 0.0  # standard deviation of what is added to the images; 0: none
    minibatch: Minibatch | None = None
    leak: BelowOne = 0.2  # slope of the discriminator's LeakyReLU; 0: ReLU
    output_std: Scale | None = 0.1  # of either network's outputs, when scales are set from data
    shared_std: bool = False  # setting scales from data: one factor a layer, not one an output
    generator_starts: bool = True  # whether the generator's last scale is set from data

    def build(self, prior: nn.Module | None, latent_dim: int, shape: Sequence[int], outputs: int) -> Networks:
        """Both networks for images (C, H, W); the discriminator has `outputs` logits, of which a single one is [B].

        InputError: the layers do not fit the images, or a reference batch is missing or without effect.
        """
        virtual = self.generator_norm == "virtual"
        if virtual != (self.reference > 0):
            raise InputError(
                f"params.yaml: network: reference {self.reference} and generator_norm {self.generator_norm} do not go "
                "together; virtual batch normalisation alone has a reference batch, of at least one latent."
            )
        body = WeightNormalisedGenerator(self, latent_dim, shape)
        generator = Generator(prior, body, (self.reference, latent_dim) if virtual else None)
        return Networks(generator, WeightNormalisedDiscriminator(self, shape, outputs))


class WeightNormalisedGenerator(nn.Module):
    """Latents → dense to channels × s × s, then 5×5 transposed convolutions of stride 2 to tanh images.

    Batch normalisation (per unit after the dense layer) has a bias alone; the last layer is weight-normalised, its
    scale trained. `reference` rows make it virtual: the first rows of each batch are the reference batch.
    """

    def __init__(self, options: WeightNormalisedNetworks, latent_dim: int, shape: Sequence[int]) -> None:
        super().__init__()
        channels, reference = options.generator, options.reference
        growth = 2 ** len(channels)
        if shape[1] != shape[2] or shape[1] % growth:
            raise InputError(
                f"The generator {list(channels)} cannot end in images of shape {tuple(shape)}: it has positive "
                "channels, and each layer doubles the side of a square."
            )
        side = shape[1] // growth
        units = channels[0] * side * side
        dense = nn.Linear(latent_dim, units, bias=False)
        nn.init.normal_(dense.weight, 0.0, DIRECTION_STD)
        self.project = nn.Sequential(dense, _norm(units, reference), nn.ReLU())
        self.first = (channels[0], side, side)
        stack: list[nn.Module] = []
        for inputs, outputs in pairwise(channels):
            layer = nn.ConvTranspose2d(inputs, outputs, 5, 2, 2, 1, bias=False)
            nn.init.normal_(layer.weight, 0.0, DIRECTION_STD)
            stack += [layer, _norm(outputs, reference), nn.ReLU()]
        starts = {"initial_std": options.output_std if options.generator_starts else None}
        sizes = (channels[-1], shape[0], 5, 2)
        output = normalised_transposed_convolution(*sizes, DIRECTION_STD, **starts, shared_std=options.shared_std)
        self.stack = nn.Sequential(*stack, output, nn.Tanh())

    def forward(self, latent: Tensor) -> Tensor:
        return self.stack(self.project(latent).unflatten(1, self.first))


class WeightNormalisedDiscriminator(nn.Module):
    """Images → logits: convolutions with LeakyReLU, global average pooling, [minibatch discrimination], dense.

    The features judged are each convolution's LeakyReLU output [B, C, H, W] and last the pooled ones [B, C], those
    that feature matching compares. Scales are set from data and only the last layer's is trained.
    """

    def __init__(self, options: WeightNormalisedNetworks, shape: Sequence[int], outputs: int) -> None:
        super().__init__()
        channels, side, minibatch, layers = shape[0], shape[1], options.minibatch, options.discriminator
        stages: list[nn.Module] = [GaussianNoise(options.input_noise, shape)] if options.input_noise else []
        for number, layer in enumerate(layers):
            if layer.dropout:
                stages.append(Dropout(1.0 - layer.dropout, (channels, side, side)))
            sizes = (layer.channels, layer.kernel, layer.stride, layer.padding)
            convolution = normalised_convolution(channels, *sizes, DIRECTION_STD, shared_std=options.shared_std)
            stages.append(nn.Sequential(convolution, nn.LeakyReLU(options.leak)))
            channels, side = layer.channels, (side + 2 * layer.padding - layer.kernel) // layer.stride + 1
            if side < 1:
                raise InputError(
                    f"The discriminator's layer {number + 1} of {len(layers)} leaves nothing of images of shape "
                    f"{tuple(shape)}: take fewer strides or more padding."
                )
        self.stages = nn.ModuleList(stages)
        self.minibatch = minibatch.build(channels) if minibatch else nn.Identity()
        inputs = channels + (minibatch.kernels if minibatch else 0)
        starts = {"initial_std": options.output_std, "shared_std": options.shared_std}
        self.output = normalised_dense(inputs, outputs, DIRECTION_STD, trained_scale=True, **starts)

    def forward(self, samples: Tensor, labels: Tensor | None = None, noise: Sequence[Tensor] | None = None) -> Judged:
        samples, features = features_of(self.stages, samples, noise)
        pooled = samples.mean((2, 3))
        logits = self.output(self.minibatch(pooled))
        return Judged(logits.squeeze(1) if logits.shape[1] == 1 else logits, (*features, pooled))


def _norm(features: int, reference: int) -> nn.Module:
    return VirtualBatchNorm(features, reference) if reference else BatchNorm(features)
