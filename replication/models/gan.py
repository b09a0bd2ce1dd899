"""GAN (Goodfellow et al. 2014): dense or transposed-convolution generators against maxout discriminators.

Layers and initial weights of the image recipes are the released code's and pylearn2's, which it runs on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isqrt, prod
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from replication.config.recipes import Prior
from replication.config.strict import CLOSED, Kept, Scale, Size, SizeOrZero, strict
from replication.foundation.errors import InputError
from replication.models.layers.dense import DenseNetworks
from replication.models.layers.networks import Dropout, Generator, Judged, Networks, Stack, refuse_mixture

WHERE = "params.yaml: network of gan"
SCORED_BY = ("parzen", "game")


@dataclass(frozen=True, config=CLOSED)
class Transposed:
    """The last hidden layer as `channels` square maps, and one transposed convolution from there to the image."""

    channels: Size
    kernel: Size
    stride: Size


@dataclass(frozen=True, config=CLOSED)
class GeneratorLayers:
    """Weights start U(−range, range), biases at zero."""

    hidden: Annotated[tuple[tuple[Size, Literal["relu", "sigmoid"]], ...], Field(min_length=1)]
    output: Literal["sigmoid", "linear"]
    weight_range: Scale
    output_range: Scale
    # The output bias starts at the logit of the training pixels' means, these clipped to [clip, 1 − clip].
    bias_clip: Annotated[float, Field(gt=0, lt=0.5)] | None = None
    transposed: Transposed | None = None


@dataclass(frozen=True, config=CLOSED)
class Convolution:
    """A maxout convolution of stride 1, padded with zeros, and the max-pooling after it."""

    channels: Size
    pieces: Size
    kernel: Size
    pad: SizeOrZero  # 0: none
    pool: Size
    pool_stride: Size


@dataclass(frozen=True, config=CLOSED)
class DiscriminatorLayers:
    """Weights start U(−range, range), biases at zero; dropout keeps these shares of the input and of hidden units."""

    hidden: Annotated[tuple[tuple[Size, Size], ...], Field(min_length=1)]  # (units, pieces)
    weight_range: Scale
    keep_input: Kept
    keep_hidden: Kept
    convolutions: tuple[Convolution, ...] = ()


@dataclass(frozen=True, config=CLOSED)
class ImageNetworks:
    """Keys of `network` for the paper's image recipes."""

    generator: GeneratorLayers
    discriminator: DiscriminatorLayers


class Maxout(nn.Module):
    """[B, F] → [B, units], each the largest of its `pieces` linear maps (Maxout networks, Goodfellow et al. 2013)."""

    def __init__(self, inputs: int, units: int, pieces: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, units * pieces)
        self.pieces = (units, pieces)

    def forward(self, samples: Tensor) -> Tensor:
        return self.linear(samples).unflatten(1, self.pieces).amax(2)


class MaxoutConvolution(nn.Module):
    """[B, inputs, S, S] → [B, *size]: the largest of `pieces` maps, then of a pool, which may reach over the edge."""

    def __init__(self, inputs: int, side: int, layer: Convolution) -> None:
        super().__init__()
        left = side + 2 * layer.pad - layer.kernel + 1
        if not layer.pool_stride <= layer.pool <= left:
            raise InputError(
                f"{WHERE}: discriminator.convolutions: {layer} does not fit maps of side {side}: pool is at least its "
                "stride and at most what the convolution leaves."
            )
        pooled = -(-(left - layer.pool) // layer.pool_stride) + 1
        self.size = (layer.channels, pooled, pooled)
        self.convolution = nn.Conv2d(inputs, layer.channels * layer.pieces, layer.kernel, padding=layer.pad)
        self.pieces = (layer.channels, layer.pieces)
        self.pool = nn.MaxPool2d(layer.pool, layer.pool_stride, ceil_mode=True)  # as cuda-convnet, of the released code

    def forward(self, images: Tensor) -> Tensor:
        return self.pool(self.convolution(images).unflatten(1, self.pieces).amax(2))


class TransposedConvolution(nn.Module):
    """Units [B, F] as square maps → images [B, C, H, W], with a bias for every pixel of every channel (untied)."""

    def __init__(self, units: int, layer: Transposed, shape: Sequence[int]) -> None:
        super().__init__()
        side = isqrt(units // layer.channels)
        width = (side - 1) * layer.stride + layer.kernel
        if layer.channels * side**2 != units or tuple(shape[1:]) != (width, width):
            raise InputError(
                f"{WHERE}: generator.transposed: {layer} makes images of side {width} from maps of side {side}, which "
                f"the {units} units before it must fill; the data have shape {tuple(shape)}."
            )
        self.maps = (layer.channels, side, side)
        self.convolution = nn.ConvTranspose2d(layer.channels, shape[0], layer.kernel, layer.stride, bias=False)
        self.bias = nn.Parameter(torch.zeros(*shape))

    def forward(self, units: Tensor) -> Tensor:
        return self.convolution(units.unflatten(1, self.maps)) + self.bias


class MeansOutput(nn.Module):
    """Dense output before a sigmoid, its bias starting where the sigmoid gives the means of the training pixels."""

    def __init__(self, inputs: int, outputs: int, clip: float) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.clip = clip

    def forward(self, units: Tensor) -> Tensor:
        return self.linear(units)

    @torch.no_grad()
    def start_from_samples(self, samples: Tensor) -> None:
        """Set the bias from samples [n, …]; InputError unless they are in [0, 1], as means of a sigmoid are."""
        if samples.min() < 0 or samples.max() > 1:
            raise InputError("A bias from pixel means (bias_clip) needs pixels in [0, 1]: write `pixels: unit`.")
        means = samples.flatten(1).mean(0, dtype=torch.float64)
        # A pixel that is black in every image would start at −∞ (deviation gan-13).
        self.linear.bias.copy_(torch.logit(means.clamp(self.clip, 1.0 - self.clip)))


class MaxoutDiscriminator(nn.Module):
    """Samples → logits [B]; the features are the last hidden layer's [B, units], before their dropout."""

    def __init__(self, layers: DiscriminatorLayers, shape: Sequence[int]) -> None:
        super().__init__()
        stack: list[nn.Module] = [Dropout(layers.keep_input, shape)]
        size = tuple(shape)
        for layer in layers.convolutions:
            stack += [Dropout(layers.keep_hidden, size)] if len(stack) > 1 else []
            stack.append(convolution := MaxoutConvolution(size[0], size[1], layer))
            size = convolution.size
        for units, pieces in layers.hidden:
            stack += [Dropout(layers.keep_hidden, size)] if len(stack) > 1 else []
            stack += [nn.Flatten(), Maxout(prod(size), units, pieces)]
            size = (units,)
        self.body = Stack(*stack)
        self.output = Stack(Dropout(layers.keep_hidden, size), nn.Linear(prod(size), 1))

    def forward(self, samples: Tensor, labels: Tensor | None = None, noise: Sequence[Tensor] | None = None) -> Judged:
        left = None if noise is None else iter(noise)
        features = self.body(samples, left)
        return Judged(self.output(features, left).squeeze(1), (features,))


def build(
    network: Mapping[str, Any], prior: Prior, latent_dim: int, shape: Sequence[int], classes: int = 0
) -> Networks:
    """Both networks for samples of `shape` ((2,) for points, (C, H, W) for images), with `hidden` small dense ones."""
    refuse_mixture(prior, "gan")
    if "hidden" in network:
        return strict(DenseNetworks, dict(network), WHERE).build(None, latent_dim, shape)
    options = strict(ImageNetworks, dict(network), WHERE)
    generator, clip = options.generator, options.generator.bias_clip
    if clip is not None and (generator.output != "sigmoid" or generator.transposed is not None):
        raise InputError(f"{WHERE}: generator.bias_clip {clip} is for a dense output with sigmoid.")
    if options.discriminator.convolutions and (len(shape) != 3 or shape[1] != shape[2]):
        wrong = f"discriminator.convolutions need square images, not samples of shape {tuple(shape)}"
        raise InputError(f"{WHERE}: {wrong}.")
    discriminator = MaxoutDiscriminator(options.discriminator, shape)
    body = _generator_body(generator, latent_dim, shape)
    _start_uniform(body[:-1], generator.weight_range)
    _start_uniform(body[-1:], generator.output_range)
    _start_uniform(discriminator, options.discriminator.weight_range)
    return Networks(Generator(None, body), discriminator)


def _generator_body(layers: GeneratorLayers, latent_dim: int, shape: Sequence[int]) -> nn.Sequential:
    hidden: list[nn.Module] = []
    inputs = latent_dim
    for units, nonlinearity in layers.hidden:
        hidden += [nn.Linear(inputs, units), {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}[nonlinearity]()]
        inputs = units
    clip, outputs = layers.bias_clip, prod(shape)
    if layers.transposed:
        last: list[nn.Module] = [TransposedConvolution(inputs, layers.transposed, shape)]
    else:
        dense = nn.Linear(inputs, outputs) if clip is None else MeansOutput(inputs, outputs, clip)
        last = [dense, nn.Unflatten(1, tuple(shape))]
    return nn.Sequential(*hidden, nn.Sequential(*last, *([nn.Sigmoid()] if layers.output == "sigmoid" else [])))


def _start_uniform(module: nn.Module, limit: float) -> None:
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.uniform_(layer.weight, -limit, limit)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
