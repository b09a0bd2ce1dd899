"""The reference engine against a training loop written with torch's own modules and optimisers."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from replication.models import load
from replication.models.layers import Networks
from replication.recipes import Adam, Balance, Noise, Prior, Recipe
from replication.training import eager
from replication.training.draws import Draws, draw_units
from replication.training.state import bind, initial_state

PRIOR = Prior(6, "row", sigma_init=0.2, regulariser=0.3)
NETWORK = {
    "kernel": 3,
    "init_std": 0.1,
    "generator": [[4, 0], [1, 2]],
    "discriminator": [[3, 2], [4, 2]],
    "minibatch": [2, 3],
}
RECIPE = Recipe(
    "eager", "non-saturating", 0.5, "alternate", 2, 8, 6, 3, Noise("normal"), Adam(1e-3, 0.5), NETWORK, prior=PRIOR
)
build = partial(load("deligan").build, NETWORK, PRIOR, 3, (1, 8, 8))
IMAGES = torch.randint(0, 256, (20, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def trained(recipe: Recipe, units: int) -> tuple[Networks, Networks, eager.Run, Draws]:
    """Networks before and after `units`, the run that trained them, and what it drew."""
    state = initial_state(build, recipe, (3,))
    before = build()
    bind(before, {name: tensor.clone() for name, tensor in state.items()}, 0)
    (run,) = eager.bind_runs(build, state)
    draws = draw_units(recipe, (3,), len(IMAGES), 0, units)
    eager.advance([run], recipe, IMAGES, draws, 0)
    return before, run.networks, run, draws


def alternate_by_hand(networks: Networks, recipe: Recipe, draws: Draws) -> tuple[float, float]:
    """Two discriminator updates and one generator update a unit, as one would write them; the last losses."""
    sides = [
        torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.5, 0.999), weight_decay=recipe.adam.l2) for net in networks
    ]
    generator, discriminator = networks
    losses = [0.0, 0.0]
    for unit in range(draws.noise.shape[1]):
        latent = [
            (torch.from_numpy(draws.noise[0, unit, k]), torch.from_numpy(draws.component[0, unit, k])) for k in range(3)
        ]
        for k in range(2):
            real = discriminator(IMAGES[torch.from_numpy(draws.rows[0, unit, k])].float() / 127.5 - 1)
            fake = discriminator(generator(*latent[k]).detach())
            loss = 0.5 * (cross_entropy(real, torch.ones(6)) + cross_entropy(fake, torch.zeros(6)))
            descend(sides[1], loss)
            losses[1] = loss.item()
        loss = cross_entropy(discriminator(generator(*latent[2])), torch.ones(6))
        losses[0] = loss.item()
        descend(sides[0], loss + 0.3 * ((1 - generator.get_parameter("prior.sigma")) ** 2).mean())
    return losses[0], losses[1]


def descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_alternate_schedule_is_the_plain_loop(l2: float) -> None:
    recipe = replace(RECIPE, adam=Adam(1e-3, 0.5, l2=l2))
    networks, after, run, draws = trained(recipe, 5)
    losses = alternate_by_hand(networks, recipe, draws)
    for ours, theirs in zip(after, networks, strict=True):
        for (name, one), other in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
            # D's running statistics of the plain loop see real images first too, in the same order.
            torch.testing.assert_close(one, other, rtol=1e-5, atol=2e-6, msg=name)
    assert run.balance[3:].tolist() == pytest.approx(losses, abs=1e-5)  # without the prior's penalty
    assert run.steps.tolist() == [5, 10]


def test_balanced_schedule_updates_the_side_that_its_loss_names() -> None:
    always = Balance(-1.0, 1.0, -1.0, 10**6, 0.01, -(10**6), 0.01)  # a loss is above −1
    recipe = replace(RECIPE, schedule="balanced", inner_steps=4, balance=always)
    before, after, run, _ = trained(recipe, 2)
    assert run.steps.tolist() == [8, 0] and run.balance[1] == 8
    assert torch.equal(
        before.discriminator.get_parameter("output.weight"), after.discriminator.get_parameter("output.weight")
    )
    never = replace(always, threshold=100.0, ceiling=100.0)
    before, after, run, _ = trained(replace(recipe, balance=never), 2)
    assert run.steps.tolist() == [0, 8] and run.balance[1] == -8
    assert torch.equal(before.generator.get_parameter("prior.sigma"), after.generator.get_parameter("prior.sigma"))


def test_the_deciding_loss_uses_running_statistics_and_leaves_them() -> None:
    _, networks, run, draws = trained(RECIPE, 3)
    kept = [deepcopy(net.state_dict()) for net in networks]
    latent = torch.from_numpy(draws.noise[0, 0, 0]), torch.from_numpy(draws.component[0, 0, 0])
    judged = eager.judged_loss(run, RECIPE, *latent)
    for net, state in zip(networks, kept, strict=True):
        assert net.training
        assert all(torch.equal(tensor, state[name]) for name, tensor in net.state_dict().items())
    twins = [deepcopy(net).eval() for net in networks]
    with torch.no_grad():
        expected = cross_entropy(twins[1](twins[0](*latent)), torch.ones(6)).item()
        in_training = cross_entropy(deepcopy(networks[1])(deepcopy(networks[0])(*latent)), torch.ones(6)).item()
    assert judged == pytest.approx(expected, abs=1e-6)
    assert judged != pytest.approx(in_training, abs=1e-4)
