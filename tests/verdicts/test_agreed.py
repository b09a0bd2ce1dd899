"""Replicates that agree exactly have no interval: they are a rate, with ½ to their number as its p."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from replication.verdicts.verdict import judge
from tests.hand_made import against, claim, evidence, runs


@pytest.mark.parametrize(
    ("n", "word"), [(3, "inconclusive"), (4, "inconclusive"), (5, "replicated"), (9, "replicated")]
)
def test_five_that_agree_are_evidence_and_three_are_not(n, word):
    verdict = judge(claim("bound"), runs([0.9] * n))
    assert verdict.word == word
    assert verdict.comparison is not None
    assert verdict.comparison.p_values["replicated"] == binomtest(n, n, 0.5, alternative="greater").pvalue
    assert verdict.n_needed == (5 if word == "inconclusive" else None)
    assert "agree exactly" in verdict.reason


@pytest.mark.parametrize(("value", "word"), [(0.6, "not replicated"), (0.7, "inconclusive"), (0.8, "replicated")])
def test_a_bound_has_a_side_on_either_hand_and_none_at_itself(value, word):
    assert judge(claim("bound"), runs([value] * 6)).word == word


@pytest.mark.parametrize(
    ("value", "word"), [(0.82, "replicated"), (0.9, "differs, better"), (0.7, "not replicated"), (0.75, "replicated")]
)
def test_a_value_is_held_against_its_margin(value, word):
    assert judge(claim("value", margin=0.0501), runs([value] * 5)).word == word
    assert judge(claim("value", margin=0.0501), runs([value] * 4)).word == "inconclusive"


@pytest.mark.parametrize(("one", "word"), [(0.9, "replicated"), (0.5, "reversed"), (0.71, "no difference")])
def test_an_order_of_two_constants_counts_the_shorter_side(one, word):
    order = claim("order", margin=0.02)
    assert judge(order, against(runs([one] * 9), runs([0.7] * 5))).word == word
    assert judge(order, against(runs([one] * 9), runs([0.7] * 4))).word == "inconclusive"


def test_pairs_with_one_constant_difference_count_as_pairs():
    paired = claim("order", evidence=evidence(against=True, paired=True))
    values = [0.5, 0.25, 0.75, 0.125, 0.375]
    assert judge(paired, against(runs([v + 0.25 for v in values]), runs(values))).word == "replicated"
    assert judge(paired, against(runs([v + 0.25 for v in values[:4]]), runs(values[:4]))).word == "inconclusive"


def test_a_deterministic_quantity_lies_where_it_is_seen():
    """Its replicates are one number: three of them are as good as a hundred, and the margin is a tolerance."""
    exact = claim("value", deterministic=True, trainings=1)
    assert judge(exact, runs([0.84] * 3)).word == "replicated"
    assert judge(exact, runs([0.86] * 3)).word == "differs, better"
    assert judge(exact, runs([0.74] * 3)).word == "not replicated"
