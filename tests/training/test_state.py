"""The stacked state of a block, and networks as copies of a seed's part of it."""

from __future__ import annotations

from functools import partial

import torch

from replication.models import load
from replication.models.layers.networks import Networks
from replication.recipes import Adam, Balance, Noise, Prior, Recipe
from replication.seeding import torch_seed
from replication.training.state import bind, finite_seeds, initial_state, trained_names, weights_of

PRIOR = Prior(components=6, component="row", sigma_init=0.2)
NETWORK = {
    "kernel": 3,
    "init_std": 0.02,
    "generator": [[4, 0], [1, 2]],
    "discriminator": [[3, 2], [4, 2]],
    "minibatch": [2, 3],
}
BALANCE = Balance(0.9, 1.0, 0.7, 3, 0.003, -2, 0.003)
RECIPE = Recipe(
    engine="eager",
    objective="non-saturating",
    discriminator_scale=1.0,
    schedule="balanced",
    inner_steps=2,
    updates=8,
    batch=6,
    latent_dim=3,
    noise=Noise("normal"),
    network=NETWORK,
    adam=Adam(1e-3, 0.5),
    prior=PRIOR,
    balance=BALANCE,
)
build = partial(load("deligan").build, NETWORK, PRIOR, 3, (1, 8, 8))


def test_each_seed_starts_the_same_in_every_block() -> None:
    block, alone = initial_state(build, RECIPE, (4, 9, 2)), initial_state(build, RECIPE, (9,))
    for name, tensor in block.items():
        torch.testing.assert_close(tensor[1:2], alone[name], rtol=0, atol=0, equal_nan=True)
    assert not torch.equal(block["generator.body.project.0.weight"][0], block["generator.body.project.0.weight"][1])
    with torch_seed(9, "initial"):
        fresh = build()
    assert torch.equal(alone["generator.prior.mean"][0], fresh.generator.get_parameter("prior.mean"))


def test_moments_start_at_zero_and_the_schedule_at_its_threshold() -> None:
    state = initial_state(build, RECIPE, (0, 1))
    trained = trained_names(build())
    assert trained[0].startswith("generator.") and trained[-1].startswith("discriminator.")
    for prefix in ("first.", "second."):
        for name in trained:
            assert state[prefix + name].shape == state[name].shape and not state[prefix + name].any()
    assert "first.discriminator.blocks.1.1.running_mean" not in state
    assert state["balance"][:, :3].tolist() == [[0.9, 0.0, 0.7]] * 2
    assert state["balance"][:, 3:].isnan().all() and state["steps"].tolist() == [[0, 0], [0, 0]]


def test_bound_networks_are_aligned_copies_of_one_seed() -> None:
    state = initial_state(build, RECIPE, (0, 1))
    before = {name: tensor.clone() for name, tensor in state.items()}
    networks: Networks = build()
    bind(networks, state, 1)
    for side, module in zip(("generator", "discriminator"), networks, strict=True):
        for name, tensor in module.state_dict().items():
            assert torch.equal(tensor, state[f"{side}.{name}"][1])
            assert tensor.data_ptr() % 64 == 0  # else a result depends on the seed's place in the block
    with torch.no_grad():
        networks.generator.get_parameter("prior.sigma").add_(1.0)
    networks.discriminator(networks.generator(torch.zeros(6, 3), torch.arange(6)))  # moves running statistics
    assert networks.generator.get_parameter("prior.sigma").requires_grad
    for name, tensor in weights_of(state).items():
        assert torch.equal(tensor, before[name])


def test_a_seed_is_finite_as_long_as_all_its_weights_are() -> None:
    state = initial_state(build, RECIPE, (0, 1, 2))
    assert finite_seeds(state).tolist() == [True, True, True]
    state["discriminator.output.weight"][1, 0, 0] = float("inf")
    state["generator.prior.sigma"][2, 3, 1] = float("nan")
    state["first.generator.prior.sigma"][0, 0, 0] = float("nan")  # a moment, no weight
    assert finite_seeds(state).tolist() == [True, False, False]


def test_a_snapshot_holds_the_networks_alone() -> None:
    state = initial_state(build, RECIPE, (0,))
    names = set(weights_of(state))
    networks = build()
    assert names == {f"generator.{n}" for n in networks.generator.state_dict()} | {
        f"discriminator.{n}" for n in networks.discriminator.state_dict()
    }
