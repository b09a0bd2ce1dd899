"""The stacked state of a block, and networks as copies of a seed's part of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from replication.config.recipes import Adam, Balance, Labels, Prior, Sgd
from replication.foundation.seeding import torch_seed
from replication.models.layers.networks import Networks
from replication.training.run import bind_runs
from replication.training.state import bind, initial_state, trained_names, weights_of
from tests.training.small import Small, assert_same, small

BALANCE = Balance(0.9, 1.0, 0.7, 3, 0.003, -2, 0.003)


@pytest.fixture
def case() -> Small:
    prior = Prior(components=6, component="row", sigma_init=0.2)
    return small(schedule="balanced", inner_steps=2, balance=BALANCE, prior=prior)


def test_each_seed_starts_the_same_in_every_block(case: Small) -> None:
    block, alone = initial_state(case.build, case.recipe, (4, 9, 2)), case.start(9)
    assert_same({name: tensor[1:2] for name, tensor in block.items()}, alone)
    assert not torch.equal(block["generator.body.0.weight"][0], block["generator.body.0.weight"][1])
    with torch_seed(9, "initial"):
        fresh = case.build()
    assert torch.equal(alone["generator.prior.mean"][0], fresh.generator.get_parameter("prior.mean"))


def test_moments_start_at_zero_and_the_schedule_at_its_threshold(case: Small) -> None:
    state = initial_state(case.build, case.recipe, (0, 1))
    trained = trained_names(case.build())
    assert trained[0].startswith("generator.") and trained[-1].startswith("discriminator.")
    for prefix in ("first.", "second."):
        for name in trained:
            assert state[prefix + name].shape == state[name].shape and not state[prefix + name].any()
    assert "first.discriminator.hidden.1.running_mean" not in state and "discriminator.hidden.1.running_mean" in state
    assert state["balance"][:, :3].tolist() == [[0.9, 0.0, 0.7]] * 2
    assert state["balance"][:, 3:].isnan().all() and state["steps"].tolist() == [[0, 0], [0, 0]]


def test_bound_networks_are_aligned_copies_of_one_seed(case: Small) -> None:
    state = initial_state(case.build, case.recipe, (0, 1))
    before = {name: tensor.clone() for name, tensor in state.items()}
    networks: Networks = case.build()
    bind(networks, state, 1)
    for side, module in zip(("generator", "discriminator"), networks, strict=True):
        for name, tensor in module.state_dict().items():
            assert torch.equal(tensor, state[f"{side}.{name}"][1])
            assert tensor.data_ptr() % 64 == 0  # else a result depends on the seed's place in the block
    with torch.no_grad():
        networks.generator.get_parameter("prior.sigma").add_(1.0)
    networks.discriminator(networks.generator(torch.zeros(6, 3), torch.arange(6)))  # moves running statistics
    assert networks.generator.get_parameter("prior.sigma").requires_grad
    assert_same(weights_of(state), before)


def test_a_seed_is_finite_as_long_as_all_its_weights_are(case: Small) -> None:
    state = initial_state(case.build, case.recipe, (0, 1, 2))
    assert [run.finite().item() for run in bind_runs(case.build, state)] == [True, True, True]
    state["discriminator.output.weight"][1, 0, 0] = float("inf")
    state["generator.prior.sigma"][2, 3, 1] = float("nan")
    state["first.generator.prior.sigma"][0, 0, 0] = float("nan")  # a moment, no weight
    assert [run.finite().item() for run in bind_runs(case.build, state)] == [True, False, False]


def test_what_is_kept_beside_the_weights_is_what_the_recipe_asks_for(case: Small) -> None:
    trained = trained_names(case.build())
    judges = [name for name in trained if name.startswith("discriminator")]

    def started(**changes: Any) -> tuple[dict[str, torch.Tensor], set[str]]:
        state = initial_state(case.build, replace(case.recipe, **changes), (0, 1))
        return state, set(state) - set(initial_state(case.build, case.recipe, (0, 1)))

    state, names = started(historical_averaging=0.1)
    assert names == {f"past.{name}" for name in trained}
    assert all(torch.equal(state[f"past.{name}"], state[name]) for name in trained)  # θ[0]
    state, names = started(parameter_average=0.1, labels=Labels(2))
    assert names == {f"averaged.{name}" for name in judges}
    assert not any(state[name].any() for name in names)
    averaged, _ = started(parameter_average=0.1, labels=Labels(2), average_start="weights")
    assert all(torch.equal(averaged[name], averaged[name.removeprefix("averaged.")]) for name in names)
    assert {name for name in weights_of(state) if name.startswith("averaged.")} == names  # a snapshot has them
    state, names = started(adam=None, sgd=Sgd(0.1, 0.5, 0.7, 4))
    assert not names and not any(name.startswith("second.") for name in state)
    assert started(adam=Adam(0.1, 0.5))[1] == set()
