"""Optimisers as functions on tensors in place; those that several papers share are entered here.

Rates, momenta and step numbers are tensors of the device: a schedule moves them without a look from the host.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from replication.config.recipes import Adam, Recipe, Registered, Sgd
from replication.config.strict import strict
from replication.foundation.errors import chosen
from replication.models.registry import OPTIMISERS, Optimiser, Step, register


def optimiser_of(recipe: Recipe) -> tuple[Optimiser, Any]:
    """The entry of the recipe's optimiser, and its options; InputError: it has another name, or other options."""
    entry, options = chosen(OPTIMISERS, recipe.optimiser_name, "optimiser"), recipe.descent
    if not isinstance(options, Registered):
        return entry, options
    written = {"learning_rate": options.learning_rate, **options.options}
    return entry, _checked(entry.options, json.dumps(written), f"params.yaml: optimiser: {options.name}")


@cache
def _checked(shape: type, written: str, where: str) -> Any:
    """The options as their dataclass, kept, since every update asks for them."""
    return strict(shape, json.loads(written), where)


@torch.no_grad()
def adam_update(
    parameters: list[Tensor],
    gradients: list[Tensor],
    first: list[Tensor],
    second: list[Tensor],
    step: Tensor | int,
    learning_rate: Tensor | float,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
    l2: float = 0.0,
    epsilon_inside: bool = False,
) -> None:
    """One Adam step, numbered from 1 (Kingma & Ba, algorithm 1); `l2` adds l2·θ to the gradient first.

    `step` and the rate are float64 []. `epsilon_inside` puts ε under the root (Improved GAN's released code).
    """
    beta1, beta2 = betas
    of_first, of_second = 1.0 - beta1**step, 1.0 - beta2**step
    if l2:
        gradients = list(torch._foreach_add(gradients, parameters, alpha=l2))
    torch._foreach_lerp_(first, gradients, 1.0 - beta1)
    torch._foreach_mul_(second, beta2)
    torch._foreach_addcmul_(second, gradients, gradients, 1.0 - beta2)
    corrected = torch._foreach_div(second, _as(second, of_second))
    if epsilon_inside:
        torch._foreach_add_(corrected, epsilon)
    torch._foreach_sqrt_(corrected)
    if not epsilon_inside:
        torch._foreach_add_(corrected, epsilon)
    change = torch._foreach_div(first, corrected)
    torch._foreach_mul_(change, _as(change, learning_rate / of_first))
    torch._foreach_sub_(parameters, change)


@torch.no_grad()
def fused_adam_update(
    parameters: list[Tensor],
    gradients: list[Tensor],
    first: list[Tensor],
    second: list[Tensor],
    step: Tensor,
    learning_rate: Tensor,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
    l2: float = 0.0,
    skip: Tensor | None = None,
) -> None:
    """As `adam_update` with ε outside, in one pass over memory; where `skip` (float32 []) is 1 nothing changes.

    It is the kernel of `torch.optim.Adam(fused=True)`, whose mark for infinite gradients skips a step.
    """
    states = (parameters, gradients, first, second, [], [step.float()] * len(parameters))
    rest: dict[str, Any] = {"lr": learning_rate.float(), "amsgrad": False, "maximize": False, "found_inf": skip}
    torch._fused_adam_(*states, beta1=betas[0], beta2=betas[1], weight_decay=l2, eps=epsilon, **rest)


@torch.no_grad()
def momentum_update(
    parameters: list[Tensor],
    gradients: list[Tensor],
    velocity: list[Tensor],
    learning_rate: Tensor | float,
    momentum: Tensor | float,
) -> None:
    """One step of gradient descent with classical momentum: v ← momentum·v − rate·g, then θ ← θ + v (Polyak)."""
    torch._foreach_mul_(velocity, _as(velocity, momentum))
    if velocity[0].is_cuda:
        torch._foreach_sub_(velocity, torch._foreach_mul(gradients, _as(gradients, learning_rate)))
    else:  # memory is what a CPU waits for: no product is written and read again
        rate = torch.as_tensor(learning_rate, dtype=velocity[0].dtype)
        torch._foreach_addcmul_(velocity, gradients, [rate] * len(velocity), value=-1.0)
    torch._foreach_add_(parameters, velocity)


def _as(tensors: Sequence[Tensor], scalar: Tensor | float) -> Tensor | float:
    """A scalar in the type of what it meets: any other costs a GPU a kernel for each tensor, and gives the same."""
    return scalar.to(tensors[0].dtype) if isinstance(scalar, Tensor) else scalar


def _adam_step(adam: Adam, step: Step) -> None:
    states = step.parameters, step.gradients, step.moments[0], step.moments[1]
    number, rate, betas = step.number, step.learning_rate, (adam.beta1, adam.beta2)
    if adam.epsilon_inside:
        adam_update(*states, number.double(), rate, betas, adam.epsilon, adam.l2, epsilon_inside=True)
    else:
        fused_adam_update(*states, number, rate, betas, adam.epsilon, adam.l2, step.skip)


def _adam_in_words(adam: Adam) -> str:
    place = "under the root" if adam.epsilon_inside else "beside the root"
    l2 = f", {adam.l2:g}·θ added to the gradient (L2)" if adam.l2 else ""
    return f"Adam, β1 {adam.beta1:g}, β2 {adam.beta2:g}, ε {adam.epsilon:g} {place}{l2}"


def _momentum_step(sgd: Sgd, step: Step) -> None:
    momentum_update(step.parameters, step.gradients, step.moments[0], step.learning_rate, step.momentum)


ADAM = Optimiser(Adam, 2, _adam_step, _adam_in_words, skips=lambda adam: not adam.epsilon_inside, by_element=True)
register(OPTIMISERS, "adam", ADAM)
SGD = Optimiser(Sgd, 1, _momentum_step, lambda sgd: "gradient descent with classical momentum", by_element=True)
register(OPTIMISERS, "sgd", SGD)
