"""The loop under every schedule, against loops written with torch's own modules and optimisers."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from replication.config.recipes import Adam, Balance, Early, FeatureMatching, GeometricDecay, Prior, Recipe, Sgd
from replication.models.layers.networks import Networks
from replication.training import eager, loop
from replication.training.draws import Draws
from replication.training.run import bind_runs
from replication.training.schedule import turns
from tests.training.conftest import descend, networks_of, same

ONES, ZEROS = torch.ones(6), torch.zeros(6)
MIXTURE = Prior(components=6, sigma_init=0.2, regulariser=0.3)


def latent(draws: Draws, unit: int, draw: int) -> tuple[Tensor, Tensor]:
    return draws.noise[unit, draw], draws.component[unit, draw]


def real(case: Any, draws: Draws, unit: int, minibatch: int) -> Tensor:
    return case.data.values[draws.rows[unit, minibatch]].float() / 127.5 - 1


def adams(networks: Networks, l2: float = 0.0) -> list[torch.optim.Optimizer]:
    return [torch.optim.Adam(net.parameters(), lr=1e-2, betas=(0.5, 0.999), weight_decay=l2) for net in networks]


@pytest.mark.parametrize("minibatch", ["none", "next"])
@pytest.mark.parametrize(("k", "steps", "l2"), [(1, 1, 0.0), (2, 1, 0.01), (1, 3, 0.0), (3, 2, 0.01)])
def test_alternate(small: Callable[..., Any], recipe: Recipe, k: int, steps: int, l2: float, minibatch: str) -> None:
    changes: dict[str, Any] = {"inner_steps": k, "generator_steps": steps, "generator_minibatch": minibatch}
    case = small(replace(recipe, **changes, adam=Adam(1e-2, 0.5, l2=l2), prior=MIXTURE))
    state, draws = case.start(), case.draw(5)
    networks, run = networks_of(case, state), case.train(state, draws)
    (of_generator, of_discriminator), (generator, discriminator) = adams(networks, l2), networks
    losses = [0.0, 0.0]
    for unit in range(5):
        for step in range(k):
            told = discriminator(real(case, draws, unit, step)).logits
            fake = discriminator(generator(*latent(draws, unit, step)).detach()).logits
            loss = 0.5 * (cross_entropy(told, ONES) + cross_entropy(fake, ZEROS))
            losses[1] = loss.item()
            descend(of_discriminator, loss)
        for step in range(k, k + steps):
            loss = cross_entropy(discriminator(generator(*latent(draws, unit, step))).logits, ONES)
            losses[0] = loss.item()
            descend(of_generator, loss + 0.3 * ((1 - generator.get_parameter("prior.sigma")) ** 2).mean())
    same(run, networks)
    assert run.balance[3:].tolist() == pytest.approx(losses, abs=1e-5)  # without the prior's penalty
    assert run.steps.tolist() == [5 * steps, 5 * k]


def test_simultaneous_with_momentum_and_decay(small: Callable[..., Any], recipe: Recipe) -> None:
    case = small(
        replace(
            recipe,
            schedule="simultaneous",
            adam=None,
            sgd=Sgd(0.5, 0.5, 0.7, momentum_updates=4),
            geometric_decay=GeometricDecay(1.1, floor=0.35),
        )
    )
    state, draws = case.start(), case.draw(7)
    networks, run = networks_of(case, state), case.train(state, draws)
    generator, discriminator = networks
    # A rate of 1 on a gradient times the rate is classical momentum, where the rate falls inside the velocity.
    sides = [torch.optim.SGD(net.parameters(), lr=1.0, momentum=0.5) for net in networks]
    for unit in range(7):
        rate = max(0.5 / 1.1**unit, 0.35)
        pay = cross_entropy(discriminator(generator(*latent(draws, unit, 0))).logits, ONES)
        fake = generator(*latent(draws, unit, 0)).detach()
        told = discriminator(real(case, draws, unit, 0)).logits
        game = 0.5 * (cross_entropy(told, ONES) + cross_entropy(discriminator(fake).logits, ZEROS))
        gradients = [
            torch.autograd.grad(rate * loss, list(net.parameters()))
            for loss, net in zip((pay, game), networks, strict=True)
        ]
        for side, net, own in zip(sides, networks, gradients, strict=True):  # only now does either network move
            side.param_groups[0]["momentum"] = [0.5, 0.55, 0.6, 0.65, 0.7, 0.7, 0.7][unit]
            for parameter, gradient in zip(net.parameters(), own, strict=True):
                parameter.grad = gradient
            side.step()
    same(run, networks)
    assert run.balance[3:].tolist() == pytest.approx([pay.item(), game.item()], abs=1e-5)
    assert run.steps.tolist() == [7, 7]


@pytest.mark.parametrize("minibatch", ["own", "next"])
def test_feature_matching(small: Callable[..., Any], recipe: Recipe, minibatch: Any) -> None:
    matching = FeatureMatching("absolute-mean", layers=(-1, 0))
    case = small(
        replace(recipe, objective="feature-matching", feature_matching=matching, generator_minibatch=minibatch)
    )
    state, draws = case.start(), case.draw(5)
    networks, run = networks_of(case, state), case.train(state, draws)
    (of_generator, of_discriminator), (generator, discriminator) = adams(networks), networks
    distance = torch.zeros(())
    for unit in range(5):
        told = discriminator(real(case, draws, unit, 0)).logits
        fake = discriminator(generator(*latent(draws, unit, 0)).detach()).logits
        descend(of_discriminator, 0.5 * (cross_entropy(told, ONES) + cross_entropy(fake, ZEROS)))
        fakes = discriminator(generator(*latent(draws, unit, 1))).features
        reals = discriminator(real(case, draws, unit, 1)).features
        distance = sum(((a.mean(0) - b.mean(0)).abs().mean() for a, b in zip(fakes, reals, strict=True)), ZEROS[0])
        descend(of_generator, distance)
    same(run, networks)
    assert run.balance[3].item() == pytest.approx(distance.item(), abs=1e-5)


def test_the_early_objective_gives_way_at_its_unit(small: Callable[..., Any], recipe: Recipe) -> None:
    case = small(replace(recipe, objective="saturating", early=Early("non-saturating", updates=3)))
    state, draws = case.start(), case.draw(5)
    networks, run = networks_of(case, state), case.train(state, draws)
    (of_generator, of_discriminator), (generator, discriminator) = adams(networks), networks
    for unit in range(5):
        told = discriminator(real(case, draws, unit, 0)).logits
        fake = discriminator(generator(*latent(draws, unit, 0)).detach()).logits
        descend(of_discriminator, 0.5 * (cross_entropy(told, ONES) + cross_entropy(fake, ZEROS)))
        answer = torch.sigmoid(discriminator(generator(*latent(draws, unit, 1))).logits)
        descend(of_generator, torch.log(1 - answer).mean() if unit >= 3 else -torch.log(answer).mean())
    same(run, networks)


def test_balanced_updates_the_side_that_its_loss_names(small: Callable[..., Any], recipe: Recipe) -> None:
    always = Balance(-1.0, 1.0, -1.0, 10**6, 0.01, -(10**6), 0.01)  # a loss is above −1
    balanced = replace(recipe, schedule="balanced", inner_steps=4, balance=always, prior=MIXTURE)
    never = replace(balanced, balance=replace(always, threshold=100.0, ceiling=100.0))
    for case, still, steps in ((small(balanced), 1, [8, 0]), (small(never), 0, [0, 8])):
        state = case.start()
        before, run = networks_of(case, state), case.train(state, case.draw(2))
        assert run.steps.tolist() == steps and run.balance[1] == steps[0] - steps[1]
        moved = [
            any(not torch.equal(a, b) for a, b in zip(net.parameters(), old.parameters(), strict=True))
            for net, old in zip(run.networks, before, strict=True)
        ]
        assert moved == [still == 1, still == 0]


def test_the_deciding_loss_leaves_no_trace(small: Callable[..., Any], recipe: Recipe, lively: Balance) -> None:
    """Under running statistics and without layer noise, or as in training: neither moves a statistic."""
    balanced = replace(recipe, schedule="balanced", balance=lively)
    case = small(balanced, noisy=True)
    run, draws = case.train(case.start(), case.draw(3)), case.draw(1)
    kept = [deepcopy(net.state_dict()) for net in run.networks]
    stream = torch.Generator().manual_seed(5)
    drawn = Draws(*(part[0] for part in draws))
    batch = loop.assemble(run.networks, balanced, case.data, drawn, turns(balanced)[0], stream)
    twins, found, expected = [deepcopy(net) for net in run.networks], {}, {}
    for judged_with in ("running", "batch"):
        changed = replace(balanced, balance=replace(lively, judged_with=judged_with))  # pyright: ignore[reportArgumentType]
        chosen = loop._judge(run, changed, batch, "non-saturating")
        found[judged_with] = run.balance[3].item()
        assert bool(chosen) == (found[judged_with] > run.balance[0].item())
        for net, state in zip(run.networks, kept, strict=True):
            assert net.training
            assert all(torch.equal(tensor, state[name]) for name, tensor in net.state_dict().items())
        for net in twins:
            net.train(judged_with == "batch")
        with torch.no_grad():
            noise = batch.noises["fake"] if judged_with == "batch" else None
            logits = twins[1](twins[0](*latent(draws, 0, 0)), None, noise).logits
        expected[judged_with] = cross_entropy(logits, ONES).item()
    assert found == pytest.approx(expected, abs=1e-6)
    assert found["running"] != pytest.approx(found["batch"], abs=1e-4)


def test_every_batch_has_layer_noise_of_its_own(small: Callable[..., Any], recipe: Recipe) -> None:
    case = small(replace(recipe, inner_steps=2, generator_minibatch="own"), noisy=True)
    drawn = Draws(*(part[0] for part in case.draw(1)))
    networks, stream = case.build(), torch.Generator().manual_seed(0)
    batches = [loop.assemble(networks, case.recipe, case.data, drawn, turn, stream) for turn in turns(case.recipe)]
    noises = [noise for batch in batches for noise in batch.noises.values()]
    assert [list(batch.noises) for batch in batches] == [["fake", "real"]] * 3
    assert [[tuple(part.shape) for part in noise or []] for noise in noises] == [[(6, 4), (6, 6)]] * 6
    assert len({part.sum().item() for noise in noises for part in noise or []}) == 12


def test_layer_noise_is_new_in_every_unit_and_the_same_again(
    small: Callable[..., Any], recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, drawn = small(recipe, noisy=True), []

    def watched(*arguments: Any) -> None:
        drawn.append(torch.rand(1, generator=arguments[5]).item())

    monkeypatch.setattr(eager, "train_unit", watched)
    for seed, first in ((4, 0), (4, 3), (1, 0), (4, 3)):
        (run,) = bind_runs(case.build, case.start(seed))
        eager.EagerSeed(run, recipe, case.data, seed, None).advance(first, 3)
    assert len(set(drawn)) == 9 and drawn[3:6] == drawn[9:]
