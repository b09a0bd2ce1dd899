"""Optimisers as functions on tensors in place, so that a block of seeds keeps its state in stacked tensors."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def adam_update(
    parameters: list[Tensor],
    gradients: list[Tensor],
    first: list[Tensor],
    second: list[Tensor],
    step: int,
    learning_rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
    l2: float = 0.0,
) -> None:
    """One Adam step, numbered from 1 (Kingma & Ba, algorithm 1); `l2` adds l2·θ to the gradient first."""
    beta1, beta2 = betas
    if l2:
        gradients = list(torch._foreach_add(gradients, parameters, alpha=l2))
    torch._foreach_lerp_(first, gradients, 1.0 - beta1)
    torch._foreach_mul_(second, beta2)
    torch._foreach_addcmul_(second, gradients, gradients, 1.0 - beta2)
    denominator = torch._foreach_sqrt(second)
    torch._foreach_mul_(denominator, (1.0 - beta2**step) ** -0.5)
    torch._foreach_add_(denominator, epsilon)
    torch._foreach_addcdiv_(parameters, first, denominator, -learning_rate / (1.0 - beta1**step))
