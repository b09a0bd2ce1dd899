"""DeLiGAN (Gurumurthy et al. 2017): a mixture of Gaussians as prior, and the priors and generators it is compared with.

Layers, initial weights and paddings are the released code's. CIFAR-10 and sketches take Improved GAN's networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod, sqrt
from typing import Any

from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from replication.config.recipes import Prior
from replication.config.strict import CLOSED, Size, SizeOrZero, strict
from replication.foundation.errors import InputError
from replication.models.layers.dense import DenseDiscriminator, DenseNetworks
from replication.models.layers.minibatch import MinibatchDiscrimination
from replication.models.layers.networks import Generator, Judged, Networks, features_of
from replication.models.layers.priors import Ensemble, MixturePrior, OneHotPrior
from replication.models.layers.same import Edges, SameConvolution, SameTransposed, same_padding
from replication.models.layers.weight_normalised import WeightNormalisedNetworks

WHERE = "params.yaml: network of deligan"
INITIAL_STD = 0.02  # of convolutions and gains
# deviation deligan-20: the release has two kinds of batch normalisation
GENERATOR_EPSILON, DISCRIMINATOR_EPSILON = 1e-5, 1e-3
LATENT_STD = 0.05  # of the dense layer that makes GAN++ (deviation deligan-22)


@dataclass(frozen=True, config=CLOSED)
class ConvolutionalNetworks:
    """The released MNIST networks; layers are (channels, kernel, stride)."""

    start: Size  # channels of the generator's dense layer
    generator: tuple[tuple[Size, Size, Size], ...]
    discriminator: tuple[tuple[Size, Size, Size], ...]
    pool: Size  # side of the max-pooling after the discriminator's convolutions
    minibatch: tuple[Size, Size]  # kernels and their dimensions

    def build(self, prior: nn.Module | None, latent_dim: int, shape: Sequence[int]) -> Networks:
        """Both networks for images (C, H, W); InputError: the layers do not fit them."""
        body = ConvolutionalGenerator(latent_dim, self.start, self.generator, shape)
        discriminator = ConvolutionalDiscriminator(shape, self.discriminator, self.pool, self.minibatch)
        return Networks(Generator(prior, body), discriminator)


@dataclass(frozen=True, config=CLOSED)
class ImageNetworks:
    """Keys of `network` for images: one of the two kinds, and what the baselines add."""

    convolutional: ConvolutionalNetworks | None = None
    weight_normalised: WeightNormalisedNetworks | None = None
    latent_layer: SizeOrZero = 0  # units of a dense ReLU layer on the latents, which makes GAN++; 0: none
    class_logits: bool = False  # a logit for each class in place of one

    def __post_init__(self) -> None:
        if (self.convolutional is None) == (self.weight_normalised is None):
            raise InputError(f"{WHERE}: images need either convolutional or weight_normalised.")
        if self.class_logits and self.weight_normalised is None:
            raise InputError(f"{WHERE}: class_logits goes with weight_normalised; leave it out.")

    def build(self, prior: nn.Module | None, width: int, shape: Sequence[int], classes: int) -> Networks:
        """Both networks for images (C, H, W), behind a prior whose latents are `width` wide."""
        seen = self.latent_layer or width
        if self.convolutional is not None:
            networks = self.convolutional.build(prior, seen, shape)
        else:
            assert self.weight_normalised is not None  # __post_init__ has seen to it
            networks = self.weight_normalised.build(prior, seen, shape, classes if self.class_logits else 1)
        if not self.latent_layer:
            return networks
        layer = nn.Linear(width, self.latent_layer)
        nn.init.normal_(layer.weight, 0.0, LATENT_STD)
        nn.init.zeros_(layer.bias)
        body = nn.Sequential(layer, nn.ReLU(), networks.generator.body)
        return networks._replace(generator=Generator(prior, body))


class ConvolutionalGenerator(nn.Module):
    """Latents → dense, transposed convolutions, tanh images; all biased, batch normalisation and ReLU between."""

    def __init__(
        self, latent_dim: int, start: int, layers: Sequence[tuple[int, int, int]], shape: Sequence[int]
    ) -> None:
        super().__init__()
        _check(layers, shape)
        if layers[-1][0] != shape[0] or shape[1] != shape[2]:
            raise InputError(
                f"{WHERE}: the generator {[list(layer) for layer in layers]} cannot end in images of shape "
                f"{tuple(shape)}: its last layer has their channels, and they are square."
            )
        sides = [shape[1]]
        for _, _, stride in reversed(layers):
            sides.insert(0, -(-sides[0] // stride))
        self.first = (start, sides[0], sides[0])
        dense = nn.Linear(latent_dim, prod(self.first))
        nn.init.uniform_(dense.weight, -sqrt(3 / latent_dim), sqrt(3 / latent_dim))
        nn.init.zeros_(dense.bias)
        self.project = nn.Sequential(dense, _gained(nn.BatchNorm1d(prod(self.first), GENERATOR_EPSILON)), nn.ReLU())
        stack: list[nn.Module] = []
        for index, (width, kernel, stride) in enumerate(layers):
            before, after = same_padding(sides[index + 1], kernel, stride)
            cut = Edges((-before, -after, -before, -after))
            stack += [_truncated(SameTransposed(start, width, kernel, stride, (before, after))), cut]
            last = index == len(layers) - 1
            stack += [nn.Tanh()] if last else [_gained(nn.BatchNorm2d(width, GENERATOR_EPSILON)), nn.ReLU()]
            start = width
        self.stack = nn.Sequential(*stack)

    def forward(self, latent: Tensor) -> Tensor:
        return self.stack(self.project(latent).unflatten(1, self.first))


class ConvolutionalDiscriminator(nn.Module):
    """Images → logits [B]; its features are those of each convolution [B, C, H, W], and last the pooled ones."""

    def __init__(
        self, shape: Sequence[int], layers: Sequence[tuple[int, int, int]], pool: int, minibatch: tuple[int, int]
    ) -> None:
        super().__init__()
        _check(layers, shape)
        blocks, channels, side = [], shape[0], shape[1]
        for index, (width, kernel, stride) in enumerate(layers):
            edges = same_padding(side, kernel, stride)
            convolution = _truncated(SameConvolution(channels, width, kernel, stride, edges))
            norm = [nn.BatchNorm2d(width, DISCRIMINATOR_EPSILON)] if index else []
            blocks.append(nn.Sequential(Edges((*edges, *edges)), convolution, *norm, nn.LeakyReLU(0.2)))
            channels, side = width, -(-side // stride)
        if pool > side:
            raise InputError(f"{WHERE}: pool {pool} does not fit maps of {side}×{side}; accepted: 1 to {side}.")
        self.blocks = nn.ModuleList(blocks)
        self.pool = nn.MaxPool2d(pool, 1)
        features = channels * (side - pool + 1) ** 2
        self.minibatch = MinibatchDiscrimination(features, *minibatch, "normalised")  # deviation deligan-6
        self.output = nn.Linear(features + minibatch[0], 1)
        nn.init.normal_(self.output.weight, 0.0, INITIAL_STD)
        nn.init.zeros_(self.output.bias)

    def forward(self, samples: Tensor, labels: Tensor | None = None, noise: Sequence[Tensor] | None = None) -> Judged:
        last, features = features_of(self.blocks, samples, None)
        pooled = self.pool(last)
        return Judged(self.output(self.minibatch(pooled)).squeeze(1), (*features, pooled))


def build(
    network: Mapping[str, Any], prior: Prior, latent_dim: int, shape: Sequence[int], classes: int = 0
) -> Networks:
    """Both networks: dense ones for points of shape (2,), convolutional ones for images (C, H, W)."""
    module, width = None, latent_dim  # what makes latents from noise and component, and how wide they are
    if prior.components and prior.form == "one-hot":
        module, width = OneHotPrior(prior.components), latent_dim + prior.components
    elif prior.components and prior.form == "mixture":
        starts = (prior.mean_range, prior.sigma_init, prior.sigma_start == "signed")  # deviation deligan-10
        module = MixturePrior(prior.components, latent_dim, *starts, prior.learnt)
    if len(shape) > 1:
        if prior.form == "ensemble":
            raise InputError("params.yaml: prior of deligan: form ensemble makes points; accepted: mixture, one-hot.")
        return strict(ImageNetworks, dict(network), WHERE).build(module, width, shape, classes)
    options = strict(DenseNetworks, dict(network), WHERE)
    if prior.form != "ensemble":
        return options.build(module, width, shape)
    hidden = options.hidden if options.generator_hidden is None else options.generator_hidden
    ensemble = Ensemble(prior.components, (latent_dim, *hidden, shape[0]), options.nonlinearity)
    return Networks(Generator(ensemble, nn.Tanh()), DenseDiscriminator(shape[0], options.hidden, options.nonlinearity))


def _truncated(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
    """Weights N(0, .02²) cut at two standard deviations (TensorFlow's truncated normal), biases zero."""
    nn.init.trunc_normal_(layer.weight, 0.0, INITIAL_STD, -2 * INITIAL_STD, 2 * INITIAL_STD)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _gained(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> nn.Module:
    nn.init.normal_(norm.weight, 1.0, INITIAL_STD)
    return norm


def _check(layers: Sequence[tuple[int, int, int]], shape: Sequence[int]) -> None:
    if not layers or any(not stride <= kernel <= shape[1] for _, kernel, stride in layers):
        raise InputError(
            f"{WHERE}: layers {[list(layer) for layer in layers]}: there is one at least, and no kernel is smaller "
            f"than its stride or larger than the images, {shape[1]} pixels."
        )
