"""The claims of the suite are planned with power enough, and a right measurement would be called replicated."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from replication.verdicts.benchmarks import claims_of
from replication.verdicts.statistics.intervals import mean_estimate
from replication.verdicts.statistics.rules import decide, value_p_values
from replication.verdicts.studies.power import Power, least_power, most_false, planned
from tests.in_small import own_benchmarks

CLAIMS = {claim.id: claim for claim in claims_of(own_benchmarks())}
JUDGED = [claim for claim in CLAIMS.values() if claim.can_be_judged]


@cache
def powers() -> dict[str, Power]:
    return planned(tuple(CLAIMS.values()))


@pytest.mark.integration
@pytest.mark.parametrize("name", [claim.id for claim in JUDGED if claim.plan])
def test_a_claim_is_planned_rightly(name: str) -> None:
    assert powers()[name].true >= least_power()
    assert powers()[name].false <= most_false()


def test_every_claim_that_can_be_judged_has_a_plan() -> None:
    assert not [claim.id for claim in JUDGED if claim.plan is None]


@pytest.mark.parametrize(
    ("name", "mean", "sd", "n"),
    [
        ("improved-score-real", 11.237, 0.095, 10),  # of a right implementation, over ten splits of training images
        ("dcgan-svhn-error", 0.2248, 0.0058, 100),  # exactly as published, from a hundred draws of labels
    ],
)
def test_a_right_measurement_is_replicated(name: str, mean: float, sd: float, n: int) -> None:
    claim, values = CLAIMS[name], np.random.default_rng(0).normal(size=n)
    assert claim.published is not None and claim.margin is not None
    measured = mean + sd * (values - values.mean()) / values.std(ddof=1)
    estimate = mean_estimate(measured, claim.published.value, claim.published_n, claim.overlap or 0.0)
    p_values = value_p_values(estimate.oriented(1 if claim.better == "higher" else -1), claim.margin, sided=True)
    assert decide({word: float(p) for word, p in p_values.items()}) == "replicated"
