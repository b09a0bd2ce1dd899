"""Studies at the edge of each null hypothesis, where the verdict rule errs most often: drawn for the simulation.

Replicates are normal, as Student's t assumes; outcomes that work or fail belong to rate claims, heavy-tailed or
two-moded ones to superiority. Its samples differ in shape too, so that P is ½ though the distributions are not the
same: the case that a rank test alone gets wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import product
from typing import Any

import numpy as np
from scipy.stats import binom

from replication.verdicts.statistics import rules
from replication.verdicts.statistics.intervals import LEVEL, Array, mean_estimate, paired_estimate, welch_estimate
from replication.verdicts.statistics.rules import Word
from replication.verdicts.statistics.superiority import superiority

WIDE = 8.0  # margin in SD of the measured side: wide enough that one edge of the null counts alone, the worst case
FAMILY = 5  # claims judged together under Holm's adjustment
MARGIN = 0.3  # of P around ½: wide, so that one edge of the null counts alone
SIZES = ((3, 3), (5, 5), (5, 20), (20, 5), (10, 10), (20, 20), (22, 22), (40, 40), (100, 100))
Wrong = tuple[Word, ...]
EITHER: Wrong = ("replicated", "not replicated")
ORDERED: Wrong = ("replicated", "reversed")
BETTER: Wrong = ("replicated", "differs, better")

Random = np.random.Generator
PValues = Mapping[Word, Array]
Outcomes = Callable[[Random, tuple[int, int], float], Array]  # generator, (studies, n), place → (studies, n)


@dataclass(frozen=True)
class Case:
    """One way to be wrong: studies of one truth, and the words that are wrong under it."""

    kind: str
    truth: str
    n: int
    against_n: int | None  # the other side's replicates; for a value the published trainings, None where it is exact
    draw: Callable[[Random, int], PValues]  # (generator, studies) → p by word, (studies,) each
    wrong: Wrong


def all_cases() -> list[Case]:
    """Every case simulated, worst cases of every kind of claim at several numbers of replicates."""
    kinds = (_value_cases, _order_cases, _bound_cases, _dependent_cases, _superiority_cases, _rate_cases, _family_cases)
    return [case for cases in kinds for case in cases()]


def _case(kind: str, truth: str, n: int, other: int | None, wrong: Wrong, draw: Callable, **options: Any) -> Case:
    """A case whose `draw` takes a generator, studies, n and the options."""
    return Case(kind, truth, n, other, partial(draw, n=n, **options), wrong)


def _value_cases() -> Iterator[Case]:
    edges: tuple[tuple[int, str, Wrong], ...] = ((1, "better", BETTER), (-1, "worse", EITHER))
    for n, trainings in product((3, 5, 10, 20), (None, 1, 5)):
        published = "an exact value" if trainings is None else f"the mean of {trainings} published"
        for side, name, wrong in edges:
            truth = f"exactly a margin {name} than {published}"
            yield _case("value", truth, n, trainings, wrong, _value, trainings=trainings, side=side)
    for n, margin in product((3, 5, 20), (0.05, 0.25, WIDE)):
        truth = f"exactly a margin of {margin:g} SD from an exact value, neither side better"
        yield _case("value", truth, n, None, EITHER, _value, margin=margin, sided=False)


def _value(
    generator: Random, studies: int, n: int, trainings: int | None = None, margin: float = WIDE, side: int = 1,
    sided: bool = True, overlap: float = 0.0,
) -> PValues:  # fmt: skip
    published = generator.normal(size=studies) / np.sqrt(trainings) if trainings else np.zeros(studies)
    measured = side * margin + _dependent(generator, studies, n, overlap)
    return rules.value_p_values(mean_estimate(measured, published, trainings, overlap), margin, sided)


def _order_cases() -> Iterator[Case]:
    """A truth's shift is the margin too: with none, "no difference" takes no study away from the wrong words."""
    truths: tuple[tuple[float, str, Wrong], ...] = (
        (0.0, "no difference at all", ORDERED),
        (WIDE, "just no negligible difference", ("no difference",)),
    )
    sizes = ((3, 3), (3, 20), (5, 5), (5, 20), (10, 10), (20, 20))
    for (n, m), ratio, (shift, truth, wrong) in product(sizes, (1 / 3, 1.0, 3.0), truths):
        spread = f"{truth}; SD of the other side × {ratio:.2g}"
        yield _case("order", spread, n, m, wrong, _order, m=m, ratio=ratio, shift=shift)
    for n, (shift, truth, wrong) in product((3, 5, 20), truths):
        yield _case("order, paired", truth, n, n, wrong, _paired_order, shift=shift)


def _order(generator: Random, studies: int, n: int, m: int, ratio: float, shift: float) -> PValues:
    measured = generator.normal(shift, size=(studies, n))
    return rules.order_p_values(welch_estimate(measured, ratio * generator.normal(size=(studies, m))), shift)


def _paired_order(generator: Random, studies: int, n: int, shift: float = 0.0, overlap: float = 0.0) -> PValues:
    against = generator.normal(size=(studies, n))
    measured = against + shift + _dependent(generator, studies, n, overlap)
    return rules.order_p_values(paired_estimate(measured, against, overlap), shift)


def _bound_cases() -> Iterator[Case]:
    for n in (3, 5, 10, 20):
        yield _case("bound", "exactly at the bound", n, None, EITHER, _bound)
    for n, bound in product((5, 20), (0.5, 0.9)):
        yield _case("bound, share", f"exactly at the bound of {bound:g}", n, None, EITHER, _share_bound, bound=bound)
    for n in (3, 5, 8):
        yield _case("bound", "as likely above the bound as below, two values", n, None, EITHER, _agreed)


def _bound(generator: Random, studies: int, n: int, overlap: float = 0.0) -> PValues:
    return rules.bound_p_values(mean_estimate(_dependent(generator, studies, n, overlap), overlap=overlap))


def _share_bound(generator: Random, studies: int, n: int, bound: float) -> PValues:
    drawn = generator.binomial(n, bound, studies)
    return {word: p[drawn] for word, p in rules.share_bound_table(n, bound).items()}


def _agreed(generator: Random, studies: int, n: int) -> PValues:
    """Two values, one on either side of the bound: the replicates of a few studies agree exactly."""
    drawn = generator.choice([-1.0, 1.0], size=(studies, n))
    estimate = mean_estimate(drawn)
    p_values: PValues = rules.bound_p_values(estimate)
    for value in (-1.0, 1.0):
        alone = rules.agreed_p_values("bound", value, 0.0, 0.5**n, sided=True)
        here = (estimate.standard_error == 0) & (drawn[:, 0] == value)
        p_values = {word: np.where(here, alone[word], p) for word, p in p_values.items()}
    return p_values


def _dependent_cases() -> Iterator[Case]:
    """Draws that share data, correlated as the corrected resampled t assumes: overlap / (1 + overlap)."""
    for n, overlap in product((5, 10), (1 / 9, 0.25)):
        truth = f"draws that share data, overlap {overlap:.2g}"
        yield _case("bound", f"exactly at the bound; {truth}", n, None, EITHER, _bound, overlap=overlap)
        yield _case("order, paired", f"no difference; {truth}", n, n, ORDERED, _paired_order, overlap=overlap)
        beyond = f"exactly a margin better than one published training; {truth}"
        yield _case("value", beyond, n, 1, BETTER, _value, trainings=1, overlap=overlap)


def _dependent(generator: Random, studies: int, n: int, overlap: float) -> Array:
    correlation = overlap / (1 + overlap)
    shared = generator.normal(size=(studies, 1))
    return np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * generator.normal(size=(studies, n))


def _heavy(generator: Random, shape: tuple[int, int], place: float, scale: float = 1.0) -> Array:
    """Cauchy outcomes around `place`."""
    return place + scale * generator.standard_cauchy(shape)


def _tied(generator: Random, shape: tuple[int, int], place: float) -> Array:
    """Runs that work, 1, in a share of (1 + place) / 2, and fail, −1, else: most comparisons are ties."""
    return np.where(generator.random(shape) < (1 + place) / 2, 1.0, -1.0)


def _two_moded(generator: Random, shape: tuple[int, int], place: float) -> Array:
    """The same with a spread about 1 and −1."""
    return _tied(generator, shape, place) + 0.1 * generator.standard_normal(shape)


def _narrow(generator: Random, shape: tuple[int, int], place: float) -> Array:
    """Outcomes near `place`, between the modes of the two-moded."""
    return place + 0.1 * generator.standard_normal(shape)


# Both sides' outcomes, and the places at which P is ½ + MARGIN: the difference of two Cauchys is Cauchy of scale 2, two
# modes give half the difference of shares.
SHAPES: dict[str, tuple[Outcomes, Outcomes, tuple[float, float] | None]] = {
    "heavy-tailed": (_heavy, _heavy, (2 * float(np.tan(np.pi * MARGIN)), 0.0)),
    "heavy-tailed, the other side three times as wide": (_heavy, partial(_heavy, scale=3.0), None),
    "two-moded": (_two_moded, _two_moded, (2 * MARGIN, -2 * MARGIN)),
    "two values": (_tied, _tied, (2 * MARGIN, -2 * MARGIN)),
    "two-moded against one mode between": (_two_moded, _narrow, (2 * MARGIN, 0.0)),
    "one mode between two against both": (_narrow, _two_moded, (0.0, -2 * MARGIN)),
}


def _superiority_cases() -> Iterator[Case]:
    """At P = ½ there is no margin, so that "no difference" takes no study away from the wrong words."""
    for name, (n, m) in product(SHAPES, SIZES):
        yield _case("superiority", f"P is ½; {name}", n, m, ORDERED, _superiority, m=m, name=name, margin=0.0)
    for name, (n, m) in product(SHAPES, SIZES):
        if SHAPES[name][2]:
            truth = f"P just no longer negligible; {name}"
            yield _case("superiority", truth, n, m, ("no difference",), _superiority, m=m, name=name, margin=MARGIN)


def _superiority(generator: Random, studies: int, n: int, m: int, name: str, margin: float) -> PValues:
    first, second, places = SHAPES[name]
    place, other = places if margin and places else (0.0, 0.0)
    outcomes = superiority(first(generator, (studies, n), place), second(generator, (studies, m), other))
    p_values = rules.order_p_values(outcomes, margin)
    return {"no difference": p_values["no difference"]} if margin else p_values


def _rate_cases() -> Iterator[Case]:
    for n, m, margin in ((5, 5, 0.7), (5, 20, 0.5), (20, 20, 0.3)):
        for word in ORDERED:
            truth = f"equal shares, the worst there are for {word}"
            yield _case("rate", truth, n, m, (word,), _rate, m=m, margin=margin, gap=0.0, word=word)
        truth, word = f"shares {margin:g} apart, just not negligible, the worst there are", "no difference"
        yield _case("rate", truth, n, m, (word,), _rate, m=m, margin=margin, gap=margin, word=word)


def _rate(generator: Random, studies: int, n: int, m: int, margin: float, gap: float, word: Word) -> PValues:
    outcomes = _rate_outcomes(n, m, margin)
    other = _worst_share(outcomes[word] <= LEVEL, gap)
    drawn = generator.binomial(n, other + gap, studies), generator.binomial(m, other, studies)
    return {word: outcomes[word][drawn]}


@lru_cache(maxsize=8)
def _rate_outcomes(n: int, m: int, margin: float) -> dict[Word, Array]:
    """p by word, (n + 1, m + 1) each: the rule on every pair of counts."""
    counts = product(range(n + 1), range(m + 1))
    judged = [rules.rate_p_values((first, n, second, m), higher=True, margin=margin) for first, second in counts]
    return {word: np.array([p[word] for p in judged]).reshape(n + 1, m + 1) for word in judged[0]}


def _worst_share(wrong: np.ndarray, gap: float) -> float:
    """The other side's share, on a grid, at which the word is given most often: from exact binomial chances."""
    n, m = wrong.shape[0] - 1, wrong.shape[1] - 1
    shares = np.linspace(0.0, 1.0 - gap, 201)
    first = binom.pmf(np.arange(n + 1)[:, None], n, shares + gap)
    second = binom.pmf(np.arange(m + 1)[:, None], m, shares)
    return float(shares[np.argmax((first * (wrong @ second)).sum(axis=0))])


def _family_cases() -> Iterator[Case]:
    for n in (5, 20):
        yield _case(f"family of {FAMILY} orders", "no difference in any", n, n, ("replicated",), _family)


def _family(generator: Random, studies: int, n: int) -> PValues:
    """The smallest adjusted p of a family: at most LEVEL where any of its claims gets the wrong word."""
    measured, against = generator.normal(size=(2, studies, FAMILY, n))
    p_values = rules.order_p_values(welch_estimate(measured, against), 0.0)["replicated"]
    return {"replicated": rules.holm(p_values.T).min(axis=0)}
