"""Studies as a claim plans them, drawn at random and judged by the rule: what a claim's power is computed from.

Means and variances are drawn as such, not value by value: they are all that Student's t reads of normal replicates.
Rates are drawn as counts. P(superiority) is drawn value by value, or, where the exact test is not asked for, as its
estimate with DeLong's variance; both for normal outcomes, a shift apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, owens_t

from replication.verdicts.claims import Claim, Plan
from replication.verdicts.statistics.intervals import LEVEL, Array, mean_of_moments, welch_of_moments
from replication.verdicts.statistics.rules import (
    Word,
    bound_p_values,
    decide_each,
    order_p_values,
    share_bound_table,
    value_p_values,
)
from replication.verdicts.statistics.shares import boschloo_table, difference_rejected
from replication.verdicts.statistics.superiority import EXACT, Superiority, superiority

STUDIES = 10_000
SEED = 2014
FARTHEST = 100.0  # SD beyond which no margin or effect is sought


@dataclass(frozen=True)
class Design:
    """What the studies of one claim are drawn from, oriented so that the claim's side is positive (a share: higher)."""

    kind: str
    n: int
    against_n: int  # 0 where there is one side
    sd: float
    against_sd: float
    paired: bool
    overlap: float
    margin: float
    published_n: int | None  # a value's; None where the published one has no error
    effect: float  # a difference; P of superiority; a share
    against: float  # the other share of a rate; the bound of a share
    counted: bool  # a bound on 0/1 outcomes
    turned: bool  # shares of failures, because fewer successes are better

    def at(self, value: float) -> Design:
        """The same with another margin (of a value) or another true effect."""
        return replace(self, margin=value) if self.kind == "value" else replace(self, effect=value)

    def reach(self) -> tuple[float, float]:
        """Where `at` may be asked: no effect at all, and the farthest."""
        if self.kind == "superiority":
            return 0.5, 1.0 - 1e-6
        return (self.against, 1.0) if self.kind == "rate" or self.counted else (0.0, FARTHEST * self.sd)

    def shown(self, value: float) -> float:
        """A value of `at` as the claim's file has it, where a lower share may be the better one."""
        return 1 - value if self.turned else value


def design_of(claim: Claim, sizes: tuple[int, int | None] | None = None) -> Design:
    """The design of a claim that has a plan; `sizes` are replicates in place of the planned ones."""
    plan, evidence = claim.plan, claim.evidence
    if plan is None or evidence is None:
        raise ValueError(f"claim {claim.id} has no plan")
    n, against_n = sizes or (plan.n, plan.against_n)
    counted = claim.kind == "bound" and claim.counts
    shares = claim.kind == "rate" or counted
    effect, against = _shares(claim, plan) if shares else (plan.effect or 0.0, 0.0)
    sd = plan.sd or 1.0
    return Design(
        kind=claim.kind,
        n=n,
        against_n=0 if evidence.paired else against_n or 0,
        sd=sd,
        against_sd=plan.against_sd or sd,
        paired=evidence.paired,
        overlap=claim.overlap or 0.0,
        margin=claim.margin or 0.0,
        published_n=claim.published_n if claim.kind == "value" else None,
        effect=effect,
        against=against,
        counted=counted,
        turned=shares and claim.better == "lower",
    )


def _shares(claim: Claim, plan: Plan) -> tuple[float, float]:
    """The measured share and the one it is held against, of successes where more are better, else of failures."""
    share, other = plan.share or 0.0, (plan.against_share if claim.kind == "rate" else claim.bound) or 0.0
    return (share, other) if claim.better == "higher" else (1 - share, 1 - other)


@lru_cache(maxsize=1024)
def judged(design: Design, true: bool) -> tuple[Array, NDArray[np.bool_]]:
    """(STUDIES,) p of "replicated", and whether that is the word, where the claim is true or false by its margin."""
    generator = np.random.default_rng([SEED, int(true)])
    if design.kind == "rate":
        return _rates(design, true, generator)
    draw = {"value": _values, "order": _orders, "superiority": _superiority, "bound": _bounds}[design.kind]
    p_values = draw(design, true, generator)
    return p_values["replicated"], decide_each(p_values) == "replicated"


def _values(design: Design, true: bool, generator: np.random.Generator) -> dict[Word, Array]:
    published_n = design.published_n
    scale = design.sd / np.sqrt(published_n) if published_n else 0.0
    published = scale * generator.standard_normal(STUDIES)
    mean, variance = _moments(design.sd, design.n, design.overlap, generator)
    shifted = mean if true else mean + design.margin  # the other side is its mirror image
    estimate = mean_of_moments(shifted, variance, design.n, published, published_n, design.overlap)
    return value_p_values(estimate, design.margin, sided=True)


def _orders(design: Design, true: bool, generator: np.random.Generator) -> dict[Word, Array]:
    shift = design.effect if true else -design.margin
    mean, variance = _moments(design.sd, design.n, design.overlap, generator)
    if design.paired:
        estimate = mean_of_moments(mean + shift, variance, design.n, overlap=design.overlap)
    else:
        other, other_variance = _moments(design.against_sd, design.against_n, design.overlap, generator)
        sides = (mean + shift, variance, design.n), (other, other_variance, design.against_n)
        estimate = welch_of_moments(*sides, overlap=design.overlap)
    return order_p_values(estimate, design.margin)


def _bounds(design: Design, true: bool, generator: np.random.Generator) -> dict[Word, Array]:
    if design.counted:
        drawn = generator.binomial(design.n, design.effect if true else design.against, STUDIES)
        return {word: p[drawn] for word, p in share_bound_table(design.n, design.against).items()}
    mean, variance = _moments(design.sd, design.n, design.overlap, generator)
    shift = design.effect if true else 0.0
    return bound_p_values(mean_of_moments(mean + shift, variance, design.n, overlap=design.overlap))


def _moments(sd: float, n: int, overlap: float, generator: np.random.Generator) -> tuple[Array, Array]:
    """(STUDIES,) means and sample variances of n normal replicates; those that share data correlate as assumed."""
    correlation = overlap / (1 + overlap)
    spread = sd * np.sqrt(correlation + (1 - correlation) / n)
    mean = spread * generator.standard_normal(STUDIES)
    return mean, sd**2 * (1 - correlation) * generator.chisquare(n - 1, STUDIES) / (n - 1)


def _superiority(design: Design, true: bool, generator: np.random.Generator) -> dict[Word, Array]:
    n, m = design.n, design.against_n
    share = design.effect if true else 0.5 - design.margin
    shift = np.sqrt(2) * ndtri(share)
    if n * m <= EXACT:
        sides = generator.normal(shift, size=(STUDIES, n)), generator.standard_normal((STUDIES, m))
        return order_p_values(superiority(*sides), design.margin)
    spread = np.sqrt(_placement_variance(share) * (1 / n + 1 / m))
    drawn = np.clip(share + spread * generator.standard_normal(STUDIES), 1e-9, 1 - 1e-9)
    variance, none = _placement_variance(drawn), np.zeros_like(drawn)
    estimate = welch_of_moments((drawn, variance, n), (np.full_like(drawn, 0.5), variance, m))
    return order_p_values(Superiority(estimate, none, none, none, none, none), design.margin)


def _placement_variance(share: Array | float) -> Array:
    """Variance of the share of the other sample that a value is above, for normal samples with P(above) = share."""
    place = ndtri(share)
    return np.asarray(ndtr(place) - 2 * owens_t(place, 1 / np.sqrt(3)) - np.square(share))


def _rates(design: Design, true: bool, generator: np.random.Generator) -> tuple[Array, NDArray[np.bool_]]:
    """The p of counts is exact; `replicated` waits until the shares are no negligible margin apart."""
    n, m = design.n, design.against_n
    share = design.effect if true else max(0.0, design.against - design.margin)
    first, second = generator.binomial(n, share, STUDIES), generator.binomial(m, design.against, STUDIES)
    above = difference_rejected(n, m, -design.margin)
    below = difference_rejected(m, n, -design.margin).T
    p = np.where(np.arange(n + 1)[:, None] * m > n * np.arange(m + 1), boschloo_table(n, m), 1.0)
    replicated = (p <= LEVEL) & ~(above & below)
    return p[first, second], replicated[first, second]
