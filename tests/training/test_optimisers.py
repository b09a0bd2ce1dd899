"""Adam against torch's own."""

from __future__ import annotations

import pytest
import torch

from replication.training.optimisers import adam_update


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
