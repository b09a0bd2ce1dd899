"""GAN 2014's theory, measured: the value of the game, the discriminator at its optimum, the generator's gradient.

Networks of S seeds are stacked tensors [S, …] by name, evaluated together; each seed's numbers are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.functional import logsigmoid, softplus

from replication.models.layers.dense import DenseDiscriminator
from replication.training.objectives import generator_loss
from replication.training.optimisers import fused_adam_update

Weights = dict[str, Tensor]
# What is computed at once, so that what lies between fits into a processor's cache.
BLOCK = 2000  # samples a seed
TOGETHER = 10  # seeds in training


def logits_of(discriminator: nn.Module, weights: Mapping[str, Tensor], samples: Tensor) -> Tensor:
    """Logits [S, n] of samples [S, n, …] under stacked weights."""
    if _is_tanh_network(discriminator) and not torch.is_grad_enabled():
        layers = list(weights.values())
        return torch.cat([_activations(layers, part.flatten(2))[-1][..., 0] for part in samples.split(BLOCK, 1)], 1)
    return vmap(lambda of_seed, batch: functional_call(discriminator, of_seed, (batch,)).source)(dict(weights), samples)


def train_alone(
    discriminator: nn.Module,
    weights: Mapping[str, Tensor],
    draw: Callable[[int], tuple[Tensor, Tensor]],
    updates: int,
    learning_rate: float,
) -> Weights:
    """Train S discriminators on, against sides that stay as they are; the rate falls linearly to zero.

    `draw(update)` gives fresh real and generated samples, [S, B, …] each, the same whenever it is asked.
    """
    trained = {name: tensor.detach().clone() for name, tensor in weights.items()}
    gradients = _dense_gradients if _is_tanh_network(discriminator) else partial(_any_gradients, discriminator)
    count = len(next(iter(trained.values())))
    for seeds in (slice(start, start + TOGETHER) for start in range(0, count, TOGETHER)):
        part = {name: tensor[seeds] for name, tensor in trained.items()}  # views: what is trained is `trained`
        values = list(part.values())
        first, second = ([torch.zeros_like(value) for value in values] for _ in range(2))
        for update in range(updates):
            steps = gradients(part, *(side[seeds] for side in draw(update)))
            rate = torch.tensor(learning_rate * (1.0 - update / updates))
            fused_adam_update(values, steps, first, second, torch.tensor(update + 1), rate)
    return trained


@torch.no_grad()
def value_and_hits(
    discriminator: nn.Module, weights: Mapping[str, Tensor], real: Tensor, generated: Tensor
) -> tuple[Tensor, Tensor]:
    """E_p[log D] + E_q[log(1 − D)] in nats (GAN 2014, equation 1), share told apart: [S] each of samples [S, n, …]."""
    logits, count = logits_of(discriminator, weights, torch.cat([real, generated], dim=1)), real.shape[1]
    hits = (logits[:, :count] > 0).double().mean(1) + (logits[:, count:] <= 0).double().mean(1)
    return _value(logits, count), hits / 2


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


def _any_gradients(discriminator: nn.Module, weights: Weights, real: Tensor, generated: Tensor) -> list[Tensor]:
    """Gradients of the negative value of each seed, as the stacked weights are."""
    leaves = {name: tensor.detach().requires_grad_() for name, tensor in weights.items()}
    both = logits_of(discriminator, leaves, torch.cat([real, generated], dim=1))
    loss = -_value(both, real.shape[1]).sum()  # a sum over seeds: no seed sees another's gradient
    slopes = torch.autograd.grad(loss, list(leaves.values()))
    return [gradient.contiguous() for gradient in slopes]  # fused Adam reads memory, whatever the strides


def _is_tanh_network(discriminator: nn.Module) -> bool:
    """Whether it is dense layers with tanh between them, which are evaluated and differentiated here, step by step."""
    if not isinstance(discriminator, DenseDiscriminator):
        return False
    return all(isinstance(layer, nn.Linear | nn.Tanh) for layer in discriminator.body)


def _activations(layers: Sequence[Tensor], points: Tensor) -> list[Tensor]:
    """What goes into each dense layer, and the logits [S, n, 1] last; `layers` are matrices and biases in turn."""
    outputs = [points]
    for place in range(0, len(layers), 2):
        matrix, bias = layers[place], layers[place + 1]  # [S, out, in], [S, out]
        if matrix.shape[1] == 1:  # a product of so narrow a matrix takes longest
            outputs.append((outputs[-1] * matrix).sum(2, keepdim=True).add_(bias[:, None]))
        else:
            outputs.append(torch.baddbmm(bias[:, None], outputs[-1], matrix.mT))
        if place + 2 < len(layers):
            # tanh x = 2σ(2x) − 1, which takes a third of the time of PyTorch's tanh and rounds by 1e-7 at most.
            outputs[-1].mul_(2.0).sigmoid_().mul_(2.0).sub_(1.0)
    return outputs


@torch.no_grad()
def _dense_gradients(weights: Weights, real: Tensor, generated: Tensor) -> list[Tensor]:
    """`_any_gradients` of dense layers with tanh between them, by the chain rule: a fifth of the time."""
    layers = list(weights.values())
    *inputs, logits = _activations(layers, torch.cat([real, generated], dim=1).flatten(2))
    # of −log D at real samples and −log(1 − D) at generated ones, each side a mean
    back = torch.sigmoid(logits)
    back[:, : real.shape[1]].sub_(1.0).div_(real.shape[1])
    back[:, real.shape[1] :].div_(generated.shape[1])
    gradients: list[Tensor] = []
    for place in range(len(layers) - 2, -1, -2):
        entering, matrix = inputs[place // 2], layers[place]
        gradients = [back.mT @ entering, back.sum(1), *gradients]
        if place:
            onward = back * matrix if matrix.shape[1] == 1 else back @ matrix
            back = torch.ops.aten.tanh_backward(onward, entering)
    return gradients
