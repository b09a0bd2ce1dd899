"""The sides of the game as losses on what the discriminator says, each a scalar (GAN §3, Improved GAN §3 and §5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, softplus

from replication.config.recipes import FeatureMatching
from replication.foundation.errors import chosen
from replication.models.layers.networks import Judged
from replication.models.layers.precision import widened

Loss = Callable[[Tensor], Tensor]
# From logits of D(G(z)) [B]: mean −log D(G(z)), and mean log(1 − D(G(z))) (the minimax game), in nats.
GENERATOR_LOSSES: Mapping[str, Loss] = {
    "non-saturating": lambda source: softplus(-source).mean(),
    "saturating": lambda source: -softplus(source).mean(),
}
# From the difference of two batch means of features.
DISTANCES: Mapping[str, Loss] = {
    "squared-norm": lambda difference: difference.square().sum(),
    "squared-mean": lambda difference: difference.square().mean(),
    "absolute-mean": lambda difference: difference.abs().mean(),
}


def generator_loss(source: Tensor, objective: str) -> Tensor:
    """The game's loss of the generator by its name, from logits of D(G(z)) `source` [B].

    Raises:
        InputError: it is no loss on logits alone, as feature matching is not.
    """
    return chosen(GENERATOR_LOSSES, objective, "loss on what the discriminator says")(source)


def discriminator_loss(real: Tensor, fake: Tensor, scale: float, real_target: float = 1.0) -> Tensor:
    """scale × (BCE of real toward `real_target` + BCE of fake toward 0), in nats, from logits [B] of D.

    A `real_target` below 1 is one-sided label smoothing (Improved GAN §3.4).
    """
    toward = real if real_target == 1.0 else real_target * real
    loss = (softplus(real) - toward).mean() + softplus(fake).mean()
    return loss if scale == 1.0 else scale * loss


def classification_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """−l_y + LSE(l), the cross-entropy of class logits [B, K] (Improved GAN §5), in nats."""
    return cross_entropy(widened(logits), labels)


def feature_distance(real: Judged, fake: Judged, matching: FeatureMatching) -> Tensor:
    """Distance between the batch means of features (Improved GAN §3.1), summed over the layers that are matched."""
    distance = chosen(DISTANCES, matching.distance, "distance")
    features = [(real.features[layer], fake.features[layer]) for layer in matching.layers]
    return reduce(torch.add, [distance(widened(r).mean(0) - widened(f).mean(0)) for r, f in features])


def prior_penalty(sigma: Tensor, weight: float) -> Tensor:
    """λ·mean((1 − σ)²) over components and dimensions (DeLiGAN equation 7, as its released code averages it)."""
    return weight * (1.0 - sigma).square().mean()


def averaging_penalty(parameters: Sequence[Tensor], means: Sequence[Tensor], weight: float) -> Tensor:
    """weight × ‖θ − (1/t) Σ_i θ[i]‖² (Improved GAN §3.3)."""
    return weight * torch.stack([(p - m).square().sum() for p, m in zip(parameters, means, strict=True)]).sum()
