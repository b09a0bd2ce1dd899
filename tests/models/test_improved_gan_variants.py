"""What sets Improved GAN's variants and arms apart, against the ledger of deviations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pytest

from replication.config.recipes import Recipe
from replication.training.schedule import rates_at
from tests.in_small import own_benchmarks, own_params

PARAMS = own_params()


def recipe_of(name: str, variant: str) -> Recipe:
    return PARAMS.recipe("improved_gan", name, variant)


def flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {key: leaf for name, part in value.items() for key, leaf in flat(part, f"{path}.{name}").items()}
    return {path.removeprefix("."): value}


DIFFERENCES = {
    "mnist-100": {"adam.epsilon_inside", "discriminator_scale", "feature_matching.distance", "network.dense.generator"},
    "cifar10-4000": {"adam.epsilon_inside", "discriminator_scale", "feature_matching.distance"},
    "svhn-1000": {"adam.epsilon_inside", "discriminator_scale", "feature_matching.distance", "updates",
                  "linear_decay.begin", "linear_decay.end", "network.convolutional.discriminator"},
    "cifar10-minibatch": {"adam.epsilon_inside", "discriminator_scale", "generator_steps", "real_target",
                          "network.convolutional.generator_norm", "network.convolutional.reference",
                          "network.convolutional.minibatch.form"},
}  # fmt: skip


@pytest.fixture(scope="module")
def named() -> set[str]:
    """Keys of `variants.code` that the ledger has an entry for."""
    (benchmark,) = (one for one in own_benchmarks() if one.paper == "improved_gan2016")
    keys = [one.key for one in benchmark.deviations if ".variants.code." in one.key]
    assert len(keys) == len(set(keys))
    return {key.split(".variants.code.")[1] for key in keys}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_paper_and_code_differ_in_what_the_ledger_names_and_nothing_else(name: str, named: set[str]) -> None:
    paper, code = (flat(asdict(recipe_of(name, variant))) for variant in ("paper", "code"))
    assert {key for key in paper | code if paper.get(key) != code.get(key)} == DIFFERENCES[name]
    # a reference batch goes with virtual batch normalisation, the decay with the length: one entry for both
    assert DIFFERENCES[name] - {"network.convolutional.reference", "linear_decay.begin", "linear_decay.end"} <= named


def test_rates_of_the_papers_day_by_hand() -> None:
    mnist, matching, minibatch = (
        recipe_of(name, "first") for name in ("mnist-100", "cifar10-4000", "cifar10-minibatch")
    )
    for epoch in (0, 100, 199, 200, 250, 299, 300):
        assert rates_at(mnist, 600 * epoch).learning_rate == pytest.approx(1e-3 * min(3 - epoch / 100, 1), abs=1e-15)
    for epoch in (0, 299, 300, 400, 499):
        rate = 3e-4 * min(2.5 - epoch / 200, 1)
        assert rates_at(minibatch, 500 * epoch).learning_rate == pytest.approx(rate, abs=1e-15)
    assert {rates_at(matching, 500 * epoch).learning_rate for epoch in (0, 500, 1000)} == {3e-4}
    assert (mnist.updates, matching.updates, minibatch.updates) == (301 * 600, 1001 * 500, 500 * 500)
