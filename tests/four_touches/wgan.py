"""WGAN (Arjovsky et al. 2017): a critic whose weights are clipped, its own losses, and RMSProp (algorithm 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic.dataclasses import dataclass

from replication.config.recipes import Prior
from replication.config.strict import CLOSED, BelowOne, Rate, Scale, Tiny, strict
from replication.models.layers.dense import DenseNetworks
from replication.models.layers.networks import Networks, refuse_mixture
from replication.models.registry import OBJECTIVES, OPTIMISERS, Objective, Optimiser, Step, register

SCORED_BY = ("probe",)


@dataclass(frozen=True, config=CLOSED)
class ClippedRmsProp:
    learning_rate: Rate
    decay: BelowOne  # 0: the last gradient alone
    clip: Scale  # of the critic's weights alone, after each of its steps
    epsilon: Tiny = 1e-8


@torch.no_grad()
def clipped_rmsprop(options: ClippedRmsProp, step: Step) -> None:
    """θ ← θ − rate · g / (√v + ε), v being the moving average of g²."""
    (squares,) = step.moments
    torch._foreach_mul_(squares, options.decay)
    torch._foreach_addcmul_(squares, step.gradients, step.gradients, 1.0 - options.decay)
    roots = torch._foreach_sqrt(squares)
    torch._foreach_add_(roots, options.epsilon)
    change = torch._foreach_div(step.gradients, roots)
    torch._foreach_mul_(change, step.learning_rate.float())
    torch._foreach_sub_(step.parameters, change)
    if step.side == "discriminator":
        torch._foreach_clamp_min_(step.parameters, -options.clip)
        torch._foreach_clamp_max_(step.parameters, options.clip)


register(
    OBJECTIVES,
    "wasserstein",
    Objective(
        generator=lambda real, fake, recipe: -fake.logits.mean(),
        discriminator=lambda real, fake, recipe: fake.logits.mean() - real.logits.mean(),
        words=lambda recipe: ("−mean D(G(z))", "(mean D(G(z)) − mean D(x))"),
    ),
)
register(
    OPTIMISERS,
    "clipped-rmsprop",
    Optimiser(
        options=ClippedRmsProp,
        moments=1,
        step=clipped_rmsprop,
        words=lambda options: (
            f"RMSProp, decay {options.decay:g}; the critic's weights are clipped to ±{options.clip:g}"
        ),
        by_element=True,
    ),
)


def build(
    network: Mapping[str, Any], prior: Prior, latent_dim: int, shape: Sequence[int], classes: int = 0
) -> Networks:
    """A dense generator, and a dense critic whose output is linear."""
    refuse_mixture(prior, "wgan")
    return strict(DenseNetworks, dict(network), "params.yaml: network of wgan").build(None, latent_dim, shape)
