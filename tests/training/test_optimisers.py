"""Adam and momentum against torch's own, and Adam with ε under the root against its formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from replication.training.optimisers import adam_update, fused_adam_update, momentum_update


@pytest.mark.parametrize("l2", [0.0, 0.03])
@pytest.mark.parametrize(("betas", "epsilon"), [((0.5, 0.999), 1e-8), ((0.9, 0.99), 1e-3)])
def test_adam_is_torch_adam(l2: float, betas: tuple[float, float], epsilon: float) -> None:
    stream = torch.Generator().manual_seed(1)
    start = [torch.randn(shape, generator=stream, dtype=torch.float64) for shape in ((3, 2), (4,))]
    ours, theirs = [t.clone() for t in start], [t.clone().requires_grad_() for t in start]
    first, second = [torch.zeros_like(t) for t in start], [torch.zeros_like(t) for t in start]
    optimiser = torch.optim.Adam(theirs, lr=0.01, betas=betas, eps=epsilon, weight_decay=l2)
    for step in range(1, 21):
        gradients = [torch.randn(t.shape, generator=stream, dtype=torch.float64) for t in start]
        adam_update(ours, [g.clone() for g in gradients], first, second, step, 0.01, betas, epsilon, l2)
        for tensor, gradient in zip(theirs, gradients, strict=True):
            tensor.grad = gradient
        optimiser.step()
    for one, other, before in zip(ours, theirs, start, strict=True):
        torch.testing.assert_close(one, other.detach(), rtol=1e-12, atol=1e-12)
        assert not torch.equal(one, before)
    for name, ours_moments in (("exp_avg", first), ("exp_avg_sq", second)):
        for tensor, moment in zip(theirs, ours_moments, strict=True):
            torch.testing.assert_close(moment, optimiser.state[tensor][name], rtol=1e-12, atol=1e-12)


def test_the_gradients_given_are_not_changed() -> None:
    gradient = torch.ones(3)
    adam_update([torch.ones(3)], [gradient], [torch.zeros(3)], [torch.zeros(3)], 1, 0.1, (0.5, 0.999), 1e-8, 0.5)
    assert gradient.tolist() == [1, 1, 1]


@pytest.mark.parametrize("epsilon", [1e-8, 1e-2])
def test_epsilon_under_the_root(epsilon: float) -> None:
    """θ ← θ − rate · m̂ / √(v̂ + ε), as Improved GAN's released code has it, and a step that is a tensor."""
    stream = np.random.default_rng(0)
    values, gradients = stream.normal(size=4), stream.normal(size=(5, 4)) * [1e-6, 1e-3, 1.0, 10.0]
    ours = [torch.from_numpy(values.copy())]
    moments = [[torch.zeros(4, dtype=torch.float64)] for _ in range(2)]
    first, second = np.zeros(4), np.zeros(4)
    for step, gradient in enumerate(gradients, start=1):
        counted = torch.tensor(step, dtype=torch.float64)
        given = torch.from_numpy(gradient.copy())
        adam_update(ours, [given], moments[0], moments[1], counted, 0.01, (0.5, 0.9), epsilon, epsilon_inside=True)
        first, second = 0.5 * first + 0.5 * gradient, 0.9 * second + 0.1 * gradient**2
        values = values - 0.01 * (first / (1 - 0.5**step)) / np.sqrt(second / (1 - 0.9**step) + epsilon)
        np.testing.assert_allclose(ours[0].numpy(), values, rtol=1e-12, atol=1e-14)


def test_momentum_is_torch_sgd() -> None:
    stream = torch.Generator().manual_seed(1)
    start = [torch.randn(shape, generator=stream, dtype=torch.float64) for shape in ((3, 2), (4,))]
    ours, theirs = [t.clone() for t in start], [t.clone().requires_grad_() for t in start]
    velocity = [torch.zeros_like(t) for t in start]
    optimiser = torch.optim.SGD(theirs, lr=0.05, momentum=0.5)
    for step in range(12):
        momentum = 0.5 + 0.02 * step
        optimiser.param_groups[0]["momentum"] = momentum
        gradients = [torch.randn(t.shape, generator=stream, dtype=torch.float64) for t in start]
        momentum_update(ours, [g.clone() for g in gradients], velocity, 0.05, momentum)
        for tensor, gradient in zip(theirs, gradients, strict=True):
            tensor.grad = gradient
        optimiser.step()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other.detach(), rtol=1e-12, atol=1e-12)


def test_a_falling_rate_leaves_the_velocity_as_it_was_gathered() -> None:
    """v ← momentum·v − rate·g: the rate of each gradient is that of its own step (GAN's released code)."""
    value, velocity = [torch.zeros(1)], [torch.zeros(1)]
    for rate in (1.0, 0.1, 0.0):
        momentum_update(value, [torch.ones(1)], velocity, rate, 0.5)
    assert velocity[0].item() == pytest.approx(-(0.25 * 1.0 + 0.5 * 0.1))
    assert value[0].item() == pytest.approx(-(1.0 + 0.6 + 0.3))


@pytest.mark.parametrize("l2", [0.0, 0.03])
def test_the_fused_step_is_the_plain_one(l2: float) -> None:
    stream = torch.Generator().manual_seed(1)
    start = [torch.randn(shape, generator=stream) for shape in ((3, 2), (37,), (5, 4, 3, 3))]
    plain, fused = ([t.clone() for t in start] for _ in range(2))
    means, others, squares, other_squares = ([torch.zeros_like(t) for t in start] for _ in range(4))
    for step in range(1, 21):
        gradients = [torch.randn(t.shape, generator=stream) for t in start]
        counted, rate = torch.tensor(step, dtype=torch.float64), torch.tensor(0.01 / step, dtype=torch.float64)
        adam_update(plain, gradients, means, squares, counted, rate, (0.5, 0.99), 1e-6, l2)
        fused_adam_update(fused, gradients, others, other_squares, counted, rate, (0.5, 0.99), 1e-6, l2)
    for one, other, before in zip(fused, plain, start, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
        assert not torch.equal(one, before)


@pytest.mark.parametrize("kept", [True, False])
def test_a_fused_step_that_is_not_kept_changes_nothing(kept: bool) -> None:
    tensors = [[torch.full((3,), value)] for value in (1.0, 0.5, 0.25)]
    gradient, step = [torch.full((3,), 1.0 if kept else torch.nan)], torch.tensor(4.0, dtype=torch.float64)
    parameters, first, second = tensors
    fused_adam_update(parameters, gradient, first, second, step, torch.tensor(0.1), skip=torch.tensor(float(not kept)))
    still = [part[0].tolist() == [value] * 3 for part, value in zip(tensors, (1.0, 0.5, 0.25), strict=True)]
    assert still == [not kept] * 3
