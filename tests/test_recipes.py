"""What a recipe may not say: each conflict is one sentence that names the recipe, and a misspelt key is named first."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from replication.config.params import Params, load_params
from replication.config.recipes import Adam, Balance, FeatureMatching, Recipe, Sgd
from replication.foundation.errors import InputError

ROOT = Path(__file__).parents[1]
BALANCE = {
    "threshold": 1.0, "ceiling": 1.0, "floor": 0.7, "raise_count": 3, "raise_by": 0.01, "lower_count": -3,
    "lower_by": 0.01,
}  # fmt: skip
SGD = {"learning_rate": 0.1, "momentum": 0.5, "final_momentum": 0.7, "momentum_updates": 10}
BALANCED = {"schedule": "balanced", "balance": BALANCE, "inner_steps": 5}
MATCHING = {"objective": "feature-matching", "feature_matching": {"distance": "squared-norm"}}
CONFLICTS: dict[str, tuple[dict[str, Any], str]] = {
    "no step": (
        {"inner_steps": 0},
        "inner_steps, generator_steps, updates, batch and latent_dim are at least 1, not (",
    ),
    "no step of a balanced schedule": ({**BALANCED, "inner_steps": 0}, "are at least 1, not (0, 1, "),
    "no update": ({"updates": 0}, "are at least 1, not (1, 1, 0, "),
    "an empty batch": ({"batch": -5}, "are at least 1, not ("),
    "no optimiser": ({"adam": None}, "it needs one of adam, sgd and optimiser, and not two"),
    "two optimisers": ({"sgd": SGD}, "it needs one of adam, sgd and optimiser, and not two"),
    "a mixture's key of a plain prior": ({"prior": {"regulariser": 0.1}}, "learnt are of a prior of form mixture"),
    "a form without components": ({"prior": {"form": "one-hot"}}, "a prior of form one-hot has components"),
    "balanced without its rule": ({"schedule": "balanced"}, "balance goes with schedule balanced, and is needed there"),
    "a rule without its schedule": ({"balance": BALANCE}, "balance goes with schedule balanced, and is needed there"),
    "generator steps of a balanced schedule": (
        {**BALANCED, "generator_steps": 2},
        "generator_steps has an effect under schedule alternate alone",
    ),
    "inner steps of a simultaneous schedule": (
        {"schedule": "simultaneous", "inner_steps": 2},
        "schedule simultaneous has inner_steps 1",
    ),
    "half a unit": ({**BALANCED, "updates": 12}, "updates is no multiple of inner_steps"),
    "noise of a step that is a unit": (
        {"noise_of_step": "own"},
        "noise_of_step: own has an effect under schedule balanced alone, with inner_steps above 1",
    ),
    "minibatches of a generator that shares them": (
        {**BALANCED, "generator_minibatch": "next"},
        "generator_minibatch goes with schedule alternate",
    ),
    "matching without a distance": (
        {"objective": "feature-matching", "generator_minibatch": "own"},
        "feature_matching goes with objective feature-matching",
    ),
    "a distance without matching": (
        {"feature_matching": {"distance": "squared-norm"}},
        "feature_matching goes with objective feature-matching",
    ),
    "matching nothing": (MATCHING, "needs real images: write generator_minibatch own or next"),
    "matching nothing early": (
        {"early": {"objective": "feature-matching", "updates": 5}, "feature_matching": {"distance": "squared-mean"}},
        "needs real images: write generator_minibatch own or next",
    ),
    "a target of nothing": ({"real_target": 0.0}, "real_target is above 0 and at most 1, not 0.0"),
    "a target above one": ({"real_target": 1.5}, "real_target is above 0 and at most 1, not 1.5"),
    "two decays": (
        {"linear_decay": {"begin": 1, "end": 2}, "geometric_decay": {"factor": 1.1, "floor": 0.1}},
        "linear_decay and geometric_decay exclude each other",
    ),
    "a decay that ends at once": ({"linear_decay": {"begin": 7, "end": 7}}, "linear_decay ends after it begins"),
    "no final step": ({"scored_shares": [0.0, 0.5]}, "scored_shares lie between 0 and 1 and end with 1.0, not (0.0, "),
    "no scored step": ({"scored_shares": []}, "scored_shares lie between 0 and 1 and end with 1.0, not ()"),
    "a step after the end": ({"scored_shares": [2.0, 1.0]}, "scored_shares lie between 0 and 1 and end with 1.0"),
    "a misspelt key whose right spelling is needed": (
        {"bacth": 50, "batch": None},
        "bacth: unexpected keyword argument (got 50); accepted keys: [",
    ),
    "a misspelt key below": (
        {"adam": {"learning_rte": 1e-3, "beta1": 0.5}},
        "adam.learning_rte: unexpected keyword argument (got 0.001); accepted keys: ['beta1', 'beta2', 'epsilon',",
    ),
}


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(ROOT / "params.yaml")


@pytest.mark.parametrize("name", CONFLICTS)
def test_a_conflict_is_one_sentence_that_names_its_recipe(params: Params, name: str) -> None:
    changes, sentence = CONFLICTS[name]
    written = json.loads(json.dumps(params.recipes["gan"]["toy-k1"])) | changes
    removed = {key: value for key, value in written.items() if value is not None}
    changed = replace(params, recipes={"gan": {"toy-k1": removed}})
    with pytest.raises(InputError) as caught:
        changed.recipe("gan", "toy-k1", "paper")
    assert str(caught.value).startswith("params.yaml: recipes.gan.toy-k1 (paper): ")
    assert sentence in str(caught.value) and str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_a_recipe_changed_in_code_is_checked_too(params: Params) -> None:
    recipe = params.recipe("gan", "toy-k1", "paper")
    with pytest.raises(
        InputError, match=r"^A recipe of params.yaml: it needs one of adam, sgd and optimiser, and not two\.$"
    ):
        replace(recipe, adam=None)


def test_what_goes_together_is_accepted(params: Params) -> None:
    recipe = params.recipe("gan", "toy-k1", "paper")
    rule, matching = Balance(**BALANCE), FeatureMatching("squared-norm")
    sgd = Sgd(0.1, 0.5, 0.7, 10)
    accepted: list[dict[str, Any]] = [
        {"schedule": "balanced", "balance": rule, "inner_steps": 5, "noise_of_step": "own"},
        {"schedule": "simultaneous", "adam": None, "sgd": sgd},
        {"objective": "feature-matching", "feature_matching": matching, "generator_minibatch": "own"},
        {"schedule": "simultaneous", "objective": "feature-matching", "feature_matching": matching},
        {"inner_steps": 3, "generator_steps": 2, "generator_minibatch": "next"},
    ]
    for changes in accepted:
        changed = replace(recipe, **changes)
        assert isinstance(changed, Recipe)
        assert isinstance(changed.descent, Sgd if "sgd" in changes else Adam)
