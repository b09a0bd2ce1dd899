"""Convolutional networks: a dense layer and transposed convolutions against strided convolutions (DCGAN §3)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Literal

from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from replication.config.strict import CLOSED, BelowOne, Size, SizeOrZero
from replication.foundation.errors import InputError
from replication.models.layers.dense import NONLINEARITIES, Nonlinearity
from replication.models.layers.networks import Judged, features_of

EPSILON = 1e-8  # of batch normalisation, as DCGAN's released code has it


@dataclass(frozen=True, config=CLOSED)
class Guidelines:
    """DCGAN §3 as keys: what is left out is as published, any other value is the network without that guideline."""

    # pooling: max-pooling in D, nearest unpooling in G (deviation dcgan-30)
    resampling: Literal["strided", "pooling"] = "strided"
    # inner: on all but G's output and D's first layer. none: hidden layers have a bias instead (deviation dcgan-29).
    batch_norm: Literal["inner", "none", "everywhere"] = "inner"
    dense_hidden: SizeOrZero = 0  # units of a fully connected hidden layer in each; 0: none (deviation dcgan-31)
    top: Literal["flat", "average"] = "flat"  # what the discriminator's dense layers see of the last maps
    leak: BelowOne = 0.2  # slope of the discriminator's LeakyReLU below 0; 0 is ReLU
    activation: Nonlinearity = "relu"  # of the generator's hidden layers
    output: Literal["tanh", "linear"] = "tanh"


PUBLISHED = Guidelines()
Layer = tuple[Size, SizeOrZero]  # channels and stride, 0: a dense layer, which is the generator's first


class ConvolutionalGenerator(nn.Module):
    """Latent vectors → a dense layer to channels × s × s, then (transposed) convolutions to tanh images (DCGAN §3).

    `layers` are (channels, stride): the first is the dense layer (stride 0), the last gives the image and has no
    batch normalisation, and no bias. Batch normalisation after the dense layer is per unit.
    """

    def __init__(
        self,
        latent_dim: int,
        layers: Sequence[Sequence[int]],
        kernel: int,
        shape: Sequence[int],
        guidelines: Guidelines = PUBLISHED,
    ) -> None:
        super().__init__()
        check_kernel(kernel, shape)
        side = starting_side(layers, shape)
        normalised = guidelines.batch_norm != "none"
        self.first = (layers[0][0], side, side)
        project: list[nn.Module] = []
        for inputs, units in pairwise((latent_dim, *_hidden(guidelines), prod(self.first))):
            norm = [nn.BatchNorm1d(units, EPSILON)] if normalised else []
            project += [nn.Linear(inputs, units, bias=not norm), *norm, NONLINEARITIES[guidelines.activation]()]
        self.project = nn.Sequential(*project)
        stack: list[nn.Module] = []
        for index, ((channels, _), (width, stride)) in enumerate(pairwise(layers), start=2):
            last = index == len(layers)
            norm = [nn.BatchNorm2d(width, EPSILON)] if _has_norm(guidelines, last) else []
            unpools, bias = guidelines.resampling == "pooling" and stride > 1, not norm and not last
            stack += [nn.Upsample(scale_factor=stride, mode="nearest")] if unpools else []
            step = 1 if unpools else stride  # by which the convolution multiplies the side
            stack.append(nn.ConvTranspose2d(channels, width, kernel, step, kernel // 2, step - 1, bias=bias))
            output = nn.Tanh if guidelines.output == "tanh" else nn.Identity
            stack += [*norm, output() if last else NONLINEARITIES[guidelines.activation]()]
        self.stack = nn.Sequential(*stack)

    def forward(self, latent: Tensor) -> Tensor:
        return self.stack(self.project(latent).unflatten(1, self.first))


class ConvolutionalDiscriminator(nn.Module):
    """Images → logits [B]: strided convolutions, LeakyReLU 0.2, batch normalisation but on the first (DCGAN §3).

    `layers` are (channels, stride). The first and the last layer have no bias, so that the logits do not depend on a
    batch's overall contrast, which batch normalisation divides out.
    """

    def __init__(
        self, layers: Sequence[Sequence[int]], kernel: int, shape: Sequence[int], guidelines: Guidelines = PUBLISHED
    ) -> None:
        super().__init__()
        check_kernel(kernel, shape)
        check_convolutions(layers)
        blocks, channels, side = [], shape[0], shape[1]
        for index, (width, stride) in enumerate(layers):
            norm = [nn.BatchNorm2d(width, EPSILON)] if _has_norm(guidelines, index == 0) else []
            pooled = guidelines.resampling == "pooling" and stride > 1
            bias = not norm and index > 0
            convolution = nn.Conv2d(channels, width, kernel, 1 if pooled else stride, kernel // 2, bias=bias)
            pool = [nn.MaxPool2d(stride, ceil_mode=True)] if pooled else []
            blocks.append(nn.Sequential(convolution, *norm, nn.LeakyReLU(guidelines.leak), *pool))
            channels, side = width, (side - 1) // stride + 1
        self.blocks = nn.ModuleList(blocks)
        self.top = nn.AdaptiveAvgPool2d(1) if guidelines.top == "average" else nn.Identity()
        width = channels * (1 if guidelines.top == "average" else side * side)
        hidden: list[nn.Module] = []
        for units in _hidden(guidelines):
            norm = [nn.BatchNorm1d(units, EPSILON)] if guidelines.batch_norm != "none" else []
            hidden += [nn.Linear(width, units, bias=not norm), *norm, nn.LeakyReLU(guidelines.leak)]
            width = units
        self.hidden = nn.Sequential(*hidden)
        self.output = nn.Linear(width, 1, bias=False)

    def features(self, images: Tensor) -> list[Tensor]:
        """LeakyReLU output of every convolution, [B, C, H, W] each, pooled where the network pools."""
        return features_of(self.blocks, images, None)[1]

    def forward(self, images: Tensor, labels: Tensor | None = None, noise: Sequence[Tensor] | None = None) -> Judged:
        features = self.features(images)
        seen = self.hidden(self.top(features[-1]).flatten(1))  # [B, width]
        return Judged(self.output(seen).squeeze(1), tuple(features))


def initialise_normal(module: nn.Module, std: float, gain_std: float | None = None) -> None:
    """Weights N(0, std²), gains of batch norm N(1, gain_std²) or N(1, std²), biases zero (DCGAN §4, released code)."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            if layer.affine:
                nn.init.normal_(layer.weight, 1.0, std if gain_std is None else gain_std)
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def check_kernel(kernel: int, shape: Sequence[int]) -> None:
    """Raise InputError unless a convolution of this kernel can keep the side of its input, and images hold it."""
    if kernel % 2 == 0 or kernel > shape[1]:
        raise InputError(
            f"Convolutions cannot have kernel {kernel} here: it must be odd, so that strides alone change the side, "
            f"and at most the side of the images, {shape[1]}."
        )


def check_convolutions(layers: Sequence[Sequence[int]]) -> None:
    """Raise InputError unless `layers` are pairs of channels and stride, at least one of them."""
    if not layers or min(min(layer) for layer in layers) < 1:
        raise InputError(
            f"The discriminator {[list(layer) for layer in layers]} is none: its layers are pairs of channels and "
            "stride, at least one of them, all positive."
        )


def starting_side(layers: Sequence[Sequence[int]], shape: Sequence[int]) -> int:
    """The side of the dense layer's output; InputError unless the layers end in images of `shape`."""
    convolutions = layers[1:]
    growth = prod(stride for _, stride in convolutions)
    positive = convolutions and layers[0][0] > 0 and min(min(layer) for layer in convolutions) > 0
    fits = positive and layers[0][1] == 0 and shape[1] == shape[2] and shape[1] % growth == 0
    if not fits or layers[-1][0] != shape[0]:
        raise InputError(
            f"The generator {[list(layer) for layer in layers]} cannot end in images of shape {tuple(shape)}: its "
            "first layer is dense (stride 0), its strides multiply to a divisor of the side, its last has the channels."
        )
    return shape[1] // growth


def _has_norm(guidelines: Guidelines, at_the_end: bool) -> bool:
    """Whether a convolution has batch normalisation; an end is the generator's last or the discriminator's first."""
    return guidelines.batch_norm == "everywhere" or (guidelines.batch_norm == "inner" and not at_the_end)


def _hidden(guidelines: Guidelines) -> list[int]:
    return [guidelines.dense_hidden] if guidelines.dense_hidden else []
