"""The two sides of the game as losses on logits (GAN §3)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus


def generator_loss(fake_logits: Tensor, objective: str) -> Tensor:
    """Mean −log D(G(z)) (non-saturating), or mean log(1 − D(G(z))) (saturating, the minimax game); a scalar in nats."""
    return softplus(-fake_logits).mean() if objective == "non-saturating" else -softplus(fake_logits).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor, scale: float) -> Tensor:
    """scale × (BCE of real toward 1 + BCE of fake toward 0); a scalar in nats."""
    return scale * (softplus(-real_logits).mean() + softplus(fake_logits).mean())


def prior_penalty(sigma: Tensor, weight: float) -> Tensor:
    """λ·mean((1 − σ)²) over components and dimensions (DeLiGAN equation 7, as its released code averages it)."""
    return weight * (1.0 - sigma).square().mean()
