"""The losses against torch's binary cross-entropy, and the prior's penalty by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from replication.training.objectives import discriminator_loss, generator_loss, prior_penalty

LOGITS = torch.tensor([-4.0, -0.3, 0.0, 1.5, 6.0], dtype=torch.float64)
ONES, ZEROS = torch.ones_like(LOGITS), torch.zeros_like(LOGITS)


def test_generator_losses() -> None:
    torch.testing.assert_close(generator_loss(LOGITS, "non-saturating"), binary_cross_entropy_with_logits(LOGITS, ONES))
    torch.testing.assert_close(generator_loss(LOGITS, "saturating"), -binary_cross_entropy_with_logits(LOGITS, ZEROS))


@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_discriminator_loss(scale: float) -> None:
    real, fake = LOGITS, LOGITS.flip(0) - 1
    expected = binary_cross_entropy_with_logits(real, ONES) + binary_cross_entropy_with_logits(fake, ZEROS)
    torch.testing.assert_close(discriminator_loss(real, fake, scale), scale * expected)


def test_at_the_optimum_the_discriminator_pays_log_four_and_both_losses_pull_one_way() -> None:
    assert discriminator_loss(ZEROS, ZEROS, 1.0).item() == pytest.approx(math.log(4))
    slopes = []
    for objective in ("saturating", "non-saturating"):
        logits = torch.full((1,), -5.0, dtype=torch.float64, requires_grad=True)
        generator_loss(logits, objective).backward()
        assert logits.grad is not None
        slopes.append(logits.grad.item())
    assert slopes == pytest.approx([-1 / (1 + math.exp(5)), -1 / (1 + math.exp(-5))])


def test_extreme_logits_stay_finite() -> None:
    extreme = torch.tensor([-1e4, 1e4])
    values = [generator_loss(extreme, name) for name in ("saturating", "non-saturating")]
    values.append(discriminator_loss(extreme, extreme, 1.0))
    assert [value.item() for value in values] == [-5e3, 5e3, 1e4]


def test_the_prior_pays_for_every_sigma_away_from_one() -> None:
    sigma = torch.tensor([[1.0, 0.0], [2.0, 0.5]], requires_grad=True)
    penalty = prior_penalty(sigma, 0.1)
    assert penalty.item() == pytest.approx(0.1 * (0 + 1 + 1 + 0.25) / 4)
    penalty.backward()
    assert sigma.grad is not None
    torch.testing.assert_close(sigma.grad, 0.1 * 2 * (sigma.detach() - 1) / 4)
