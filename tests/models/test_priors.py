"""DeLiGAN's prior and its baselines' against their equations in plain loops."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn

from replication.models.layers.priors import Ensemble, MixturePrior, OneHotPrior


def test_the_prior_shifts_and_scales_noise_by_its_component() -> None:
    prior = MixturePrior(4, 3, 1.0, 0.2)
    prior.sigma.data.uniform_(-1, 1)
    noise, component = torch.randn(6, 3), torch.tensor([3, 0, 0, 2, 1, 3])
    result = prior(noise, component)
    for row, i in enumerate(component.tolist()):
        for d in range(3):
            expected = prior.mean[i, d].item() + prior.sigma[i, d].item() * noise[row, d].item()
            assert result[row, d].item() == pytest.approx(expected, abs=1e-6)


def test_means_start_uniform_and_sigmas_at_their_value() -> None:
    torch.manual_seed(0)
    prior = MixturePrior(50, 40, 0.7, 0.02)
    assert 0.69 < prior.mean.abs().max() <= 0.7
    assert prior.mean.std().item() == pytest.approx(0.7 / 3**0.5, rel=0.05)
    assert torch.equal(prior.sigma, torch.full((50, 40), 0.02))


def test_signed_sigmas_start_uniform_on_both_sides_of_zero() -> None:
    torch.manual_seed(0)
    sigma = MixturePrior(50, 40, 1.0, 0.2, signed=True).sigma
    assert -0.2 <= sigma.min() < -0.19 and 0.19 < sigma.max() <= 0.2
    assert sigma.mean().abs() < 0.01 and sigma.std().item() == pytest.approx(0.2 / 3**0.5, rel=0.05)


def test_a_one_hot_code_stands_beside_the_noise() -> None:
    noise = torch.randn(3, 2)
    result = OneHotPrior(4)(noise, torch.tensor([2, 0, 2]))
    code = [[0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
    assert torch.equal(result, torch.cat([noise, torch.tensor(code)], dim=1))


def separate(ensemble: Any, component: int) -> nn.Sequential:
    """One generator of the ensemble as a network of its own."""
    layers: list[nn.Module] = []
    for layer in ensemble.layers:
        linear = nn.Linear(layer.weight.shape[2], layer.weight.shape[1])
        linear.weight.data, linear.bias.data = layer.weight[component].data, layer.bias[component].data
        layers += [linear, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def test_an_ensemble_is_as_many_separate_networks() -> None:
    ensemble: Any = Ensemble(4, (3, 5, 6, 2), "tanh")
    for layer in ensemble.layers:
        layer.bias.data.normal_()
    noise, component = torch.randn(7, 3), torch.tensor([3, 0, 0, 2, 1, 3, 3])
    result = ensemble(noise, component)
    for row, i in enumerate(component.tolist()):
        torch.testing.assert_close(result[row], separate(ensemble, i)(noise[row : row + 1])[0])


def test_an_ensemble_starts_as_dense_layers_do() -> None:
    torch.manual_seed(0)
    sizes = (12, 40, 2)
    ensemble: Any = Ensemble(50, sizes, "tanh")
    for layer, (inputs, outputs) in zip(ensemble.layers, pairwise(sizes), strict=True):
        assert layer.weight.shape == (50, outputs, inputs) and not layer.bias.any()
        bound = (3 / inputs) ** 0.5
        assert 0.95 * bound < layer.weight.abs().max() <= bound
        assert layer.weight.std().item() == pytest.approx((1 / inputs) ** 0.5, rel=0.05)
