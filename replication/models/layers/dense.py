"""Dense networks of points and of small images, as DeLiGAN's toy code has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod, sqrt
from typing import Literal

from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from replication.config.strict import CLOSED, Size
from replication.foundation.errors import chosen
from replication.models.layers.networks import Generator, Judged, Networks

Nonlinearity = Literal["tanh", "relu", "leaky-relu"]
NONLINEARITIES: dict[str, Callable[[], nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky-relu": lambda: nn.LeakyReLU(0.2),
}


@dataclass(frozen=True, config=CLOSED)
class DenseNetworks:
    """Keys of `network` for a dense generator and discriminator, with the same hidden layers unless it says more."""

    hidden: tuple[Size, ...]
    nonlinearity: Nonlinearity
    generator_hidden: tuple[Size, ...] | None = None  # the generator's, where they are other than the discriminator's

    def build(self, prior: nn.Module | None, latent_dim: int, shape: Sequence[int]) -> Networks:
        """Both networks for samples of `shape`, the generator ending in tanh."""
        widths = self.hidden if self.generator_hidden is None else self.generator_hidden
        return Networks(
            Generator(prior, dense_generator(latent_dim, widths, self.nonlinearity, shape)),
            DenseDiscriminator(prod(shape), self.hidden, self.nonlinearity),
        )


class DenseDiscriminator(nn.Module):
    """Samples of any shape → logits [B], through dense layers; the features are the last hidden layer's."""

    def __init__(self, inputs: int, hidden: Sequence[int], nonlinearity: Nonlinearity) -> None:
        super().__init__()
        self.body = dense([inputs, *hidden, 1], nonlinearity, None)

    def forward(self, samples: Tensor, labels: Tensor | None = None, noise: Sequence[Tensor] | None = None) -> Judged:
        features = self.body[:-1](samples.flatten(1))
        return Judged(self.body[-1](features).squeeze(1), (features,))


def dense(sizes: Sequence[int], nonlinearity: Nonlinearity, output: nn.Module | None) -> nn.Sequential:
    """Dense layers with U(±√(3/inputs)) weights and zero biases (the default of the TensorFlow that DeLiGAN ran on)."""
    layers: list[nn.Module] = []
    between = chosen(NONLINEARITIES, nonlinearity, "nonlinearity")
    for inputs, outputs in pairwise(sizes):
        layer = nn.Linear(inputs, outputs)
        nn.init.uniform_(layer.weight, -sqrt(3 / inputs), sqrt(3 / inputs))
        nn.init.zeros_(layer.bias)
        layers += [layer, between()]
    return nn.Sequential(*layers[:-1], *([output] if output else []))


def dense_generator(
    latent_dim: int, hidden: Sequence[int], nonlinearity: Nonlinearity, shape: Sequence[int]
) -> nn.Module:
    """Latent vectors → tanh samples of `shape`, through dense layers."""
    body = dense([latent_dim, *hidden, prod(shape)], nonlinearity, nn.Tanh())
    return nn.Sequential(body, nn.Unflatten(1, tuple(shape))) if len(shape) > 1 else body
