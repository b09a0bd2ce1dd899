"""DCGAN (Radford et al. 2016): all-convolutional networks under the paper's five guidelines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.dataclasses import dataclass

from replication.models.layers import (
    ConvolutionalDiscriminator,
    ConvolutionalGenerator,
    Generator,
    Networks,
    initialise_normal,
    refuse_mixture,
)
from replication.recipes import Prior
from replication.strict import CLOSED, strict


@dataclass(frozen=True, config=CLOSED)
class Network:
    kernel: int
    init_std: float
    generator: tuple[tuple[int, int], ...]  # (channels, stride), the first one dense
    discriminator: tuple[tuple[int, int], ...]


def build(network: Mapping[str, Any], prior: Prior, latent_dim: int, shape: Sequence[int]) -> Networks:
    """Both networks for images of `shape` (C, H, W).

    Raises:
        InputError: the prior is a mixture, a key of `network` is unknown or of the wrong type, or the layers do not fit
            the images.
    """
    refuse_mixture(prior, "dcgan")
    options = strict(Network, dict(network), "params.yaml: network of dcgan")
    networks = Networks(
        Generator(None, ConvolutionalGenerator(latent_dim, options.generator, options.kernel, shape)),
        ConvolutionalDiscriminator(options.discriminator, options.kernel, shape),
    )
    for module in networks:
        initialise_normal(module, options.init_std)
    return networks
