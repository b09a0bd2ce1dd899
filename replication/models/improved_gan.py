"""Improved GAN (Salimans et al. 2016): discriminators that tell K classes apart, weight-normalised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from replication.config.recipes import Prior
from replication.config.strict import CLOSED, ScaleOrZero, Size, strict
from replication.foundation.errors import InputError
from replication.models.layers.dense import NONLINEARITIES, Nonlinearity, dense, dense_generator
from replication.models.layers.networks import GaussianNoise, Generator, Judged, Networks, features_of, refuse_mixture
from replication.models.layers.virtual_batch_norm import BatchNorm
from replication.models.layers.weight_norm import normalised_dense
from replication.models.layers.weight_normalised import Minibatch, WeightNormalisedNetworks

DIRECTION_STD = 0.1  # of the dense discriminator's weights before they are normalised


@dataclass(frozen=True, config=CLOSED)
class DenseNetworks:
    """The networks of the MNIST experiments: units of the hidden layers, and the noise of the discriminator's."""

    generator: Annotated[tuple[Size, ...], Field(min_length=1)]
    discriminator: tuple[Size, ...]
    input_noise: ScaleOrZero  # standard deviation; 0: none
    hidden_noise: ScaleOrZero  # standard deviation; 0: none
    # Whether data set the scale of the generator's last layer, by one factor for all of its outputs.
    generator_starts: bool = False


@dataclass(frozen=True, config=CLOSED)
class PointNetworks:
    """The small dense networks of GAN's toys, with minibatch discrimination before the discriminator's last layer."""

    hidden: Annotated[tuple[Size, ...], Field(min_length=1)]  # of both networks
    nonlinearity: Nonlinearity
    minibatch: Minibatch


@dataclass(frozen=True, config=CLOSED)
class Network:
    dense: DenseNetworks | None = None
    points: PointNetworks | None = None
    convolutional: WeightNormalisedNetworks | None = None
    logits: Literal["classes", "one"] = "classes"  # a logit for each class, or real against generated alone


class DenseGenerator(nn.Module):
    """Latents → samples in [0, 1]: dense, batch normalisation (a bias alone), softplus; weight-normalised sigmoid.

    The last layer's scale is trained. It starts at 1, or is set from data (`generator_starts`), so that all outputs
    together have standard deviation 1 before the sigmoid.
    """

    def __init__(self, options: DenseNetworks, latent_dim: int, shape: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((latent_dim, *options.generator)):
            dense = nn.Linear(inputs, outputs, bias=False)
            nn.init.xavier_uniform_(dense.weight)
            layers += [dense, BatchNorm(outputs), nn.Softplus()]
        starts = {"initial_std": 1.0 if options.generator_starts else None, "shared_std": True}
        output = normalised_dense(options.generator[-1], prod(shape), trained_scale=True, **starts)
        nn.init.xavier_uniform_(output.direction)
        self.body = nn.Sequential(*layers, output, nn.Sigmoid(), nn.Unflatten(1, tuple(shape)))

    def forward(self, latent: Tensor) -> Tensor:
        return self.body(latent)


class DenseDiscriminator(nn.Module):
    """Samples → logits: weight-normalised dense layers with ReLU, Gaussian noise on the input of each.

    The features judged are each hidden layer's ReLU output, before the noise that follows it. Scales are set from data
    and only the last layer's is trained.
    """

    def __init__(self, options: DenseNetworks, shape: Sequence[int], outputs: int) -> None:
        super().__init__()
        stages: list[nn.Module] = [nn.Flatten()]
        inputs, std = prod(shape), options.input_noise
        for units in options.discriminator:
            dense = normalised_dense(inputs, units, DIRECTION_STD, epsilon=0.0)
            stages += [GaussianNoise(std, (inputs,)), nn.Sequential(dense, nn.ReLU())]
            inputs, std = units, options.hidden_noise
        self.stages = nn.ModuleList([*stages, GaussianNoise(std, (inputs,))])
        self.output = normalised_dense(inputs, outputs, DIRECTION_STD, trained_scale=True, epsilon=0.0)

    def forward(self, samples: Tensor, labels: Tensor | None = None, noise: Sequence[Tensor] | None = None) -> Judged:
        outputs, features = features_of(self.stages, samples, noise)
        logits = self.output(outputs)
        return Judged(logits.squeeze(1) if logits.shape[1] == 1 else logits, tuple(features[1:]))


class PointDiscriminator(nn.Module):
    """Points [B, 2] → logits: dense layers, minibatch discrimination, a dense layer; all start as GAN's toys do.

    The features judged are the last hidden layer's, before the closeness of the batch is put beside them.
    """

    def __init__(self, options: PointNetworks, inputs: int, outputs: int) -> None:
        super().__init__()
        hidden, nonlinearity = options.hidden, options.nonlinearity
        self.body = dense([inputs, *hidden], nonlinearity, NONLINEARITIES[nonlinearity]())
        self.minibatch = options.minibatch.build(hidden[-1])
        self.output = dense([hidden[-1] + options.minibatch.kernels, outputs], nonlinearity, None)

    def forward(self, samples: Tensor, labels: Tensor | None = None, noise: Sequence[Tensor] | None = None) -> Judged:
        features = self.body(samples.flatten(1))
        logits = self.output(self.minibatch(features))
        return Judged(logits.squeeze(1) if logits.shape[1] == 1 else logits, (features,))


def build(
    network: Mapping[str, Any], prior: Prior, latent_dim: int, shape: Sequence[int], classes: int = 0
) -> Networks:
    """Both networks for images (C, H, W) of `classes` classes, or (`points`) for points of shape (2,)."""
    refuse_mixture(prior, "improved_gan")
    options = strict(Network, dict(network), "params.yaml: network of improved_gan")
    if sum(kind is not None for kind in (options.dense, options.convolutional, options.points)) != 1:
        raise InputError("params.yaml: network of improved_gan: write one of dense, convolutional and points, no more.")
    outputs = classes if options.logits == "classes" else 1
    if outputs < 1:
        raise InputError(
            "params.yaml: network of improved_gan: logits classes needs a data set with classes; write logits one."
        )
    if options.convolutional:
        return options.convolutional.build(None, latent_dim, shape, outputs)
    if points := options.points:
        body = dense_generator(latent_dim, points.hidden, points.nonlinearity, shape)
        return Networks(Generator(None, body), PointDiscriminator(points, prod(shape), outputs))
    assert options.dense is not None
    body = DenseGenerator(options.dense, latent_dim, shape)
    return Networks(Generator(None, body), DenseDiscriminator(options.dense, shape, outputs))
