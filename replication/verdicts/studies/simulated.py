"""Studies at the edge of each null hypothesis, where the verdict rule errs most often: drawn for the simulation.

The rule under test is the one in `statistics.rules`, not a copy. Replicates are normal, the case that Student's t
assumes; outcomes that either work or fail belong to rate claims, whose tests assume nothing, and heavy-tailed or
two-moded ones to superiority (`studies.simulated_superiority`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import product

import numpy as np
from scipy.stats import binom

from replication.verdicts.statistics.intervals import LEVEL, Array, mean_estimate, paired_estimate, welch_estimate
from replication.verdicts.statistics.rules import (
    Word,
    agreed_p_values,
    bound_p_values,
    holm,
    order_p_values,
    rate_p_values,
    share_bound_p_values,
    value_p_values,
)
from replication.verdicts.studies.simulated_superiority import EDGES, NULLS, SIZES, edge, null

WIDE = 8.0  # margin in SD of the measured side: wide enough that one edge of the null counts alone, the worst case
FAMILY = 5  # claims judged together under Holm's adjustment

Draw = Callable[[np.random.Generator, int], Mapping[Word, Array]]  # (generator, studies) → p by word, (studies,) each


@dataclass(frozen=True)
class Case:
    """One way to be wrong: studies of one truth, and the words that are wrong under it."""

    kind: str
    truth: str
    n: int
    against_n: int | None  # the other side's replicates; for a value the published trainings, None where it is exact
    draw: Draw
    wrong: tuple[Word, ...]


def all_cases() -> list[Case]:
    """Every case simulated, worst cases of every kind of claim at several numbers of replicates."""
    means = [*_value_cases(), *_order_cases(), *_bound_cases(), *_agreed_cases(), *_dependent_cases()]
    return [*means, *_superiority_cases(), *_rate_cases(), *_family_cases()]


def _value_cases() -> list[Case]:
    cases = []
    for n, trainings in product((3, 5, 10, 20), (None, 1, 5)):
        published = "an exact value" if trainings is None else f"the mean of {trainings} published"
        edges: tuple[tuple[int, str, tuple[Word, ...]], ...] = (
            (1, "better", ("replicated", "differs, better")),
            (-1, "worse", ("replicated", "not replicated")),
        )
        for side, name, wrong in edges:
            draw = partial(_value, n=n, trainings=trainings, margin=WIDE, side=side, sided=True)
            truth = f"exactly a margin {name} than {published}"
            cases.append(Case("value", truth, n, trainings, draw, wrong))
    for n, margin in product((3, 5, 20), (0.05, 0.25, WIDE)):
        draw = partial(_value, n=n, trainings=None, margin=margin, side=1, sided=False)
        truth = f"exactly a margin of {margin:g} SD from an exact value, neither side better"
        cases.append(Case("value", truth, n, None, draw, ("replicated", "not replicated")))
    return cases


def _value(
    generator: np.random.Generator,
    studies: int,
    n: int,
    trainings: int | None,
    margin: float,
    side: int,
    sided: bool,
    overlap: float = 0.0,
) -> Mapping[Word, Array]:
    published = generator.normal(size=studies) / np.sqrt(trainings) if trainings else np.zeros(studies)
    measured = side * margin + _dependent(generator, studies, n, overlap)
    return value_p_values(mean_estimate(measured, published, trainings, overlap), margin, sided)


def _order_cases() -> list[Case]:
    cases = []
    sizes = ((3, 3), (3, 20), (5, 5), (5, 20), (10, 10), (20, 20))
    for (n, m), ratio in product(sizes, (1 / 3, 1.0, 3.0)):
        for shift, truth, wrong in _order_truths():
            draw = partial(_order, n=n, m=m, ratio=ratio, shift=shift)
            cases.append(Case("order", f"{truth}; SD of the other side × {ratio:.2g}", n, m, draw, wrong))
    for n in (3, 5, 20):
        for shift, truth, wrong in _order_truths():
            draw = partial(_paired_order, n=n, overlap=0.0, shift=shift)
            cases.append(Case("order, paired", truth, n, n, draw, wrong))
    return cases


def _order_truths() -> tuple[tuple[float, str, tuple[Word, ...]], ...]:
    """Shifts, which are the margin too: with none, "no difference" takes no study away from the wrong words."""
    return (0.0, "no difference at all", ("replicated", "reversed")), (
        WIDE,
        "just no negligible difference",
        ("no difference",),
    )


def _order(
    generator: np.random.Generator, studies: int, n: int, m: int, ratio: float, shift: float
) -> Mapping[Word, Array]:
    measured = generator.normal(shift, size=(studies, n))
    against = ratio * generator.normal(size=(studies, m))
    return order_p_values(welch_estimate(measured, against), shift)


def _paired_order(
    generator: np.random.Generator, studies: int, n: int, overlap: float, shift: float
) -> Mapping[Word, Array]:
    against = generator.normal(size=(studies, n))
    measured = against + shift + _dependent(generator, studies, n, overlap)
    return order_p_values(paired_estimate(measured, against, overlap), shift)


def _bound_cases() -> list[Case]:
    wrong: tuple[Word, ...] = ("replicated", "not replicated")
    cases = [
        Case("bound", "exactly at the bound", n, None, partial(_bound, n=n, overlap=0.0), wrong) for n in (3, 5, 10, 20)
    ]
    for n, bound in product((5, 20), (0.5, 0.9)):
        draw = partial(_share_bound, n=n, bound=bound)
        cases.append(Case("bound, share", f"exactly at the bound of {bound:g}", n, None, draw, wrong))
    return cases


def _bound(generator: np.random.Generator, studies: int, n: int, overlap: float) -> Mapping[Word, Array]:
    return bound_p_values(mean_estimate(_dependent(generator, studies, n, overlap), overlap=overlap))


def _share_bound(generator: np.random.Generator, studies: int, n: int, bound: float) -> Mapping[Word, Array]:
    outcomes = [share_bound_p_values(successes, n, bound, higher=True) for successes in range(n + 1)]
    drawn = generator.binomial(n, bound, studies)
    return {word: np.array([one[word] for one in outcomes])[drawn] for word in outcomes[0]}


def _agreed_cases() -> list[Case]:
    """Two values, one on either side of the bound: the replicates of a few studies agree exactly."""
    wrong: tuple[Word, ...] = ("replicated", "not replicated")
    truth = "as likely above the bound as below, two values"
    return [Case("bound", truth, n, None, partial(_agreed, n=n), wrong) for n in (3, 5, 8)]


def _agreed(generator: np.random.Generator, studies: int, n: int) -> Mapping[Word, Array]:
    drawn = generator.choice([-1.0, 1.0], size=(studies, n))
    estimate = mean_estimate(drawn)
    p_values: dict[Word, Array] = bound_p_values(estimate)
    for value in (-1.0, 1.0):
        alone = agreed_p_values("bound", value, 0.0, 0.5**n, sided=True)
        here = (estimate.standard_error == 0) & (drawn[:, 0] == value)
        p_values = {word: np.where(here, alone[word], p) for word, p in p_values.items()}
    return p_values


def _superiority_cases() -> list[Case]:
    cases = []
    for name, (n, m) in product(NULLS, SIZES):
        draw = partial(null, name=name, n=n, m=m)
        cases.append(Case("superiority", f"P is ½; {name}", n, m, draw, ("replicated", "reversed")))
    for name, (n, m) in product(EDGES, SIZES):
        truth = f"P just no longer negligible; {name}"
        cases.append(Case("superiority", truth, n, m, partial(edge, name=name, n=n, m=m), ("no difference",)))
    return cases


def _dependent_cases() -> list[Case]:
    """Draws that share data, correlated as the corrected resampled t assumes: overlap / (1 + overlap)."""
    cases = []
    for n, overlap in product((5, 10), (1 / 9, 0.25)):
        truth = f"draws that share data, overlap {overlap:.2g}"
        bound = partial(_bound, n=n, overlap=overlap)
        cases.append(Case("bound", f"exactly at the bound; {truth}", n, None, bound, ("replicated", "not replicated")))
        paired = partial(_paired_order, n=n, overlap=overlap, shift=0.0)
        cases.append(Case("order, paired", f"no difference; {truth}", n, n, paired, ("replicated", "reversed")))
        value = partial(_value, n=n, trainings=1, margin=WIDE, side=1, sided=True, overlap=overlap)
        wrong: tuple[Word, ...] = ("replicated", "differs, better")
        cases.append(Case("value", f"exactly a margin better than one published training; {truth}", n, 1, value, wrong))
    return cases


def _dependent(generator: np.random.Generator, studies: int, n: int, overlap: float) -> Array:
    correlation = overlap / (1 + overlap)
    shared = generator.normal(size=(studies, 1))
    return np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * generator.normal(size=(studies, n))


def _rate_cases() -> list[Case]:
    cases = []
    for n, m, margin in ((5, 5, 0.7), (5, 20, 0.5), (20, 20, 0.3)):
        for word in ("replicated", "reversed"):
            draw = partial(_rate, n=n, m=m, margin=margin, gap=0.0, word=word)
            cases.append(Case("rate", f"equal shares, the worst there are for {word}", n, m, draw, (word,)))
        draw = partial(_rate, n=n, m=m, margin=margin, gap=margin, word="no difference")
        truth = f"shares {margin:g} apart, just not negligible, the worst there are"
        cases.append(Case("rate", truth, n, m, draw, ("no difference",)))
    return cases


def _rate(
    generator: np.random.Generator, studies: int, n: int, m: int, margin: float, gap: float, word: Word
) -> Mapping[Word, Array]:
    outcomes = _rate_outcomes(n, m, margin)
    other = _worst_share(outcomes[word] <= LEVEL, gap)
    drawn = generator.binomial(n, other + gap, studies), generator.binomial(m, other, studies)
    return {word: outcomes[word][drawn]}


@lru_cache(maxsize=8)
def _rate_outcomes(n: int, m: int, margin: float) -> dict[Word, Array]:
    """p by word, (n + 1, m + 1) each: the rule on every pair of counts."""
    counts = list(product(range(n + 1), range(m + 1)))
    judged = [rate_p_values((one, n, two, m), higher=True, margin=margin) for one, two in counts]
    return {word: np.array([p[word] for p in judged]).reshape(n + 1, m + 1) for word in judged[0]}


def _worst_share(given: np.ndarray, gap: float) -> float:
    """The other side's share, on a grid, at which the word is given most often: from exact binomial chances."""
    n, m = given.shape[0] - 1, given.shape[1] - 1
    shares = np.linspace(0.0, 1.0 - gap, 201)
    first = binom.pmf(np.arange(n + 1)[:, None], n, shares + gap)
    second = binom.pmf(np.arange(m + 1)[:, None], m, shares)
    return float(shares[np.argmax((first * (given @ second)).sum(axis=0))])


def _family_cases() -> list[Case]:
    return [
        Case(f"family of {FAMILY} orders", "no difference in any", n, n, partial(_family, n=n), ("replicated",))
        for n in (5, 20)
    ]


def _family(generator: np.random.Generator, studies: int, n: int) -> Mapping[Word, Array]:
    """The smallest adjusted p of a family: at most LEVEL where any of its claims gets the wrong word."""
    measured, against = generator.normal(size=(2, studies, FAMILY, n))
    p_values = order_p_values(welch_estimate(measured, against), 0.0)["replicated"]
    return {"replicated": np.array([min(holm(list(family))) for family in p_values])}
