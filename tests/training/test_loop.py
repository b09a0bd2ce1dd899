"""The loop under every schedule, against loops written with torch's own modules and optimisers."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from replication.config.recipes import Adam, Balance, Early, FeatureMatching, GeometricDecay, Prior, Sgd
from replication.training import eager, loop
from replication.training.run import bind_runs
from replication.training.schedule import turns
from tests.training.small import LIVELY, ONES, descend, small

MIXTURE = Prior(components=6, sigma_init=0.2, regulariser=0.3)


@pytest.mark.parametrize("minibatch", ["none", "next"])
@pytest.mark.parametrize(("k", "steps", "l2"), [(1, 1, 0.0), (2, 1, 0.01), (1, 3, 0.0), (3, 2, 0.01)])
def test_alternate(k: int, steps: int, l2: float, minibatch: str) -> None:
    changes = {"inner_steps": k, "generator_steps": steps, "generator_minibatch": minibatch}
    run, game = small(**changes, adam=Adam(1e-2, 0.5, l2=l2), prior=MIXTURE).play(5)
    of_generator, of_discriminator = game.adams(l2)
    losses = [0.0, 0.0]
    for unit in range(5):
        for step in range(k):
            loss = game.discriminator_loss(unit, step)
            losses[1] = loss.item()
            descend(of_discriminator, loss)
        for step in range(k, k + steps):
            loss = game.generator_loss(unit, step)
            losses[0] = loss.item()
            sigma = game.networks.generator.get_parameter("prior.sigma")
            descend(of_generator, loss + 0.3 * ((1 - sigma) ** 2).mean())
    game.assert_ends_as(run)
    assert run.balance[3:].tolist() == pytest.approx(losses, abs=1e-5)  # without the prior's penalty
    assert run.steps.tolist() == [5 * steps, 5 * k]


def test_simultaneous_with_momentum_and_decay() -> None:
    decay = {"sgd": Sgd(0.5, 0.5, 0.7, momentum_updates=4), "geometric_decay": GeometricDecay(1.1, floor=0.35)}
    run, game = small(schedule="simultaneous", adam=None, **decay).play(7)
    # A rate of 1 on a gradient times the rate is classical momentum, where the rate falls inside the velocity.
    sides = [torch.optim.SGD(net.parameters(), lr=1.0, momentum=0.5) for net in game.networks]
    for unit in range(7):
        rate = max(0.5 / 1.1**unit, 0.35)
        losses = game.generator_loss(unit, 0), game.discriminator_loss(unit)
        gradients = [
            torch.autograd.grad(rate * loss, list(net.parameters()))
            for loss, net in zip(losses, game.networks, strict=True)
        ]
        for side, net, of_net in zip(sides, game.networks, gradients, strict=True):  # only now does either network move
            side.param_groups[0]["momentum"] = [0.5, 0.55, 0.6, 0.65, 0.7, 0.7, 0.7][unit]
            for parameter, gradient in zip(net.parameters(), of_net, strict=True):
                parameter.grad = gradient
            side.step()
    game.assert_ends_as(run)
    assert run.balance[3:].tolist() == pytest.approx([loss.item() for loss in losses], abs=1e-5)
    assert run.steps.tolist() == [7, 7]


@pytest.mark.parametrize("minibatch", ["own", "next"])
def test_feature_matching(minibatch: str) -> None:
    matching = FeatureMatching("absolute-mean", layers=(-1, 0))
    run, game = small(objective="feature-matching", feature_matching=matching, generator_minibatch=minibatch).play(5)
    of_generator, of_discriminator = game.adams()
    distance = torch.zeros(())
    for unit in range(5):
        descend(of_discriminator, game.discriminator_loss(unit))
        fakes = game.networks.discriminator(game.fake(unit, 1)).features
        reals = game.networks.discriminator(game.real(unit, 1)).features
        gaps = [(a.mean(0) - b.mean(0)).abs().mean() for a, b in zip(fakes, reals, strict=True)]
        distance = torch.stack(gaps).sum()
        descend(of_generator, distance)
    game.assert_ends_as(run)
    assert run.balance[3].item() == pytest.approx(distance.item(), abs=1e-5)


def test_the_early_objective_gives_way_at_its_unit() -> None:
    run, game = small(objective="saturating", early=Early("non-saturating", updates=3)).play(5)
    of_generator, of_discriminator = game.adams()
    for unit in range(5):
        descend(of_discriminator, game.discriminator_loss(unit))
        answer = torch.sigmoid(game.networks.discriminator(game.fake(unit, 1)).logits)
        descend(of_generator, torch.log(1 - answer).mean() if unit >= 3 else -torch.log(answer).mean())
    game.assert_ends_as(run)


@pytest.mark.parametrize(("threshold", "steps"), [(-1.0, [8, 0]), (100.0, [0, 8])])  # a loss lies between them
def test_balanced_updates_the_side_that_its_loss_names(threshold: float, steps: list[int]) -> None:
    balance = Balance(threshold, 100.0, -1.0, 10**6, 0.01, -(10**6), 0.01)
    run, before = small(schedule="balanced", inner_steps=4, balance=balance, prior=MIXTURE).play(2)
    assert run.steps.tolist() == steps and run.balance[1] == steps[0] - steps[1]
    for net, old, count in zip(run.networks, before.networks, steps, strict=True):
        pairs = zip(net.parameters(), old.parameters(), strict=True)
        assert any(not torch.equal(a, b) for a, b in pairs) == (count > 0)


def test_the_deciding_loss_leaves_no_trace() -> None:
    """Under running statistics and without layer noise, or as in training: neither moves a statistic."""
    case = small(noisy=True, schedule="balanced", balance=LIVELY)
    balanced, (run, _), drawn = case.recipe, case.play(3), case.units(1).at(0).draws
    before = [deepcopy(net.state_dict()) for net in run.networks]
    stream = torch.Generator().manual_seed(5)
    batch = loop.assemble(run.networks, balanced, case.data, drawn, turns(balanced)[0], stream)
    twins, losses, expected = [deepcopy(net) for net in run.networks], {}, {}
    for judged_with in ("running", "batch"):
        changed = replace(balanced, balance=replace(LIVELY, judged_with=judged_with))  # pyright: ignore[reportArgumentType]
        chosen = loop._judge(run, changed, batch, "non-saturating")
        losses[judged_with] = run.balance[3].item()
        assert bool(chosen) == (losses[judged_with] > run.balance[0].item())
        for net, state in zip(run.networks, before, strict=True):
            assert net.training
            assert all(torch.equal(tensor, state[name]) for name, tensor in net.state_dict().items())
        for net in twins:
            net.train(judged_with == "batch")
        with torch.no_grad():
            noise = batch.noises["fake"] if judged_with == "batch" else None
            logits = twins[1](twins[0](drawn.noise[0], drawn.component[0]), None, noise).logits
        expected[judged_with] = cross_entropy(logits, ONES).item()
    assert losses == pytest.approx(expected, abs=1e-6)
    assert losses["running"] != pytest.approx(losses["batch"], abs=1e-4)


def test_every_batch_has_layer_noise_of_its_own() -> None:
    case = small(noisy=True, inner_steps=2, generator_minibatch="own")
    drawn = case.units(1).at(0).draws
    networks, stream = case.build(), torch.Generator().manual_seed(0)
    batches = [loop.assemble(networks, case.recipe, case.data, drawn, turn, stream) for turn in turns(case.recipe)]
    noises = [noise for batch in batches for noise in batch.noises.values()]
    assert [list(batch.noises) for batch in batches] == [["fake", "real"]] * 3
    assert [[tuple(part.shape) for part in noise or []] for noise in noises] == [[(6, 4), (6, 6)]] * 6
    assert len({part.sum().item() for noise in noises for part in noise or []}) == 12


def test_layer_noise_is_new_in_every_unit_and_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    case, drawn = small(noisy=True), []

    def watched(*arguments: Any) -> None:
        drawn.append(torch.rand(1, generator=arguments[5]).item())

    monkeypatch.setattr(eager, "train_unit", watched)
    for seed, first in ((4, 0), (4, 3), (1, 0), (4, 3)):
        (run,) = bind_runs(case.build, case.start(seed))
        eager.EagerSeed(run, case.recipe, case.data, seed, None).advance(first, 3)
    assert len(set(drawn)) == 9 and drawn[3:6] == drawn[9:]
