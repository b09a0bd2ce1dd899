"""Power against formulas and against studies drawn value by value, and of the claims of the suite."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower, TTestPower

from replication.verdicts.benchmarks import claims_of
from replication.verdicts.claims import Claim, Published
from replication.verdicts.statistics import rules
from replication.verdicts.statistics.intervals import LEVEL, mean_estimate, welch_estimate
from replication.verdicts.statistics.rules import decide, decide_each, holm, order_p_values, value_p_values
from replication.verdicts.statistics.superiority import superiority
from replication.verdicts.studies import power as powers_of
from replication.verdicts.studies.planned import STUDIES, design_of, judged
from replication.verdicts.studies.power import POWER, Power, least, most_false, planned, problems, table, true_powers
from tests import hand_made
from tests.in_small import own_benchmarks

NOISE = 4 * 0.5 / STUDIES**0.5  # four standard errors of a simulated share


def claim(kind: str, name: str = "a-claim", **changes) -> Claim:
    """A claim with a plan of ten runs."""
    margin, plan = None if kind == "bound" else changes.pop("margin", 0.05), changes.pop("plan", {})
    return hand_made.claim(kind, id=name, margin=margin, plan=hand_made.plan(**plan), **changes)


def power(single: Claim) -> Power:
    return planned([single])[single.id]


def test_an_effect_inside_the_margin_is_seldom_replicated():
    within = claim("order", margin=0.05, plan={"n": 200, "against_n": 200, "sd": 0.02, "effect": 0.02})
    assert power(within).true < 0.01


def t_test(n: int, effect: float) -> float:
    """The power of a one-sided t test; the effect in standard deviations."""
    return float(TTestPower().power(effect, n, LEVEL, alternative="larger"))


GROUPS = {"n": 12, "against_n": 9, "sd": 0.02, "effect": 0.018}
OF_GROUPS = TTestIndPower().power(0.9, 12, LEVEL, 9 / 12, alternative="larger")  # pyright: ignore[reportArgumentType]
PAIRED = hand_made.evidence(against=True, paired=True)
T_TESTS = [
    *((claim("bound", plan={"n": n, "sd": 0.02, "effect": effect}), t_test(n, effect / 0.02), NOISE)
      for n, effect in ((5, 0.02), (10, 0.012), (20, 0.005))),
    (claim("order", margin=1e-9, plan=GROUPS), OF_GROUPS, NOISE + 0.01),  # Welch's
    (claim("order", margin=1e-9, evidence=PAIRED, plan={"n": 8, "sd": 0.02, "effect": 0.015}), t_test(8, 0.75), NOISE),
]  # fmt: skip


@pytest.mark.parametrize(("single", "expected", "within"), T_TESTS)
def test_the_power_of_bounds_and_orders_is_that_of_t_tests(single, expected, within):
    assert power(single).true == pytest.approx(expected, abs=within)


def replicated(p_values) -> float:
    """The share of studies that are called so."""
    return float(np.mean(decide_each(p_values) == "replicated"))


@pytest.mark.parametrize("trainings", [None, 1, 5])
def test_a_values_power_is_that_of_studies_drawn_value_by_value(trainings):
    generator = np.random.default_rng(0)
    exact = Published(0.8, "none", True, "Table 1", trainings=trainings)
    single = claim("value", published=exact, plan={"n": 6, "sd": 0.02})
    published = generator.normal(size=STUDIES) * (0.02 / trainings**0.5 if trainings else 0.0)
    for shift, got in ((0.0, power(single).true), (0.05, power(single).false)):
        values = generator.normal(shift, 0.02, (STUDIES, 6))
        estimate = mean_estimate(values, published, trainings)
        assert got == pytest.approx(replicated(value_p_values(estimate, 0.05, sided=True)), abs=NOISE)
    assert power(single).false <= most_false()


def test_a_rates_power_is_the_sum_over_all_counts():
    plan = {"n": 12, "against_n": 9, "share": 0.9, "against_share": 0.3}
    simulated = power(claim("rate", plan=plan))
    for share, got in ((0.9, simulated.true), (0.25, simulated.false)):
        exact = 0.0
        for first, second in product(range(13), range(10)):
            word = decide(rules.rate_p_values((first, 12, second, 9), higher=True, margin=0.05))
            chance = stats.binom.pmf(first, 12, share) * stats.binom.pmf(second, 9, 0.3)
            exact += float(chance) * (word == "replicated")
        assert got == pytest.approx(exact, abs=NOISE)
    lower = {"n": 12, "against_n": 9, "share": 0.1, "against_share": 0.7}
    assert power(claim("rate", better="lower", plan=lower)).true == power(claim("rate", plan=plan)).true


def test_a_bound_on_a_share_counts_exactly():
    got = power(claim("bound", metric="success", bound=0.5, plan={"n": 12, "share": 0.9}))
    fewest = next(k for k in range(13) if stats.binom.sf(k - 1, 12, 0.5) <= LEVEL)
    for share, simulated in ((0.9, got.true), (0.5, got.false)):
        assert simulated == pytest.approx(float(stats.binom.sf(fewest - 1, 12, share)), abs=NOISE)


@pytest.mark.parametrize(("n", "m", "effect"), [(10, 12, 0.8), (40, 30, 0.7), (300, 200, 0.58)])
def test_superiority_drawn_by_its_estimate_is_that_drawn_value_by_value(n, m, effect):
    generator, shift = np.random.default_rng(1), np.sqrt(2) * stats.norm.ppf(effect)
    sides = generator.normal(shift, size=(3000, n)), generator.normal(size=(3000, m))
    expected = replicated(order_p_values(superiority(*sides), 0.05))
    single = claim("superiority", plan={"n": n, "against_n": m, "effect": effect})
    assert power(single).true == pytest.approx(expected, abs=4 * 0.5 / 3000**0.5)
    assert power(single).false <= LEVEL


def test_holms_adjustment_within_the_family_costs_power():
    plans = [{"n": 6, "sd": 0.02, "effect": effect} for effect in (0.022, 0.025, 0.03)]
    claims = [claim("bound", f"claim-{k}", plan=plan) for k, plan in enumerate(plans)]
    generator = np.random.default_rng(3)
    values = np.stack([generator.normal(plan["effect"], 0.02, (4000, 6)) for plan in plans])
    p = mean_estimate(values).p_above(0.0)
    lasting = np.mean([[adjusted <= LEVEL for adjusted in holm(list(study))] for study in p.T], axis=0)
    got = true_powers(claims)
    for single, expected in zip(claims, lasting, strict=True):
        assert got[single.id] == pytest.approx(expected, abs=0.035)
        assert got[single.id] < power(single).true
    apart = [replace(single, family=single.id) for single in claims]
    assert true_powers(apart) == {single.id: power(single).true for single in claims}


def test_draws_that_share_data_correlate_as_the_corrected_error_assumes():
    single = claim("bound", replicate_unit="label draw", overlap=0.25, plan={"sd": 0.02, "effect": 0.03})
    assert power(single).true < power(replace(single, overlap=0.0)).true
    assert power(single).false <= most_false()
    published = Published(0.8, "none", True, "Table 1", trainings=1)
    value = claim("value", replicate_unit="split", overlap=0.25, published=published, plan={"sd": 0.01})
    assert power(value).false <= most_false()


def test_like_designs_of_a_family_are_drawn_apart():
    plan = {"n": 6, "sd": 0.02, "effect": 0.02}
    pair = [claim("bound", name, plan=plan) for name in ("one", "two")]
    both = true_powers(pair)
    p = judged(design_of(pair[0]), True)[0]
    alone, at_half = float(np.mean(p <= LEVEL)), float(np.mean(p <= LEVEL / 2))
    # of two independent: replicated at half the level, or at the level where the other is at half
    expected = at_half + (alone - at_half) * at_half
    assert both["one"] == pytest.approx(expected, abs=NOISE)


def test_the_least_margin_gives_the_power_asked_for():
    single = claim("value", plan={"n": 6, "sd": 0.02})
    smallest = least(single, [single])
    assert smallest is not None
    assert power(replace(single, margin=smallest)).true == pytest.approx(POWER, abs=0.005)
    far = claim("rate", plan={"n": 3, "against_n": 3, "share": 1.0, "against_share": 0.5})
    assert least(far, [far]) is None


def test_the_table_marks_what_the_gate_refuses():
    good = claim("bound", "good", plan={"sd": 0.02, "effect": 0.05})
    weak = claim("bound", "weak", family="b", plan={"sd": 0.02, "effect": 0.005})
    claims = [good, weak, replace(weak, id="bare", family="a-family", plan=None)]
    lines = {line.split()[0]: line for line in table(claims)}
    assert not lines["good"].endswith("!") and lines["weak"].endswith("!") and "no plan" in lines["bare"]
    assert [sentence.split(" ")[1] for sentence in problems(claims)] == ["weak", "bare"]
    assert table([good, weak], ["weak"])[1].split()[0] == "weak"


def test_welch_studies_of_moments_are_studies_of_values():
    generator = np.random.default_rng(2)
    first, second = generator.normal(0.02, 0.02, (4000, 4)), generator.normal(0.0, 0.05, (4000, 9))
    expected = replicated(order_p_values(welch_estimate(first, second), 0.001))
    single = claim("order", margin=0.001, plan={"n": 4, "against_n": 9, "sd": 0.02, "against_sd": 0.05, "effect": 0.02})
    assert power(single).true == pytest.approx(expected, abs=4 * 0.5 / 4000**0.5)


CLAIMS = {claim.id: claim for claim in claims_of(own_benchmarks())}
JUDGED = [claim for claim in CLAIMS.values() if claim.can_be_judged]


@cache
def powers() -> dict[str, Power]:
    return planned(tuple(CLAIMS.values()))


@pytest.mark.integration
@pytest.mark.parametrize("name", [claim.id for claim in JUDGED if claim.plan])
def test_a_claim_is_planned_rightly(name: str) -> None:
    assert powers()[name].true >= powers_of.least_power()
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
