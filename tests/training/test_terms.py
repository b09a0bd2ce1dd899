"""What a recipe adds to the game's losses and keeps beside the weights, each against a second computation."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from replication.config.recipes import Labels
from replication.training.state import AVERAGED, PAST, bind
from tests.training.small import LIVELY, Game, descend, small

UNITS = 5


def play(
    game: Game,
    term: Callable[[int], Tensor | float],
    after: Callable[[int], None] = lambda side: None,
    target: float = 1.0,
) -> None:
    """A discriminator update and a generator update a unit, with a term of the side added to each loss."""
    sides = game.adams()
    for unit in range(UNITS):
        descend(sides[1], game.discriminator_loss(unit, target=target) + term(1))
        after(1)
        descend(sides[0], game.generator_loss(unit) + term(0))
        after(0)


def nothing(side: int) -> float:
    return 0.0


def parameters(network: torch.nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def test_one_sided_label_smoothing() -> None:
    run, game = small(real_target=0.9).play(UNITS)
    play(game, nothing, target=0.9)
    game.assert_ends_as(run)


def test_historical_averaging_is_around_the_mean_of_all_that_was() -> None:
    weight = 0.7
    run, game = small(historical_averaging=weight).play(UNITS)
    past = [[parameters(net)] for net in game.networks]  # of each side: θ[0], and θ after each of its updates

    def term(side: int) -> Tensor:
        means = [torch.stack(history).mean(0) for history in zip(*past[side], strict=True)]
        pairs = zip(game.networks[side].parameters(), means, strict=True)
        return weight * torch.stack([((now - mean) ** 2).sum() for now, mean in pairs]).sum()

    play(game, term, lambda side: past[side].append(parameters(game.networks[side])))
    game.assert_ends_as(run)
    for side, name in enumerate(("generator", "discriminator")):
        for mean, history in zip(run.beside(PAST, name), zip(*past[side], strict=True), strict=True):
            torch.testing.assert_close(mean, torch.stack(history).mean(0), rtol=1e-5, atol=5e-6)
    _, plain = small().play(UNITS)
    play(plain, nothing)
    with pytest.raises(AssertionError):
        plain.assert_ends_as(run)  # the term did weigh


def test_the_moving_average_follows_the_discriminator_from_zero() -> None:
    """As Improved GAN's released code: a ← a + rate (θ − a), a starting at 0."""
    case = small(outputs=1, parameter_average=0.25, labels=Labels(2))
    run, game = case.play(UNITS)
    updates: list[list[Tensor]] = []
    play(game, nothing, lambda side: updates.append(parameters(game.networks.discriminator)) if side else None)
    game.assert_ends_as(run)
    shares = [0.25 * 0.75 ** (UNITS - 1 - index) for index in range(UNITS)]
    for index, average in enumerate(run.beside(AVERAGED, "discriminator")):
        expected = sum(share * after[index] for share, after in zip(shares, updates, strict=True))
        torch.testing.assert_close(average, expected, rtol=1e-4, atol=1e-6)
    assert not run.beside(AVERAGED, "generator")
    tested = case.build()
    bind(tested, {name: tensor[None] for name, tensor in run.tensors.items()}, 0, AVERAGED)
    scored = [*tested.generator.parameters(), *tested.discriminator.parameters()]
    expected = [*run.networks.generator.parameters(), *run.beside(AVERAGED, "discriminator")]
    assert all(torch.equal(each, other) for each, other in zip(scored, expected, strict=True))


def test_semi_supervised() -> None:
    """K logits: −l_y + LSE on labelled, −½LSE + ½softplus(LSE) on real, ½softplus(LSE) on generated samples."""
    run, game = small(labels=Labels(2)).play(UNITS, torch.tensor([1, 4, 5, 8, 9, 12]))
    sides, discriminator = game.adams(), game.networks.discriminator
    unlabelled = torch.zeros(())
    for unit in range(UNITS):
        learnt = game.draws.labelled[unit, 0]
        assert sorted(learnt.tolist()) == [1, 4, 5, 8, 9, 12]
        real, fake = discriminator(game.real(unit)), discriminator(game.fake(unit).detach())
        partition, of_fake = (torch.log(torch.exp(judged.logits).sum(1)) for judged in (real, fake))
        unlabelled = (-0.5 * partition + 0.5 * softplus(partition)).mean() + 0.5 * softplus(of_fake).mean()
        logits, labels = discriminator(game.samples[learnt]).logits, learnt % 3  # as small data are labelled
        labelled = (-logits[torch.arange(6), labels] + torch.log(torch.exp(logits).sum(1))).mean()
        descend(sides[1], unlabelled + labelled)
        answer = torch.log(torch.exp(discriminator(game.fake(unit, 1)).logits).sum(1))
        descend(sides[0], -torch.log(torch.exp(answer) / (torch.exp(answer) + 1)).mean())  # D(x) = Z/(Z + 1)
    game.assert_ends_as(run)
    assert run.balance[4].item() == pytest.approx(unlabelled.item(), abs=1e-5)  # logged without the labels' loss


def test_labels_under_a_balanced_schedule_come_once_a_minibatch() -> None:
    case = small(schedule="balanced", inner_steps=4, balance=LIVELY, labels=Labels(2))
    labelled = case.units(4, torch.arange(12)).draws.labelled
    assert labelled.shape == (4, 1, 6)
    for epoch in labelled.reshape(2, 12):
        assert sorted(epoch.tolist()) == list(range(12))  # none is passed over
