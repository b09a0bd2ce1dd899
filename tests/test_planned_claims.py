"""The claims of the suite are planned with power enough, and a right measurement would be called replicated."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from replication.verdicts.benchmarks import claims_of
from replication.verdicts.claims import Claim
from replication.verdicts.statistics.intervals import mean_estimate
from replication.verdicts.statistics.rules import decide, value_p_values
from replication.verdicts.studies.power import Power, least_power, most_false, planned
from tests.in_small import own_benchmarks


def claims() -> tuple[Claim, ...]:
    return tuple(claims_of(own_benchmarks()))


@cache
def powers() -> dict[str, Power]:
    return planned(claims())


def names(with_plan: bool) -> Iterator[str]:
    for one in claims():
        if one.can_be_judged and (one.plan is not None) == with_plan:
            yield one.id


@pytest.mark.integration
@pytest.mark.parametrize("name", list(names(with_plan=True)))
def test_a_claim_is_planned_rightly(name: str) -> None:
    assert powers()[name].true >= least_power()
    assert powers()[name].false <= most_false()


def test_every_claim_that_can_be_judged_has_a_plan() -> None:
    assert list(names(with_plan=False)) == []


def by_id(name: str) -> Claim:
    return next(one for one in claims() if one.id == name)


def word_of(one: Claim, values: np.ndarray) -> str:
    """The word for measured values of a published one, as `replication.verdicts.verdict` reads them."""
    assert one.published is not None and one.margin is not None
    estimate = mean_estimate(values, one.published.value, one.published_n, one.overlap or 0.0)
    p_values = value_p_values(estimate.oriented(1 if one.better == "higher" else -1), one.margin, sided=True)
    return decide({word: float(p) for word, p in p_values.items()})


def exactly(mean: float, sd: float, n: int) -> np.ndarray:
    values = np.random.default_rng(0).normal(size=n)
    return mean + sd * (values - values.mean()) / values.std(ddof=1)


def test_the_score_of_real_images_is_replicated():
    """A right implementation has 11.237, and .095 over ten splits of the training images."""
    assert word_of(by_id("improved-score-real"), exactly(11.237, 0.095, 10)) == "replicated"


def test_an_error_measured_exactly_as_published_is_replicated():
    """22.48 %, from a hundred draws of labels that spread by .58 points."""
    assert word_of(by_id("dcgan-svhn-error"), exactly(0.2248, 0.0058, 100)) == "replicated"
