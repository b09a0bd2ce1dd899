"""GAN 2014's theory, measured: the value of the game, the discriminator at its optimum, the generator's gradient.

Networks of S seeds are stacked tensors [S, …] by name, evaluated together; each seed's numbers are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.functional import logsigmoid, softplus

from replication.training.objectives import generator_loss
from replication.training.optimisers import adam_update

Weights = dict[str, Tensor]


def logits_of(discriminator: nn.Module, weights: Mapping[str, Tensor], samples: Tensor) -> Tensor:
    """Logits [S, n] of samples [S, n, …] under stacked weights."""
    return vmap(lambda one, batch: functional_call(discriminator, one, (batch,)).source)(dict(weights), samples)


def train_alone(
    discriminator: nn.Module,
    weights: Mapping[str, Tensor],
    draw: Callable[[int], tuple[Tensor, Tensor]],
    updates: int,
    learning_rate: float,
) -> Weights:
    """Train S discriminators on, against sides that stay as they are; the rate falls linearly to zero.

    `draw(update)` gives fresh real and generated samples, [S, B, …] each.
    """
    trained = {name: tensor.detach().clone().requires_grad_() for name, tensor in weights.items()}
    values = list(trained.values())
    first, second = ([torch.zeros_like(value) for value in values] for _ in range(2))
    for update in range(updates):
        real, generated = draw(update)
        both = logits_of(discriminator, trained, torch.cat([real, generated], dim=1))
        loss = -_value(both, real.shape[1]).sum()  # a sum over seeds: no seed sees another's gradient
        rate = learning_rate * (1.0 - update / updates)
        adam_update(values, list(torch.autograd.grad(loss, values)), first, second, update + 1, rate)
    return {name: tensor.detach() for name, tensor in trained.items()}


@torch.no_grad()
def game_value(discriminator: nn.Module, weights: Mapping[str, Tensor], real: Tensor, generated: Tensor) -> Tensor:
    """E_p[log D] + E_q[log(1 − D)] of each seed, [S], in nats; samples [S, n, …] (GAN 2014, equation 1)."""
    return _value(logits_of(discriminator, weights, torch.cat([real, generated], dim=1)), real.shape[1])


@torch.no_grad()
def hit_rate(discriminator: nn.Module, weights: Mapping[str, Tensor], real: Tensor, generated: Tensor) -> Tensor:
    """Share of real and generated samples told apart, half each, [S]; samples [S, n, …]."""
    hits = (logits_of(discriminator, weights, real) > 0).double().mean(1)
    return (hits + (logits_of(discriminator, weights, generated) <= 0).double().mean(1)) / 2


def gradient_norm(generator: nn.Module, discriminator: nn.Module, objective: str, *inputs: Tensor) -> float:
    """Norm of one generator's gradient under `objective`, with `inputs` as its forward takes them."""
    loss = generator_loss(discriminator(generator(*inputs)).source, objective)
    gradients = torch.autograd.grad(loss, list(generator.parameters()))
    return float(torch.sqrt(sum((g.double().square().sum() for g in gradients), torch.zeros((), dtype=torch.float64))))


def optimal_probability(log_p: Tensor, log_q: Tensor) -> Tensor:
    """D*(x) = p(x)/(p(x) + q(x)) from log densities (GAN 2014, proposition 1)."""
    return torch.sigmoid(log_p - log_q)


def _value(logits: Tensor, real: int) -> Tensor:
    """The value from logits [S, real + generated]."""
    return logsigmoid(logits[:, :real]).mean(1) - softplus(logits[:, real:]).mean(1)
