"""DCGAN (Radford et al. 2016): all-convolutional networks under the paper's five guidelines, and those without one.

`network.kind` is convolutional (the paper's), conditional (its MNIST networks, and with no convolutions the fully
connected baseline that Table 3 sets beside them) or dense (a GAN without convolutions).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from replication.config.recipes import Prior
from replication.config.strict import CLOSED, Scale, ScaleOrZero, Size, strict
from replication.foundation.errors import InputError
from replication.models.layers.convolutional import (
    EPSILON,
    PUBLISHED,
    ConvolutionalDiscriminator,
    ConvolutionalGenerator,
    Guidelines,
    Layer,
    check_convolutions,
    check_kernel,
    initialise_normal,
    starting_side,
)
from replication.models.layers.dense import DenseNetworks
from replication.models.layers.networks import Conditional, Generator, Judged, Networks, refuse_mixture

WHERE = "params.yaml: network of dcgan"
SCORED_BY = ("probe",)
GAIN_STD, KERNEL = 0.02, 5  # where a recipe leaves them out
# Of conditional networks: without gain and bias.
BatchNorm1d, BatchNorm2d = (partial(kind, eps=EPSILON, affine=False) for kind in (nn.BatchNorm1d, nn.BatchNorm2d))


@dataclass(frozen=True, config=CLOSED)
class ConvolutionalNetwork:
    """Keys of `network` of kind convolutional."""

    kernel: Size
    init_std: Scale
    generator: tuple[Layer, ...]  # (channels, stride); 0: the first one is dense
    discriminator: tuple[Layer, ...]
    gain_std: ScaleOrZero = GAIN_STD  # batch-norm gains start N(1, gain_std²); 0: at 1
    guidelines: Guidelines = PUBLISHED

    def __post_init__(self) -> None:
        if self.guidelines.batch_norm == "none" and self.gain_std != GAIN_STD:
            raise InputError(f"{WHERE}: gain_std: it has no effect without batch normalisation; leave it out.")

    def build(self, latent_dim: int, shape: Sequence[int]) -> Networks:
        """Both networks for images of `shape` (C, H, W)."""
        body = ConvolutionalGenerator(latent_dim, self.generator, self.kernel, shape, guidelines=self.guidelines)
        discriminator = ConvolutionalDiscriminator(self.discriminator, self.kernel, shape, guidelines=self.guidelines)
        networks = Networks(Generator(None, body), discriminator)
        for module in networks:
            initialise_normal(module, self.init_std, self.gain_std)
        return networks


@dataclass(frozen=True, config=CLOSED)
class ConditionalNetwork:
    """Keys of `network` of kind conditional: `dense` units after the latent and, in reverse order, before the logit."""

    init_std: Scale
    dense: tuple[Size, ...]
    generator: tuple[Layer, ...] = ()  # as above, with 0 first; none: the last of `dense` leads to the pixels
    discriminator: tuple[Layer, ...] = ()  # none: the pixels lead to `dense`
    kernel: Size = KERNEL

    def __post_init__(self) -> None:
        if not (self.generator or self.discriminator) and self.kernel != KERNEL:
            raise InputError(f"{WHERE}: kernel: it has no effect without convolutions; leave it out.")

    def build(self, latent_dim: int, shape: Sequence[int], classes: int) -> Networks:
        """Both networks for images of `shape` (C, H, W) with labels of `classes` classes."""
        if classes < 2 or not self.dense:
            raise InputError(
                f"{WHERE}: a conditional network has dense layers {list(self.dense)} and {classes} classes: give at "
                "least one layer, and a data set with at least two classes."
            )
        body = ConditionalGenerator(self, latent_dim, classes, shape)
        networks = Networks(Generator(None, body), ConditionalDiscriminator(self, classes, shape))
        for module in networks:
            initialise_normal(module, self.init_std)
        return networks


class Joined(nn.Sequential):
    """Layers that see their input with the one-hot label beside it, as further units or as constant maps."""

    def forward(self, inputs: Tensor, label: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        places = label if inputs.dim() == 2 else label[:, :, None, None].expand(-1, -1, *inputs.shape[2:])
        return super().forward(torch.cat([inputs, places], dim=1))  # [B, units + K], or [B, channels + K, H, W]


class ConditionalGenerator(Conditional):
    """Latent vectors and labels → images in [0, 1]; a one-hot label at every layer (DCGAN's released MNIST code).

    Batch normalisation on all but the last layer, without gain and bias.
    """

    def __init__(self, options: ConditionalNetwork, latent_dim: int, classes: int, shape: Sequence[int]) -> None:
        super().__init__()
        self.classes, layers, kernel = classes, options.generator, options.kernel
        first, widths = tuple(shape), [latent_dim, *options.dense]  # what the dense layers end in
        if layers:
            check_kernel(kernel, shape)
            side = starting_side(layers, shape)
            first = (layers[0][0], side, side)
            widths.append(prod(first))
        blocks = [
            Joined(nn.Linear(inputs + classes, units, bias=False), BatchNorm1d(units), nn.ReLU())
            for inputs, units in pairwise(widths)
        ]
        if not layers:
            blocks.append(Joined(nn.Linear(widths[-1] + classes, prod(shape), bias=False), nn.Sigmoid()))
        blocks[-1].append(nn.Unflatten(1, first))
        for index, ((channels, _), (width, stride)) in enumerate(pairwise(layers), start=2):
            inputs, crop = channels + classes, (kernel // 2, stride - 1)
            convolution = nn.ConvTranspose2d(inputs, width, kernel, stride, *crop, bias=False)
            end = [nn.Sigmoid()] if index == len(layers) else [BatchNorm2d(width), nn.ReLU()]
            blocks.append(Joined(convolution, *end))
        self.blocks = nn.ModuleList(blocks)

    def forward(self, latent: Tensor, labels: Tensor | None) -> Tensor:
        label = one_hot(labels, self.classes, latent)
        for block in self.blocks:
            latent = block(latent, label)
        return latent


class ConditionalDiscriminator(nn.Module):
    """Images and labels → logits [B]; a one-hot label at every layer, LeakyReLU 0.2 (DCGAN's released MNIST code).

    Batch normalisation on all but the first and the last layer, without gain and bias. Its features are the outputs of
    the hidden layers, dense ones included.
    """

    def __init__(self, options: ConditionalNetwork, classes: int, shape: Sequence[int]) -> None:
        super().__init__()
        self.classes, layers, kernel = classes, options.discriminator, options.kernel
        if layers:
            check_convolutions(layers)
        blocks, channels, side = [], shape[0], shape[1]
        for width, stride in layers:
            convolution = nn.Conv2d(channels + classes, width, kernel, stride, kernel // 2, bias=False)
            norm = [BatchNorm2d(width)] if blocks else []
            blocks.append(Joined(convolution, *norm, nn.LeakyReLU(0.2)))
            channels, side = width, (side - 1) // stride + 1
        widths = [channels * side * side, *options.dense[::-1]]
        for inputs, units in pairwise(widths):
            norm = [BatchNorm1d(units)] if blocks else []
            blocks.append(Joined(nn.Linear(inputs + classes, units, bias=False), *norm, nn.LeakyReLU(0.2)))
        self.flat_from = len(layers)  # the first block that sees units
        self.blocks = nn.ModuleList(blocks)
        self.output = Joined(nn.Linear(widths[-1] + classes, 1, bias=False))

    def forward(self, images: Tensor, labels: Tensor | None = None, noise: Sequence[Tensor] | None = None) -> Judged:
        label, features, seen = one_hot(labels, self.classes, images), [], images
        for index, block in enumerate(self.blocks):
            seen = block(seen.flatten(1) if index == self.flat_from else seen, label)
            features.append(seen)
        return Judged(self.output(seen, label).squeeze(1), tuple(features))


def one_hot(labels: Tensor | None, classes: int, like: Tensor) -> Tensor:
    """Labels int64 [B] → [B, classes] of the type and on the device of `like`."""
    assert labels is not None  # training.effects refuses what has none
    return (labels[:, None] == torch.arange(classes, device=like.device)).to(like.dtype)


def build(
    network: Mapping[str, Any], prior: Prior, latent_dim: int, shape: Sequence[int], classes: int = 0
) -> Networks:
    """Both networks for images (C, H, W), with labels of `classes` classes where they are conditional."""
    refuse_mixture(prior, "dcgan")
    keys = dict(network)
    kind = keys.pop("kind", "convolutional")
    if kind == "dense":
        return strict(DenseNetworks, keys, WHERE).build(None, latent_dim, shape)
    if kind == "conditional":
        return strict(ConditionalNetwork, keys, WHERE).build(latent_dim, shape, classes)
    if kind == "convolutional":
        return strict(ConvolutionalNetwork, keys, WHERE).build(latent_dim, shape)
    raise InputError(f"{WHERE}: kind is {kind!r}; accepted: convolutional, conditional, dense.")
