"""Torch's optimisers for the plain loop, and the one that torch does not have, written as torch writes its own."""

from __future__ import annotations

import torch
from torch import nn

from replication.config.recipes import Recipe


def plain_optimiser(recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    """The recipe's Adam or gradient descent with momentum, for all parameters of a network."""
    if recipe.adam:
        adam, kind = recipe.adam, AdamInside if recipe.adam.epsilon_inside else torch.optim.Adam
        betas = (adam.beta1, adam.beta2)
        return kind(network.parameters(), lr=adam.learning_rate, betas=betas, eps=adam.epsilon, weight_decay=adam.l2)
    assert recipe.sgd is not None
    return torch.optim.SGD(network.parameters(), recipe.sgd.learning_rate, recipe.sgd.momentum)


class AdamInside(torch.optim.Optimizer):
    """Adam with ε inside the root, √(v + ε), as Improved GAN's released code has it."""

    def __init__(self, params: object, lr: float, betas: tuple[float, float], eps: float, weight_decay: float) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults)  # pyright: ignore[reportArgumentType]

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for parameter in group["params"]:
                gradient, state = parameter.grad, self.state[parameter]
                if not state:
                    state |= {"step": 0, "first": torch.zeros_like(parameter), "second": torch.zeros_like(parameter)}
                state["step"] += 1
                if group["weight_decay"]:
                    gradient = gradient.add(parameter, alpha=group["weight_decay"])
                state["first"].lerp_(gradient, 1 - beta1)
                state["second"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
                root = (state["second"] / (1 - beta2 ** state["step"])).add_(group["eps"]).sqrt_()
                parameter.addcdiv_(state["first"], root, value=-group["lr"] / (1 - beta1 ** state["step"]))
