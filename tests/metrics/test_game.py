"""The game's numbers against plain formulas, loops over the seeds and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from replication.models.layers.dense import DenseDiscriminator
from replication.models.layers.networks import Judged
from replication.scoring import game
from replication.scoring.game import Weights, gradient_norm, logits_of, train_alone, value_and_hits
from replication.training.objectives import generator_loss

SEEDS = 3


def discriminators() -> list[DenseDiscriminator]:
    torch.manual_seed(0)
    return [DenseDiscriminator(2, (5,), "tanh") for _ in range(SEEDS)]


def stacked(networks: list[DenseDiscriminator]) -> Weights:
    states = [network.state_dict() for network in networks]
    return {name: torch.stack([state[name] for state in states]) for name in states[0]}


def sides(count: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Real and generated points, [SEEDS, count, 2] each."""
    source = torch.Generator().manual_seed(seed)
    real, generated = torch.randn(2, SEEDS, count, 2, generator=source)
    return real, generated + 1.0


class Direct(nn.Module):
    """Samples [B, 1] are their own logits, times a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, samples: Tensor) -> Judged:
        return Judged(self.weight * samples.squeeze(1), ())


def test_logits_are_those_of_each_network_alone() -> None:
    networks, (real, _) = discriminators(), sides(7)
    result = logits_of(networks[0], stacked(networks), real)
    for index, network in enumerate(networks):
        torch.testing.assert_close(result[index], network(real[index]).logits)


def test_training_together_is_training_each_seed_alone() -> None:
    networks, updates, rate = discriminators(), 12, 0.02
    weights = stacked(networks)
    draws = [sides(6, seed) for seed in range(updates)]
    trained = train_alone(networks[0], weights, draws.__getitem__, updates, rate)
    for index, network in enumerate(networks):
        optimiser = torch.optim.Adam(network.parameters(), lr=rate)
        for update, (real, generated) in enumerate(draws):
            optimiser.param_groups[0]["lr"] = rate * (updates - update) / updates
            right, wrong = torch.sigmoid(network(real[index]).logits), torch.sigmoid(network(generated[index]).logits)
            optimiser.zero_grad()
            (-torch.log(right).mean() - torch.log(1 - wrong).mean()).backward()
            optimiser.step()
        for name, tensor in network.state_dict().items():
            torch.testing.assert_close(trained[name][index], tensor, rtol=1e-4, atol=1e-5)
    assert all(torch.equal(weights[name], tensor) for name, tensor in stacked(discriminators()).items())


@pytest.mark.parametrize("hidden", [(), (5,), (4, 3, 6)])
def test_tanh_networks_are_differentiated_as_any_other(
    hidden: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(3)
    weights = stacked([DenseDiscriminator(2, hidden, "tanh") for _ in range(SEEDS)])
    network = DenseDiscriminator(2, hidden, "tanh")
    monkeypatch.setattr(game, "TOGETHER", 2)  # of three seeds, so that the last is alone
    with torch.no_grad():
        logits = logits_of(network, weights, sides(9)[0])
    result = train_alone(network, weights, lambda _: sides(6), 4, 0.1)
    monkeypatch.setattr(game, "_is_tanh_network", lambda _: False)
    torch.testing.assert_close(logits, logits_of(network, weights, sides(9)[0]))
    expected = train_alone(network, weights, lambda _: sides(6), 4, 0.1)
    for name, tensor in expected.items():
        torch.testing.assert_close(result[name], tensor, rtol=1e-4, atol=1e-5)


def test_a_diverged_seed_leaves_the_others_alone() -> None:
    networks = discriminators()
    whole, broken = stacked(networks), stacked(networks)
    broken["body.0.weight"][1] = torch.nan
    result, expected = (train_alone(networks[0], w, lambda update: sides(6, update), 5, 0.02) for w in (broken, whole))
    for name, tensor in expected.items():
        assert torch.equal(result[name][[0, 2]], tensor[[0, 2]])


def test_the_value_is_the_papers_first_equation() -> None:
    networks, (real, generated) = discriminators(), sides(9)
    result = value_and_hits(networks[0], stacked(networks), real, generated)[0]
    for index, network in enumerate(networks):
        logits = (network(points[index]).logits.detach().double().numpy() for points in (real, generated))
        right, wrong = (1 / (1 + np.exp(-of_side)) for of_side in logits)
        assert result[index].item() == pytest.approx(np.log(right).mean() + np.log(1 - wrong).mean(), rel=1e-5)


def test_sides_of_unlike_size_weigh_the_same() -> None:
    logits = torch.tensor([[[2.0], [2.0]]]), torch.tensor([[[-2.0], [-2.0], [-2.0], [2.0]]])
    weights = {"weight": torch.ones(1)}
    log_right, log_wrong = -np.log1p(np.exp(-2)), -np.log1p(np.exp(2))
    value, hits = value_and_hits(Direct(), weights, *logits)
    assert value.item() == pytest.approx(1.75 * log_right + 0.25 * log_wrong)
    assert hits.item() == (1.0 + 0.75) / 2


def test_a_logit_of_zero_counts_as_generated() -> None:
    zeros = torch.zeros(1, 4, 1)
    weights = {"weight": torch.ones(1)}
    for real, generated, expected in ((zeros, zeros, 0.5), (zeros + 1, zeros, 1.0), (zeros, zeros + 1, 0.0)):
        assert value_and_hits(Direct(), weights, real, generated)[1].item() == expected


@pytest.mark.parametrize("objective", ["saturating", "non-saturating"])
def test_the_gradient_norm_is_that_of_finite_differences(objective: str) -> None:
    torch.manual_seed(2)
    generator = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2)).double()
    discriminator, noise = DenseDiscriminator(2, (4,), "tanh").double(), torch.randn(6, 2, dtype=torch.float64)
    squares, step = 0.0, 1e-5
    with torch.no_grad():
        for parameter in generator.parameters():
            for entry in parameter.view(-1).split(1):
                losses = []
                for shift in (step, -2 * step):
                    entry += shift
                    losses.append(generator_loss(discriminator(generator(noise)).logits, objective).item())
                entry += step
                squares += ((losses[0] - losses[1]) / (2 * step)) ** 2
    assert gradient_norm(generator, discriminator, objective, noise) == pytest.approx(np.sqrt(squares), rel=1e-6)
