"""Options of protocols and experiments that make no sense are refused, and the sentence names them."""

from __future__ import annotations

from typing import Any

import pytest

from replication.config.feature_controls import FeatureControls
from replication.config.near_duplicates import NearDuplicates
from replication.config.protocols import (
    Components,
    Inception,
    LatentArithmetic,
    LatentWalk,
    NearestGenerated,
    RealNeighbours,
    ReferencePoints,
)
from replication.config.released import Released
from replication.config.strict import strict
from replication.foundation.errors import InputError

WRONG: dict[type, list[dict[str, Any]]] = {
    Components: [{"samples": 0}, {"permutations": 0}],
    FeatureControls: [{"units": [4, 11], "patches": 10}, {"patch": 0}, {"costs": []}, {"unit": [3]}],
    Inception: [{"splits": 0}, {"kernel_subsets": 0}, {"n_samples": 9}, {"splits": 40, "modified_samples": 39}],
    LatentArithmetic: [{"pool": 20}, {"exemplars": 0}, {"shares": 2}, {"noise": -1.0}, {"trials": 0}],
    LatentWalk: [{"points": 1}, {"steps": 5}, {"steps": 0}, {"walks": 0}],
    NearDuplicates: [{"keep": 0.0}, {"noise": -1.0}, {"pairs": 0}, {"strengths": {}}],
    NearestGenerated: [{"counts": []}, {"counts": [0, 5]}, {"counts": [5, 5]}, {"counts": [7, 3]}],
    RealNeighbours: [{"window": 0}, {"per_class": [0, 2]}, {"per_class": [2, 2]}],
    ReferencePoints: [{"limited": [5]}, {"limited": [50, 50]}, {"samples": 3}],
    Released: [{"per_class": 0}, {"draws": 0}, {"selection_draws": 0}, {"further_costs": [0.0]}, {"draws": "many"}],
}
RELEASED = {"directory": "", "per_class": 5, "selection_draws": 1, "draws": 2, "further_costs": [1.0]}


@pytest.mark.parametrize(("options", "wrong"), [(options, wrong) for options, each in WRONG.items() for wrong in each])
def test_options_without_sense_are_refused(options: type, wrong: dict[str, Any]) -> None:
    given = {**RELEASED, **wrong} if options is Released else wrong
    with pytest.raises(InputError, match="|".join(key.split("_")[-1] for key in wrong)):
        strict(options, given, "params.yaml: options")
