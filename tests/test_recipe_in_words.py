"""Sentences about recipes, each beside the numbers that training takes from the same keys."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from replication.config.recipes import (
    Adam,
    Balance,
    Early,
    FeatureMatching,
    GeometricDecay,
    Labels,
    LinearDecay,
    Noise,
    Prior,
    Sgd,
    Stopping,
)
from replication.describe.recipe import sentences
from replication.training.schedule import rates_at
from tests.in_small import plain_recipe

PLAIN = plain_recipe(latent_dim=7, network={"hidden": [4]})
BALANCE = Balance(1.0, 1.2, 0.7, 3, 0.01, -150, 0.02)
MIXTURE = Prior(components=50, component="sampled", sigma_init=0.2, sigma_start="signed", regulariser=0.1)
BALANCED: dict[str, Any] = {"schedule": "balanced", "inner_steps": 5, "balance": BALANCE}
MATCHING = {"objective": "feature-matching", "feature_matching": FeatureMatching("absolute-mean")}


@pytest.mark.parametrize(
    ("changes", "label", "words"),
    [
        ({"inner_steps": 5}, "schedule", ["5 D updates", "1 G update,", "its own noise"]),
        ({"generator_steps": 3, "generator_minibatch": "own"}, "schedule", ["1 D", "3 G", "order of its own"]),
        ({"schedule": "simultaneous"}, "schedule", ["both networks"]),
        (BALANCED, "schedule", ["5 inner steps", "the same noise"]),
        (BALANCED, "balance", ["1,", "3 updates", "0.01", "1.2", "150", "0.02", "0.7", "running statistics"]),
        ({**BALANCED, "balance": replace(BALANCE, in_a_row=True, extra_rate=0.5)}, "balance", ["in a row", "0.5"]),
        (
            {**BALANCED, "balance": replace(BALANCE, floor_count=-1000, floor_by=0.005, floor_least=0.6)},
            "balance",
            ["0.005", "0.6", "1000"],
        ),
        ({"generator_steps": 3}, "updates", ["100", "300 updates of G", "100 of D"]),
        ({"adam": Adam(1e-3, 0.5, epsilon_inside=True, l2=1e-5)}, "optimiser", ["0.5", "0.999", "1e-08", "1e-05"]),
        ({"noise": Noise("normal", 2.0)}, "prior", ["7 dimensions", "N(0, 2²)"]),
        ({"prior": MIXTURE}, "prior", ["50", "U(−1, 1)", "U(−0.2, 0.2)", "0.1", "drawn"]),
        ({"prior": Prior(components=4, form="one-hot")}, "prior", ["4", "one-hot", "row"]),
        ({"prior": Prior(components=4, form="ensemble")}, "prior", ["4", "a generator for each"]),
        ({"real_target": 0.9}, "D's objective", ["0.5 ×", "0.9"]),
        ({"labels": Labels(10, 10)}, "labels", ["10 of each class", "every 10 seeds"]),
        ({"labels": Labels(0)}, "labels", ["all"]),
        ({"early": Early("saturating", 1)}, "G's objective", ["−log D(G(z))", "first 1 iteration ", "log(1 −"]),
        ({**MATCHING, "generator_minibatch": "own"}, "G's objective", ["absolute", "-1"]),
        (
            {"historical_averaging": 0.01, "parameter_average": 1e-4, "labels": Labels(2)},
            "averages",
            ["0.01", "0.0001"],
        ),
        ({"initial_images": 500}, "first weights", ["500"]),
        ({"minibatches": "fixed"}, "batch", ["10 samples", "once"]),
        ({"stopping": Stopping(20, 50, 9)}, "stopping", ["20 iterations", "50", "9 validation"]),
        ({"precision": "bfloat16"}, "arithmetic", ["bfloat16"]),
    ],
)
def test_a_sentence_holds_the_values_of_its_keys(changes: dict[str, Any], label: str, words: list[str]) -> None:
    sentence = sentences(replace(PLAIN, **changes))[label]
    assert [word for word in words if word not in f"{sentence} "] == []


def numbers(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"\d+(?:\.\d+)?(?:e-\d+)?", text)]


def test_decays_name_the_rates_that_training_takes() -> None:
    linear = replace(PLAIN, linear_decay=LinearDecay(40, 100, 10))
    rate, begin, end, every = numbers(sentences(linear)["rate"].replace("to 0 at", "at"))
    assert [rates_at(linear, int(unit)).learning_rate for unit in (0, begin, end)] == [rate, rate, 0.0]
    after = rates_at(linear, int(begin + every)).learning_rate
    assert after < rates_at(linear, int(begin + every) - 1).learning_rate == rate
    geometric = replace(PLAIN, geometric_decay=GeometricDecay(1.25, 1e-4))
    rate, factor, floor = numbers(sentences(geometric)["rate"])
    assert rates_at(geometric, 3).learning_rate == pytest.approx(rate / factor**3)
    assert rates_at(geometric, 99).learning_rate == floor
    assert sentences(PLAIN)["rate"] == "0.001 throughout"


def test_momentum_names_the_values_that_training_takes() -> None:
    recipe = replace(PLAIN, adam=None, sgd=Sgd(0.1, 0.5, 0.7, 60, 5))
    first, last, at, every = numbers(sentences(recipe)["momentum"])
    assert [rates_at(recipe, int(unit)).momentum for unit in (0, every - 1, at)] == pytest.approx([first, first, last])
    assert rates_at(recipe, int(every)).momentum > first
    assert sentences(replace(recipe, sgd=Sgd(0.1, 0.5, 0.5, 60)))["momentum"] == "0.5 throughout"


def test_what_has_no_meaning_is_left_out() -> None:
    assert not {"balance", "momentum", "display noise", "arithmetic"} & sentences(PLAIN).keys()
    assert "pixels" in sentences(PLAIN) and "pixels" not in sentences(PLAIN, images=False)
    assert sentences(replace(PLAIN, display_noise=Noise("normal")))["display noise"] == "N(0, 1)"
