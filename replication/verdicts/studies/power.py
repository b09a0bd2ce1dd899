"""How often a claim would be called replicated, where it is true and where it is false by its margin.

    uv run python -m replication.verdicts power                   a line for every claim that can be judged
    uv run python -m replication.verdicts power --claim ID …      these claims alone

Columns: the replicates planned; the margin; P(true), the chance that the word adjusted within the claim's family is
"replicated" where the plan's effect is true; P(false), the chance of the plain word where the claim is false by its
margin; and the least margin (a value), effect (an order, superiority, a bound) or share (a rate) that would give
P(true) = .80 at that number of replicates.

Every number comes from simulated studies of `replication.verdicts.studies.planned`, judged by the rule itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from replication.foundation.errors import InputError
from replication.verdicts.benchmarks import claims_of, load_benchmarks
from replication.verdicts.claims import Claim
from replication.verdicts.statistics.intervals import LEVEL
from replication.verdicts.statistics.rules import holm
from replication.verdicts.studies.planned import STUDIES, Design, design_of, judged

POWER = 0.80  # a claim that is true is called replicated at least this often, or it is planned wrongly
CHANCE = 1e-3  # how rarely chance alone takes a simulated rate beyond `least_power` or `most_false`
Sizes = tuple[int, int | None]  # replicates of the measured side, and of the other


@dataclass(frozen=True)
class Power:
    """Both chances of "replicated" for one claim, as shares of STUDIES simulated studies."""

    true: float  # adjusted within the family, all of whose claims are true
    false: float  # plain: the others of the family are replicated for sure, so that Holm asks for no more


def least_power() -> float:
    """The smallest simulated rate that chance explains where the true rate is POWER."""
    return float(binom.ppf(CHANCE, STUDIES, POWER)) / STUDIES


def most_false() -> float:
    """The largest simulated rate that chance explains where the true rate is LEVEL."""
    return float(binom.isf(CHANCE, STUDIES, LEVEL)) / STUDIES


def planned(claims: Sequence[Claim]) -> dict[str, Power]:
    """The chances of every claim that has a plan, at the planned replicates."""
    true, plans = true_powers(claims), [claim for claim in claims if claim.plan]
    return {claim.id: Power(true[claim.id], float(judged(design_of(claim), False)[1].mean())) for claim in plans}


def problems(claims: Sequence[Claim]) -> Iterator[str]:
    """What is wrong with the plans, one sentence each: a claim has none, too little power, or errs too often.

    A simulated rate is wrong only where chance does not explain it: see `least_power` and `most_false`.
    """
    powers = planned(claims)
    for claim in claims:
        power, where = powers.get(claim.id), f"benchmarks/{claim.paper}.yaml: {claim.id}"
        if power is None and claim.can_be_judged:
            yield f"{where} has no plan: say in it how many replicates, of what spread, and how large a true effect."
        elif power is not None and power.true < least_power():
            yield (
                f"{where} would be replicated in {100 * power.true:.1f} % of studies where it is true, not in "
                f"{100 * POWER:.0f} %: plan more replicates or a wider margin; "
                "`python -m replication.verdicts power` helps."
            )
        if power is not None and power.false > most_false():
            yield (
                f"{where} would be replicated in {100 * power.false:.1f} % of studies where it is false by its margin, "
                f"more than {100 * LEVEL:.0f} %: the rule or its assumptions are wrong."
            )


def true_powers(claims: Sequence[Claim], sizes: Mapping[str, Sizes] | None = None) -> dict[str, float]:
    """P(the adjusted word is "replicated" | all claims are true) of every claim that has a plan.

    `sizes` are replicates that are there in place of those planned, by the claim's id. Claims of a family are drawn
    independently, also where they share runs.
    """
    sizes = sizes or {}
    powers = {}
    for family in {claim.family for claim in claims}:
        members = [claim for claim in claims if claim.family == family and claim.plan]
        designs = {claim.id: design_of(claim, sizes.get(claim.id)) for claim in members}
        powers |= dict(zip(designs, _family_rates([*designs], [*designs.values()]), strict=True))
    return powers


def _family_rates(names: Sequence[str], designs: Sequence[Design]) -> list[float]:
    if not designs:
        return []
    p_values, words = [], []
    for name, design in zip(names, designs, strict=True):
        p, replicated = judged(design, True)
        order = np.random.default_rng(list(name.encode())).permutation(STUDIES)  # like designs share their studies
        p_values.append(p[order])
        words.append(replicated[order])
    return (np.array(words) & (holm(p_values) <= LEVEL)).mean(axis=1).tolist()


def least(claim: Claim, claims: Sequence[Claim]) -> float | None:
    """The margin, effect or share at which the claim's power is POWER, the others of its family as they are planned.

    None where none in reach gives it: a hundred SD, or a probability of 1.
    """
    members = [other for other in claims if other.family == claim.family and other.plan and other.id != claim.id]
    names, designs = [claim.id, *(other.id for other in members)], [design_of(other) for other in members]
    design = design_of(claim)
    low, high = design.reach()
    if _family_rates(names, [design.at(high), *designs])[0] < POWER:
        return None
    while high - low > 1e-3 * abs(high):
        middle = (low + high) / 2
        enough = _family_rates(names, [design.at(middle), *designs])[0] >= POWER
        low, high = (low, middle) if enough else (middle, high)
    return design.shown(high)


def table(claims: Sequence[Claim], only: Sequence[str] = ()) -> list[str]:
    """The lines that the command prints: a claim without a plan says so."""
    powers = planned(claims)
    form = "{:44} {:11} {:>9} {:>8} {:>8} {:>8} {:>9}"
    lines = [form.format("claim", "kind", "n", "margin", "P(true)", "P(false)", "least")]
    for claim in claims:
        if not claim.can_be_judged or (only and claim.id not in only):
            continue
        margin = "" if claim.margin is None else f"{claim.margin:.4g}"
        if claim.plan is None:
            lines.append(form.format(claim.id, claim.kind, "no plan", margin, "", "", ""))
            continue
        power, smallest = powers[claim.id], least(claim, claims)
        n = f"{claim.plan.n}" + (f"+{claim.plan.against_n}" if claim.plan.against_n else "")
        least_text = "none" if smallest is None else f"{smallest:.4g}"
        mark = "" if power.true >= least_power() and power.false <= most_false() else "  !"
        numbers = (n, margin, f"{power.true:.3f}", f"{power.false:.3f}", least_text)
        lines.append(form.format(claim.id, claim.kind, *numbers) + mark)
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m replication.verdicts power", description=__doc__)
    parser.add_argument("--claim", nargs="+", default=[], metavar="ID", help="the claims to show (default: all)")
    ids = parser.parse_args(arguments).claim
    claims = claims_of(load_benchmarks())
    unknown = sorted(set(ids) - {claim.id for claim in claims})
    if unknown:
        raise InputError(f"There is no claim {', '.join(unknown)} in benchmarks/: name one of its ids.")
    print("\n".join(table(claims, ids)))
