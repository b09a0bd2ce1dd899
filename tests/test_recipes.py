"""What a recipe may not say: each conflict is one sentence that names the recipe, and a misspelt key is named first."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from replication.config.params import Params
from replication.config.recipes import Adam, Balance, FeatureMatching, Recipe, Sgd
from replication.foundation.errors import InputError

BALANCE = {
    "threshold": 1.0, "ceiling": 1.0, "floor": 0.7, "raise_count": 3, "raise_by": 0.01, "lower_count": -3,
    "lower_by": 0.01,
}  # fmt: skip
SGD = {"learning_rate": 0.1, "momentum": 0.5, "final_momentum": 0.7, "momentum_updates": 10}
BALANCED = {"schedule": "balanced", "balance": BALANCE, "inner_steps": 5}
MATCHING = {"objective": "feature-matching", "feature_matching": {"distance": "squared-norm"}}
EARLY = {"early": {"objective": "feature-matching", "updates": 5}, "feature_matching": {"distance": "squared-mean"}}
DECAYS = {"linear_decay": {"begin": 1, "end": 2}, "geometric_decay": {"factor": 1.1, "floor": 0.1}}
CONFLICTS: list[tuple[dict[str, Any], str]] = [  # what is changed, and the key or value that the sentence names
    ({"inner_steps": 0}, "inner_steps: "),
    ({**BALANCED, "inner_steps": 0}, "inner_steps: "),
    ({"generator_steps": 0}, "generator_steps: "),
    ({"updates": 0}, "updates: "),
    ({"batch": -5}, "batch: "),
    ({"latent_dim": 0}, "latent_dim: "),
    ({"threads": 0}, "threads: "),
    ({"adam": None}, "adam, sgd and optimiser"),
    ({"sgd": SGD}, "adam, sgd and optimiser"),
    ({"prior": {"regulariser": 0.1}}, "prior: .*regulariser.*mixture"),
    ({"prior": {"form": "one-hot"}}, "prior: .*one-hot"),
    ({"prior": {"component": "sampled"}}, "prior: component: sampled"),
    ({"prior": {"components": 2, "sigma_start": "signed"}}, "prior: sigma_start: signed needs a sigma_init"),
    ({"prior": {"components": 2, "regulariser": 0.1, "learnt": "mean"}}, "prior: regulariser"),
    ({"schedule": "balanced"}, "balance goes with schedule balanced"),
    ({"balance": BALANCE}, "balance goes with schedule balanced"),
    ({**BALANCED, "generator_steps": 2}, "generator_steps .* alternate"),
    ({"generator_noise": "same"}, "generator_noise: same .* generator_steps"),
    ({"schedule": "simultaneous", "inner_steps": 2}, "simultaneous has inner_steps 1"),
    ({**BALANCED, "updates": 12}, "updates is no multiple of inner_steps"),
    ({"noise_of_step": "own"}, "noise_of_step: own .* balanced"),
    ({**BALANCED, "generator_minibatch": "next"}, "generator_minibatch goes with schedule alternate"),
    ({"objective": "feature-matching", "generator_minibatch": "own"}, "feature_matching goes with"),
    ({"feature_matching": {"distance": "squared-norm"}}, "feature_matching goes with"),
    (MATCHING, "generator_minibatch own or next"),
    (EARLY, "generator_minibatch own or next"),
    ({"early": {"objective": "non-saturating", "updates": 5}}, "early: "),
    ({"parameter_average": 0.1}, "parameter_average: .* labels"),
    ({"average_start": "weights"}, "average_start .* parameter_average"),
    ({"optimiser": {"name": "sgd", "learning_rate": 0.1}, "adam": None}, "optimiser: write key adam or sgd"),
    ({"real_target": 0.0}, "real_target: .*0.0"),
    ({"real_target": 1.5}, "real_target: .*1.5"),
    (DECAYS, "linear_decay and geometric_decay"),
    ({"linear_decay": {"begin": 7, "end": 7}}, "linear_decay ends after it begins"),
    ({"scored_shares": [0.0, 0.5]}, "scored_shares end with 1.0"),
    ({"scored_shares": []}, "scored_shares end with 1.0"),
    ({"scored_shares": [2.0, 1.0]}, r"scored_shares\[0\]: .*2.0"),
    ({"bacth": 50, "batch": None}, r"bacth: .*50.*accepted keys: \["),  # its right spelling is missing
    ({"adam": {"learning_rte": 1e-3, "beta1": 0.5}}, r"adam.learning_rte: .*accepted keys: \['beta1', 'beta2', "),
]


@pytest.mark.parametrize(("changes", "words"), CONFLICTS)
def test_a_conflict_is_one_sentence_that_names_its_recipe(params: Params, changes: dict[str, Any], words: str) -> None:
    written = json.loads(json.dumps(params.recipes["gan"]["toy-k1"])) | changes
    removed = {key: value for key, value in written.items() if value is not None}
    changed = replace(params, recipes={"gan": {"toy-k1": removed}})
    with pytest.raises(InputError, match=rf"^params.yaml: recipes.gan.toy-k1 \(paper\): .*{words}.*\.$") as caught:
        changed.recipe("gan", "toy-k1", "paper")
    assert "\n" not in str(caught.value)


def test_a_recipe_changed_in_code_is_checked_too(params: Params) -> None:
    with pytest.raises(ValueError, match="adam, sgd and optimiser"):
        replace(params.recipe("gan", "toy-k1", "paper"), adam=None)


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
