"""What the papers' networks share: a generator behind its prior, dense and convolutional stacks, initial weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod, sqrt
from typing import Literal, NamedTuple

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from replication.errors import InputError
from replication.recipes import Prior
from replication.strict import CLOSED

Nonlinearity = Literal["tanh", "relu", "leaky-relu"]
NONLINEARITIES: dict[str, Callable[[], nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky-relu": lambda: nn.LeakyReLU(0.2),
}


class Generator(nn.Module):
    """Noise [B, latent_dim] and the component of each row [B] → samples, through the prior and then the body."""

    def __init__(self, prior: nn.Module | None, body: nn.Module) -> None:
        super().__init__()
        self.prior = prior
        self.body = body

    def forward(self, noise: Tensor, component: Tensor) -> Tensor:
        return self.body(noise if self.prior is None else self.prior(noise, component))


def refuse_mixture(prior: Prior, model: str) -> None:
    """For models whose paper has a plain prior: a key of `prior` without effect is an error.

    Raises:
        InputError: the prior is a mixture.
    """
    if prior.components:
        raise InputError(f"params.yaml: prior of {model}: it has no components; use model deligan, or leave prior out.")


class Networks(NamedTuple):
    generator: Generator
    discriminator: nn.Module  # samples → logits [B]


@dataclass(frozen=True, config=CLOSED)
class DenseNetworks:
    """Keys of `network` for a dense generator and discriminator with the same hidden layers."""

    hidden: tuple[int, ...]
    nonlinearity: Nonlinearity

    def build(self, prior: nn.Module | None, latent_dim: int, shape: Sequence[int]) -> Networks:
        """Both networks for samples of `shape`, the generator ending in tanh."""
        return Networks(
            Generator(prior, dense_generator(latent_dim, self.hidden, self.nonlinearity, shape)),
            DenseDiscriminator(prod(shape), self.hidden, self.nonlinearity),
        )


class DenseDiscriminator(nn.Module):
    """Samples of any shape → logits [B], through dense layers."""

    def __init__(self, inputs: int, hidden: Sequence[int], nonlinearity: Nonlinearity) -> None:
        super().__init__()
        self.body = dense([inputs, *hidden, 1], nonlinearity, None)

    def forward(self, samples: Tensor) -> Tensor:
        return self.body(samples.flatten(1)).squeeze(1)


def dense(sizes: Sequence[int], nonlinearity: Nonlinearity, output: nn.Module | None) -> nn.Sequential:
    """Dense layers with U(±√(3/inputs)) weights and zero biases (the default of the TensorFlow that DeLiGAN ran on)."""
    layers: list[nn.Module] = []
    for index, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False)):
        layer = nn.Linear(inputs, outputs)
        nn.init.uniform_(layer.weight, -sqrt(3 / inputs), sqrt(3 / inputs))
        nn.init.zeros_(layer.bias)
        layers += [layer, NONLINEARITIES[nonlinearity]()] if index < len(sizes) - 2 else [layer]
    return nn.Sequential(*layers, *([output] if output else []))


def dense_generator(
    latent_dim: int, hidden: Sequence[int], nonlinearity: Nonlinearity, shape: Sequence[int]
) -> nn.Module:
    """Latent vectors → tanh samples of `shape`, through dense layers."""
    body = dense([latent_dim, *hidden, prod(shape)], nonlinearity, nn.Tanh())
    return nn.Sequential(body, nn.Unflatten(1, tuple(shape))) if len(shape) > 1 else body


class ConvolutionalGenerator(nn.Module):
    """Latent vectors → a dense layer to channels × s × s, then (transposed) convolutions to tanh images (DCGAN §3).

    `layers` are (channels, stride): the first is the dense layer (stride 0), the last gives the image and has no
    batch normalisation. Batch normalisation after the dense layer is per unit. With `biases` the layer that has none
    gets a bias.
    """

    def __init__(
        self, latent_dim: int, layers: Sequence[Sequence[int]], kernel: int, shape: Sequence[int], biases: bool = False
    ) -> None:
        super().__init__()
        _check_kernel(kernel)
        side = _start(layers, shape)
        first = layers[0][0]
        units = first * side * side
        self.project = nn.Sequential(nn.Linear(latent_dim, units, bias=False), nn.BatchNorm1d(units, 1e-8), nn.ReLU())
        self.first = (first, side, side)
        stack: list[nn.Module] = []
        channels = first
        for index, (width, stride) in enumerate(layers[1:], start=2):
            bias = biases and index == len(layers)
            stack.append(nn.ConvTranspose2d(channels, width, kernel, stride, kernel // 2, stride - 1, bias=bias))
            stack += [nn.Tanh()] if index == len(layers) else [nn.BatchNorm2d(width, 1e-8), nn.ReLU()]
            channels = width
        self.stack = nn.Sequential(*stack)

    def forward(self, latent: Tensor) -> Tensor:
        return self.stack(self.project(latent).unflatten(1, self.first))


class ConvolutionalDiscriminator(nn.Module):
    """Images → logits [B]: strided convolutions, LeakyReLU 0.2, batch normalisation but on the first (DCGAN §3).

    `layers` are (channels, stride); `before_output` maps the flattened features [B, F] to what the last dense layer
    sees, of `width(F)` units. Without `biases` (DCGAN) the logits do not depend on a batch's overall contrast, which
    batch normalisation divides out; with them the layers without batch normalisation have a bias.
    """

    def __init__(
        self,
        layers: Sequence[Sequence[int]],
        kernel: int,
        shape: Sequence[int],
        before_output: Callable[[int], tuple[nn.Module, int]] | None = None,
        biases: bool = False,
    ) -> None:
        super().__init__()
        _check_kernel(kernel)
        _check_convolutions(layers)
        blocks, channels, side = [], shape[0], shape[1]
        for index, (width, stride) in enumerate(layers):
            convolution = nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=biases and index == 0)
            norm = [nn.BatchNorm2d(width, 1e-8)] if index else []
            blocks.append(nn.Sequential(convolution, *norm, nn.LeakyReLU(0.2)))
            channels, side = width, (side - 1) // stride + 1
        self.blocks = nn.ModuleList(blocks)
        extra, width = (
            before_output(channels * side * side) if before_output else (nn.Identity(), channels * side * side)
        )
        self.before_output = extra
        self.output = nn.Linear(width, 1, bias=biases)

    def features(self, images: Tensor) -> list[Tensor]:
        """LeakyReLU output of every convolution, [B, C, H, W] each."""
        outputs = []
        for block in self.blocks:
            images = block(images)
            outputs.append(images)
        return outputs

    def forward(self, images: Tensor) -> Tensor:
        return self.output(self.before_output(self.features(images)[-1].flatten(1))).squeeze(1)


def initialise_normal(module: nn.Module, std: float) -> None:
    """Weights N(0, std²) and batch-norm gains N(1, std²), biases zero (DCGAN §4 and its released code)."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, std)
            nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def as_samples(images: Tensor) -> Tensor:
    """uint8 images → float32 in [−1, 1], the range of a tanh generator (DCGAN §4)."""
    return images.to(torch.float32) / 127.5 - 1.0


def as_images(samples: Tensor) -> Tensor:
    """Samples in [−1, 1] → uint8, rounded to the nearest level."""
    return ((samples + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8)


def _check_kernel(kernel: int) -> None:
    if kernel < 1 or kernel % 2 == 0:
        raise InputError(
            f"Convolutions cannot have kernel {kernel} here: it must be odd, so that strides alone change the side."
        )


def _check_convolutions(layers: Sequence[Sequence[int]]) -> None:
    if not layers or min(min(layer) for layer in layers) < 1:
        raise InputError(
            f"The discriminator {[list(layer) for layer in layers]} is none: its layers are pairs of channels and "
            "stride, at least one of them, all positive."
        )


def _start(layers: Sequence[Sequence[int]], shape: Sequence[int]) -> int:
    """The side of the dense layer's output, once the layers are known to end in images of `shape`."""
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
