"""Adam and momentum against torch's own, and Adam with ε under the root against its formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from replication.training.optimisers import adam_update, fused_adam_update, momentum_update


def drawn(stream: torch.Generator, *shapes: tuple[int, ...], dtype: torch.dtype = torch.float64) -> list[Tensor]:
    return [torch.randn(shape, generator=stream, dtype=dtype) for shape in shapes]


def zeros(tensors: list[Tensor]) -> list[Tensor]:
    return [torch.zeros_like(tensor) for tensor in tensors]


def step_of_torch(optimiser: torch.optim.Optimizer, gradients: list[Tensor]) -> None:
    for tensor, gradient in zip(optimiser.param_groups[0]["params"], gradients, strict=True):
        tensor.grad = gradient
    optimiser.step()


@pytest.mark.parametrize("l2", [0.0, 0.03])
@pytest.mark.parametrize(("betas", "epsilon"), [((0.5, 0.999), 1e-8), ((0.9, 0.99), 1e-3)])
def test_adam_is_torch_adam(l2: float, betas: tuple[float, float], epsilon: float) -> None:
    stream = torch.Generator().manual_seed(1)
    start = drawn(stream, (3, 2), (4,))
    ours, theirs = [t.clone() for t in start], [t.clone().requires_grad_() for t in start]
    first, second = zeros(start), zeros(start)
    optimiser = torch.optim.Adam(theirs, lr=0.01, betas=betas, eps=epsilon, weight_decay=l2)
    for step in range(1, 21):
        gradients = drawn(stream, (3, 2), (4,))
        adam_update(ours, gradients, first, second, step, 0.01, betas, epsilon, l2)
        step_of_torch(optimiser, gradients)  # which are as they were
    for each, other, before in zip(ours, theirs, start, strict=True):
        torch.testing.assert_close(each, other.detach(), rtol=1e-12, atol=1e-12)
        assert not torch.equal(each, before)
    for name, moments in (("exp_avg", first), ("exp_avg_sq", second)):
        for tensor, moment in zip(theirs, moments, strict=True):
            torch.testing.assert_close(moment, optimiser.state[tensor][name], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("epsilon", [1e-8, 1e-2])
def test_epsilon_under_the_root(epsilon: float) -> None:
    """θ ← θ − rate · m̂ / √(v̂ + ε), as Improved GAN's released code has it, and a step that is a tensor."""
    stream = np.random.default_rng(0)
    values, gradients = stream.normal(size=4), stream.normal(size=(5, 4)) * [1e-6, 1e-3, 1.0, 10.0]
    ours = [torch.from_numpy(values.copy())]
    ours_first, ours_second = zeros(ours), zeros(ours)
    first, second = np.zeros(4), np.zeros(4)
    for step, gradient in enumerate(gradients, start=1):
        counted = torch.tensor(step, dtype=torch.float64)
        of_step, options = [torch.from_numpy(gradient.copy())], (0.01, (0.5, 0.9), epsilon)
        adam_update(ours, of_step, ours_first, ours_second, counted, *options, epsilon_inside=True)
        first, second = 0.5 * first + 0.5 * gradient, 0.9 * second + 0.1 * gradient**2
        values = values - 0.01 * (first / (1 - 0.5**step)) / np.sqrt(second / (1 - 0.9**step) + epsilon)
        np.testing.assert_allclose(ours[0].numpy(), values, rtol=1e-12, atol=1e-14)


def test_momentum_is_torch_sgd_at_the_rate_of_each_gradients_own_step() -> None:
    """v ← momentum·v − rate·g (GAN's released code): at a rate of 1 torch leaves the velocity as it was gathered."""
    stream = torch.Generator().manual_seed(1)
    start = drawn(stream, (3, 2), (4,))
    ours, theirs, velocity = [t.clone() for t in start], [t.clone().requires_grad_() for t in start], zeros(start)
    optimiser = torch.optim.SGD(theirs, lr=1.0, momentum=0.5)
    for step in range(12):
        momentum, rate = 0.5 + 0.02 * step, 0.05 / (1 + step)
        optimiser.param_groups[0]["momentum"] = momentum
        gradients = drawn(stream, (3, 2), (4,))
        momentum_update(ours, gradients, velocity, rate, momentum)
        step_of_torch(optimiser, [rate * gradient for gradient in gradients])
    for each, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(each, other.detach(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("l2", [0.0, 0.03])
def test_the_fused_step_is_the_plain_one(l2: float) -> None:
    stream, shapes = torch.Generator().manual_seed(1), ((3, 2), (37,), (5, 4, 3, 3))
    start = drawn(stream, *shapes, dtype=torch.float32)
    plain, fused = ([t.clone() for t in start] for _ in range(2))
    means, others, squares, other_squares = (zeros(start) for _ in range(4))
    for step in range(1, 21):
        gradients = drawn(stream, *shapes, dtype=torch.float32)
        counted, rate = torch.tensor(step, dtype=torch.float64), torch.tensor(0.01 / step, dtype=torch.float64)
        adam_update(plain, gradients, means, squares, counted, rate, (0.5, 0.99), 1e-6, l2)
        fused_adam_update(fused, gradients, others, other_squares, counted, rate, (0.5, 0.99), 1e-6, l2)
    for each, other, before in zip(fused, plain, start, strict=True):
        torch.testing.assert_close(each, other, rtol=1e-5, atol=1e-6)
        assert not torch.equal(each, before)


@pytest.mark.parametrize("finite", [True, False])
def test_a_fused_step_that_is_not_kept_changes_nothing(finite: bool) -> None:
    tensors = [[torch.full((3,), value)] for value in (1.0, 0.5, 0.25)]
    gradient, step = [torch.full((3,), 1.0 if finite else torch.nan)], torch.tensor(4.0, dtype=torch.float64)
    parameters, first, second = tensors
    fused_adam_update(
        parameters, gradient, first, second, step, torch.tensor(0.1), skip=torch.tensor(float(not finite))
    )
    still = [part[0].tolist() == [value] * 3 for part, value in zip(tensors, (1.0, 0.5, 0.25), strict=True)]
    assert still == [not finite] * 3
