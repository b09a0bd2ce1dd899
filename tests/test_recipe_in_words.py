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
    Recipe,
    Sgd,
    Stopping,
)
from replication.describe.recipe import sentences
from replication.training.schedule import rates_at

PLAIN = Recipe(
    engine="eager",
    objective="non-saturating",
    discriminator_scale=0.5,
    schedule="alternate",
    inner_steps=1,
    updates=100,
    batch=10,
    latent_dim=7,
    noise=Noise("uniform"),
    network={"hidden": [4]},
    adam=Adam(1e-3, 0.5),
)
BALANCE = Balance(1.0, 1.2, 0.7, 3, 0.01, -150, 0.02)
MIXTURE = Prior(components=50, component="sampled", sigma_init=0.2, sigma_start="signed", regulariser=0.1)
BALANCED: dict[str, Any] = {"schedule": "balanced", "inner_steps": 5, "balance": BALANCE}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "1 D update, then 1 G update, each with its own noise"),
        ({"inner_steps": 5}, "5 D updates, then 1 G update, each with its own noise"),
        (
            {"generator_steps": 3, "generator_minibatch": "own"},
            "1 D update, then 3 G updates, each with its own noise; G sees real samples of an order of its own",
        ),
        (
            {"generator_minibatch": "next"},
            "1 D update, then 1 G update, each with its own noise; G sees the next real samples of D's order",
        ),
        (
            {"schedule": "simultaneous"},
            "1 update of both networks from the same state, on one minibatch and one draw of noise",
        ),
        (BALANCED, "5 inner steps on one minibatch, all with the same noise; G's loss says whose turn each is"),
        (
            {**BALANCED, "noise_of_step": "own"},
            "5 inner steps on one minibatch, each with its own noise; G's loss says whose turn each is",
        ),
    ],
)
def test_the_turns_of_a_unit(changes: dict[str, Any], said: str) -> None:
    assert sentences(replace(PLAIN, **changes))["schedule"] == said


@pytest.mark.parametrize(
    ("changes", "label", "said"),
    [
        ({"generator_steps": 3}, "updates", "100 iterations: 300 updates of G, 100 of D"),
        (BALANCED, "updates", "100 inner steps, each an update of G or of D as losses decide"),
        ({}, "optimiser", "Adam, β1 0.5, β2 0.999, ε 1e-08 beside the root"),
        (
            {"adam": Adam(1e-3, 0.5, epsilon_inside=True, l2=1e-5)},
            "optimiser",
            "Adam, β1 0.5, β2 0.999, ε 1e-08 under the root, 1e-05·θ added to the gradient (L2)",
        ),
        ({"noise": Noise("normal", 2.0)}, "prior", "7 dimensions, plain noise N(0, 2²)"),
        ({"noise": Noise("positive", 2.0)}, "prior", "7 dimensions, plain noise U(0, 2)"),
        (
            {"prior": MIXTURE, "noise": Noise("normal")},
            "prior",
            "7 dimensions, a mixture of 50, z = μ + σ ε with ε N(0, 1); a component drawn for each sample; μ starts at "
            "U(−1, 1), σ at U(−0.2, 0.2); λ 0.1 of λ·mean((1 − σ)²)",
        ),
        (
            {"prior": Prior(components=4, form="one-hot", component="sampled")},
            "prior",
            "7 dimensions, noise U(−1, 1) beside the one-hot code of one of 4 components; a component drawn for each "
            "sample",
        ),
        (
            {"prior": Prior(components=4, form="ensemble")},
            "prior",
            "7 dimensions, noise U(−1, 1), and a generator for each of 4 components; component i for row i of the "
            "batch",
        ),
        ({"real_target": 0.9}, "D's objective", "0.5 × (cross-entropy of real samples toward 0.9 (one-sided label "
         "smoothing) + of generated ones toward 0)"),
        ({"labels": Labels(10, 10)}, "labels", "10 of each class, drawn anew every 10 seeds"),
        ({"labels": Labels(10)}, "labels", "10 of each class, drawn anew for each seed"),
        ({"labels": Labels(0)}, "labels", "all"),
        ({"early": Early("saturating", 1)}, "G's objective", "non-saturating, −log D(G(z)); for the first 1 iteration "
         "saturating, log(1 − D(G(z)))"),
        (
            {
                "objective": "feature-matching",
                "feature_matching": FeatureMatching("absolute-mean"),
                "generator_minibatch": "own",
            },
            "G's objective",
            "feature matching by the mean absolute value of the difference of mean features (places -1)",
        ),
        (
            {"historical_averaging": 0.01, "parameter_average": 1e-4, "labels": Labels(2)},
            "averages",
            "historical averaging, 0.01 × ‖θ − mean of past θ‖² in both losses; D is tested as a moving average of its "
            "parameters, at a rate of 0.0001",
        ),
        ({"initial_images": 500}, "first weights", "drawn, then set from 500 training images"),
        ({"minibatches": "fixed"}, "batch", "10 samples; the order is shuffled once, and the minibatches stay"),
        ({"stopping": Stopping(20, 50, 9)}, "stopping", "the generator of the best validation Parzen log-likelihood, "
         "measured every 20 iterations on 50 samples; 9 validation images choose the bandwidth"),
    ],
)  # fmt: skip
def test_one_sentence_a_key(changes: dict[str, Any], label: str, said: str) -> None:
    assert sentences(replace(PLAIN, **changes))[label] == said


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


def test_the_rule_of_balance() -> None:
    rows = replace(BALANCE, in_a_row=True, extra_rate=0.5, judged_with="batch")
    said = sentences(replace(PLAIN, **{**BALANCED, "balance": rows}))["balance"]
    assert said == (
        "G where its loss, judged as in training, is above a threshold, else D. The threshold starts at 1, and each "
        "move of it starts the count anew: after more than 3 updates of G in a row it rises by 0.01, to 1.2 at most, "
        "with one more D update at 0.5 of the rate; after more than 150 updates of D in a row it falls by 0.02, to 0.7 "
        "at least"
    )
    falling = replace(BALANCE, floor_count=-1000, floor_by=0.005, floor_least=0.6)
    said = sentences(replace(PLAIN, **{**BALANCED, "balance": falling}))["balance"]
    assert "after G gets more than 3 updates ahead it rises" in said and "running statistics" in said
    assert said.endswith("falls by 0.005, to 0.6 at least, where an epoch starts with D more than 1000 ahead")


def test_what_has_no_meaning_is_left_out() -> None:
    assert not {"balance", "momentum", "display noise"} & sentences(PLAIN).keys()
    assert "pixels" in sentences(PLAIN) and "pixels" not in sentences(PLAIN, images=False)
    assert sentences(replace(PLAIN, display_noise=Noise("normal")))["display noise"] == "N(0, 1)"


def test_the_arithmetic_is_said_where_it_is_not_float32() -> None:
    assert "arithmetic" not in sentences(PLAIN)
    assert sentences(replace(PLAIN, precision="bfloat16"))["arithmetic"].startswith("networks in bfloat16; weights")
