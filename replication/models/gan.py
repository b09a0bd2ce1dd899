"""GAN (Goodfellow et al. 2014): a dense generator against a dense discriminator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from replication.models.layers import DenseNetworks, Networks, refuse_mixture
from replication.recipes import Prior
from replication.strict import strict


def build(network: Mapping[str, Any], prior: Prior, latent_dim: int, shape: Sequence[int]) -> Networks:
    """Both networks for samples of `shape` ((2,) for points, (C, H, W) for images).

    Raises:
        InputError: the prior is a mixture, a key of `network` is unknown or of the wrong type.
    """
    refuse_mixture(prior, "gan")
    return strict(DenseNetworks, dict(network), "params.yaml: network of gan").build(None, latent_dim, shape)
