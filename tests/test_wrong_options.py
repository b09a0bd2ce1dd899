"""What recipes, and options of protocols and experiments, may not say: one sentence names place, key and value."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from replication.config.experiments import Background, FeatureControls, NearDuplicates, Released
from replication.config.params import Params
from replication.config.protocols import ProtocolOptions, RealNeighbours
from replication.config.recipes import Adam, Balance, FeatureMatching, Recipe, Sgd
from replication.config.strict import strict
from replication.foundation.errors import InputError
from tests.in_small import params_written, put

WRITTEN = params_written()
WHOLE: dict[type, dict[str, Any]] = {Released: WRITTEN["released"], Background: WRITTEN["background"]}
OUT_OF_RANGE: dict[type, dict[str, Any]] = {  # the sentence has the path and the value
    ProtocolOptions: {
        "inception.splits": 0, "inception.kernel_subsets": 0, "inception.n_samples": 9, "reference_points.samples": 3,
        "latent_walk.points": 1, "latent_walk.steps": 0, "latent_walk.walks": 0, "latent_arithmetic.exemplars": 0,
        "latent_arithmetic.shares": 2, "latent_arithmetic.noise": -1.0, "filters.images": 19, "forgetting.draws": 0,
        "memorisation.samples": 0, "components.permutations": 0,
    },
    RealNeighbours: {"window": 0},
    FeatureControls: {"patch": 0},
    NearDuplicates: {"keep": 0.0, "noise": -1.0, "pairs": 0},
    Released: {"per_class": 0},
}  # fmt: skip
WRONG: list[tuple[type, str, Any, str]] = [  # options, the path of a key, its value, what is named
    *((shape, path, value, f"{path}: .*{value}") for shape, of in OUT_OF_RANGE.items() for path, value in of.items()),
    (ProtocolOptions, "nearest_generated.counts", [], "nearest_generated.counts: "),
    (ProtocolOptions, "nearest_generated.counts", [0, 5], r"nearest_generated.counts\[0\]: .*0"),
    (ProtocolOptions, "nearest_generated.counts", [5, 5], r"nearest_generated: counts are \[5, 5\]"),
    (ProtocolOptions, "nearest_generated.counts", [7, 3], r"nearest_generated: counts are \[7, 3\]"),
    (ProtocolOptions, "inception.splits", 5001, "inception: there are 5001 splits and 5000 samples"),
    (ProtocolOptions, "reference_points.limited", [5], r"reference_points.limited\[0\]: .*5"),
    (ProtocolOptions, "reference_points.limited", [50, 50], "reference_points.limited: 50 stands there more than once"),
    (ProtocolOptions, "latent_walk.steps", 5, "latent_walk.steps: .*multiple of 2.*5"),
    (ProtocolOptions, "latent_arithmetic.pool", 20, "latent_arithmetic: pool is 20; .*27"),
    (RealNeighbours, "per_class", [0, 2], r"per_class\[0\]: .*0"),
    (RealNeighbours, "per_class", [2, 2], "per_class: 2 stands there more than once"),
    (FeatureControls, "units", [4, 400_001], r"units are \[4, 400001\]: .*patches \(400000\)"),
    (FeatureControls, "costs", [], "costs: "),
    (FeatureControls, "unit", [3], r"unit: .*accepted keys: \['costs', "),
    (NearDuplicates, "strengths", {}, "strengths: "),
    (Released, "draws", "many", "draws: .*integer.*'many'"),
    (Released, "further_costs", [0.0], r"further_costs\[0\]: .*0.0"),
    (Released, "directories", "a", "directories: .*accepted keys: .*'directory'"),
    (Background, "latent_dimension.depth", 2, "latent_dimension.depth.*accepted keys: .*autoencoder.*widths"),
    (Background, "outliers.width", "8", "outliers.width.*valid integer.*got '8'"),
    (Background, "generative_discriminative.pairs.ng-jordan.variance", "tied", "gen.*'shared' or 'per-class'.*'tied'"),
]


@pytest.mark.parametrize(("shape", "path", "value", "words"), WRONG)
def test_an_option_is_refused(shape: type, path: str, value: Any, words: str) -> None:
    options = deepcopy(WHOLE.get(shape, {}))
    put(path, value)(options)
    with pytest.raises(InputError, match=rf"^here: {words}.*\.$") as caught:
        strict(shape, options, "here")
    assert "\n" not in str(caught.value)


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
    ({"schedule": "balanced"}, "balance goes with schedule balanced"),
    ({"balance": BALANCE}, "balance goes with schedule balanced"),
    ({**BALANCED, "generator_steps": 2}, "generator_steps .* alternate"),
    ({"schedule": "simultaneous", "inner_steps": 2}, "simultaneous has inner_steps 1"),
    ({**BALANCED, "updates": 12}, "updates is no multiple of inner_steps"),
    ({"noise_of_step": "own"}, "noise_of_step: own .* balanced"),
    ({**BALANCED, "generator_minibatch": "next"}, "generator_minibatch goes with schedule alternate"),
    ({"objective": "feature-matching", "generator_minibatch": "own"}, "feature_matching goes with"),
    ({"feature_matching": {"distance": "squared-norm"}}, "feature_matching goes with"),
    (MATCHING, "generator_minibatch own or next"),
    (EARLY, "generator_minibatch own or next"),
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
    written = {**params.recipes["gan"]["toy-k1"], **changes}
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
