"""Words of superiority claims, with diverged runs as the worst of all."""

from __future__ import annotations

import math

import numpy as np
import pytest

from replication.foundation.errors import InputError
from replication.verdicts.verdict import judge
from tests.hand_made import against, around, claim, evidence, runs

MODES = [0.1] * 4 + [0.9] * 16  # most runs work
WORSE = [0.1] * 14 + [0.9] * 6


def spread(values, seed):
    return list(np.array(values) + np.random.default_rng(seed).normal(scale=0.01, size=len(values)))


@pytest.mark.parametrize(
    ("one", "other", "word"), [(MODES, WORSE, "replicated"), (WORSE, MODES, "reversed"), (MODES, MODES, "inconclusive")]
)
def test_two_moded_runs(one, other, word):
    table = against(runs(spread(one, 0)), runs(spread(other, 1)))
    verdict = judge(claim("superiority"), table)
    assert verdict.word == word
    assert (verdict.n_needed is not None) == (word == "inconclusive")
    turned = against(runs(spread(other, 1)), runs(spread(one, 0)))
    assert judge(claim("superiority", better="lower"), turned).word == word


def test_no_difference_needs_many_runs():
    sides = (runs(spread(MODES * 15, seed)) for seed in (0, 1))
    assert judge(claim("superiority", margin=0.1), against(*sides)).word == "no difference"


def test_a_far_run_does_not_hide_the_others():
    """Nineteen of twenty are better by far more than noise; the last is off by a million."""
    table = against(runs([*spread([1.0] * 19, 0), -1e6]), runs(spread([0.0] * 20, 1)))
    assert judge(claim("order"), table).word == "inconclusive"
    verdict = judge(claim("superiority"), table)
    assert verdict.word == "replicated" and "0.95" in verdict.reason


def test_a_diverged_run_is_the_worst_whichever_side_it_is_on():
    better = {"metric": "energy_distance", "better": "lower"}
    good = spread([0.1] * 10, 0)
    other = spread([0.3] * 8, 1)
    lost = runs([*other, math.nan, math.nan], metric="energy_distance")
    verdict = judge(claim("superiority", **better), against(runs(good, metric="energy_distance"), lost))
    assert verdict.word == "replicated"
    assert verdict.comparison is not None and verdict.comparison.difference == -0.5  # every pair, lower
    back = judge(claim("superiority", **better), against(lost, runs(good, metric="energy_distance")))
    assert back.word == "reversed"


def test_superiority_of_pairs_is_refused():
    paired = claim("superiority", evidence=evidence(against=True, paired=True))
    with pytest.raises(InputError, match="two unpaired sides"):
        judge(paired, against(around(0.9), around(0.5)))
