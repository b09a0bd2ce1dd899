"""What a recipe adds to the game's losses and keeps beside the weights, each against a second computation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from replication.config.recipes import Labels, Recipe
from replication.models.layers.networks import Networks
from replication.training.draws import Draws
from replication.training.state import AVERAGED, PAST, bind
from tests.training.conftest import descend, networks_of, same

ONES, ZEROS = torch.ones(6), torch.zeros(6)
UNITS = 5


def play(
    case: Any,
    networks: Networks,
    draws: Draws,
    discriminator_term: Callable[[int], Tensor],
    generator_term: Callable[[int], Tensor],
    after: Callable[[], None] = lambda: None,
    target: float = 1.0,
) -> None:
    """A discriminator update and a generator update a unit, with a term added to each loss."""
    generator, discriminator = networks
    sides = [torch.optim.Adam(net.parameters(), lr=1e-2, betas=(0.5, 0.999)) for net in networks]
    for unit in range(len(draws.noise)):
        noise, component = draws.noise[unit], draws.component[unit]
        real = case.data.values[draws.rows[unit, 0]].float() / 127.5 - 1
        told = discriminator(real).source
        fake = discriminator(generator(noise[0], component[0]).detach()).source
        loss = 0.5 * (cross_entropy(told, target * ONES) + cross_entropy(fake, ZEROS)) + discriminator_term(unit)
        descend(sides[1], loss)
        after()
        loss = cross_entropy(discriminator(generator(noise[1], component[1])).source, ONES) + generator_term(unit)
        descend(sides[0], loss)
        after()


def nothing(unit: int) -> Tensor:
    return torch.zeros(())


def parameters(network: torch.nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def test_one_sided_label_smoothing(small: Callable[..., Any], recipe: Recipe) -> None:
    case = small(replace(recipe, real_target=0.9))
    state, draws = case.start(), case.draw(UNITS)
    networks, run = networks_of(case, state), case.train(state, draws)
    play(case, networks, draws, nothing, nothing, target=0.9)
    same(run, networks)


def test_historical_averaging_is_around_the_mean_of_all_that_was(small: Callable[..., Any], recipe: Recipe) -> None:
    weight = 0.7
    case = small(replace(recipe, historical_averaging=weight))
    state, draws = case.start(), case.draw(UNITS)
    networks, run = networks_of(case, state), case.train(state, draws)
    past = [[parameters(net)] for net in networks]  # of each side: θ[0], and θ after each of its updates

    def term(side: int) -> Tensor:
        means = [torch.stack(history).mean(0) for history in zip(*past[side], strict=True)]
        pairs = zip(networks[side].parameters(), means, strict=True)
        return weight * torch.stack([((now - mean) ** 2).sum() for now, mean in pairs]).sum()

    turn = [1]

    def remember() -> None:
        past[turn[0]].append(parameters(networks[turn[0]]))
        turn[0] = 1 - turn[0]

    play(case, networks, draws, lambda _: term(1), lambda _: term(0), remember)
    same(run, networks)
    for side, name in enumerate(("generator", "discriminator")):
        for kept, history in zip(run.beside(PAST, name), zip(*past[side], strict=True), strict=True):
            torch.testing.assert_close(kept, torch.stack(history).mean(0), rtol=1e-5, atol=5e-6)
    plain = small(recipe)
    played = networks_of(plain, state)
    play(plain, played, draws, nothing, nothing)
    with pytest.raises(AssertionError):
        same(run, played)  # the term did weigh


def test_the_moving_average_follows_the_discriminator_from_zero(small: Callable[..., Any], recipe: Recipe) -> None:
    """As Improved GAN's released code: a ← a + rate (θ − a), a starting at 0."""
    case = small(replace(recipe, parameter_average=0.25, labels=Labels(2)))
    state, draws = case.start(), case.draw(UNITS)
    networks, run = networks_of(case, state), case.train(state, draws)
    trace: list[list[Tensor]] = []
    play(case, networks, draws, nothing, nothing, lambda: trace.append(parameters(networks.discriminator)))
    same(run, networks)
    updates = trace[::2]  # after those of the discriminator
    shares = [0.25 * 0.75 ** (UNITS - 1 - index) for index in range(UNITS)]
    for index, found in enumerate(run.beside(AVERAGED, "discriminator")):
        expected = sum(share * after[index] for share, after in zip(shares, updates, strict=True))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert not run.beside(AVERAGED, "generator")
    tested = case.build()
    bind(tested, {name: tensor[None] for name, tensor in run.tensors.items()}, 0, AVERAGED)
    for one, other in zip(tested.discriminator.parameters(), run.beside(AVERAGED, "discriminator"), strict=True):
        assert torch.equal(one, other)
    for one, other in zip(tested.generator.parameters(), run.networks.generator.parameters(), strict=True):
        assert torch.equal(one, other)


def test_semi_supervised(small: Callable[..., Any], recipe: Recipe) -> None:
    """K logits: −l_y + LSE on labelled, −½LSE + ½softplus(LSE) on real, ½softplus(LSE) on generated samples."""
    case = small(replace(recipe, labels=Labels(2)), outputs=3)
    state = case.start()
    draws = case.draw(UNITS, labelled=torch.tensor([1, 4, 5, 8, 9, 12]))
    networks, run = networks_of(case, state), case.train(state, draws)
    generator, discriminator = networks
    sides = [torch.optim.Adam(net.parameters(), lr=1e-2, betas=(0.5, 0.999)) for net in networks]
    unlabelled = torch.zeros(())
    for unit in range(UNITS):
        noise = draws.noise[unit]
        samples = case.data.values.float() / 127.5 - 1
        rows, learnt = (array[unit, 0] for array in (draws.rows, draws.labelled))
        assert sorted(learnt.tolist()) == [1, 4, 5, 8, 9, 12]
        real, fake = discriminator(samples[rows]), discriminator(generator(noise[0], rows[:0]).detach())
        partition, of_fake = (torch.log(torch.exp(judged.logits).sum(1)) for judged in (real, fake))
        soft = torch.nn.functional.softplus
        unlabelled = (-0.5 * partition + 0.5 * soft(partition)).mean() + 0.5 * soft(of_fake).mean()
        logits, labels = discriminator(samples[learnt]).logits, case.data.labels[learnt]
        labelled = (-logits[torch.arange(6), labels] + torch.log(torch.exp(logits).sum(1))).mean()
        descend(sides[1], unlabelled + labelled)
        answer = torch.log(torch.exp(discriminator(generator(noise[1], rows[:0])).logits).sum(1))
        descend(sides[0], -torch.log(torch.exp(answer) / (torch.exp(answer) + 1)).mean())  # D(x) = Z/(Z + 1)
    same(run, networks)
    assert run.balance[4].item() == pytest.approx(unlabelled.item(), abs=1e-5)  # logged without the labels' loss


def test_labels_under_a_balanced_schedule_come_once_a_minibatch(
    small: Callable[..., Any], recipe: Recipe, lively: Any
) -> None:
    balanced = replace(recipe, schedule="balanced", inner_steps=4, balance=lively, labels=Labels(2))
    draws = small(balanced, outputs=3).draw(4, labelled=torch.arange(12))
    assert draws.labelled.shape == (4, 1, 6)
    for epoch in draws.labelled.reshape(2, 12):
        assert sorted(epoch.tolist()) == list(range(12))  # none is passed over
