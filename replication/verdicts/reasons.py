"""The one sentence that says why a verdict is what it is."""

from __future__ import annotations

from replication.table.definitions import METRICS
from replication.verdicts.claims import Claim
from replication.verdicts.comparisons import Comparison
from replication.verdicts.evidence import Replicates
from replication.verdicts.statistics.intervals import MOST_REPLICATES
from replication.verdicts.statistics.rules import Word

_BOTH_TAILS = "lies outside the margin on one side, too little where neither side is better and both tails count"


def reason(claim: Claim, comparison: Comparison, word: Word, n_needed: int | None) -> str:
    """Why this word: the interval and where it lies, or the counts and their p."""
    body = f"{measured_in_words(claim, comparison)} {_position(claim, comparison, word)}"
    return f"{body}; {_remedy(comparison, n_needed)}." if word == "inconclusive" else f"{body}."


def underpowered(claim: Claim, comparison: Comparison, power: float) -> str:
    """Why a claim with fewer replicates than planned gets no word; `power` is P("replicated" | true) at these."""
    plan = claim.plan
    assert plan is not None  # power is computed from it
    planned = f"{plan.n}" + (f" against {plan.against_n}" if plan.against_n else "")
    measured = measured_in_words(claim, comparison).rstrip(",")
    return (
        f"With {replicates_in_words(comparison)}, {planned} being planned, a true claim would be called replicated in "
        f"{100 * power:.0f} % of studies, which is too few to judge it. Measured: {measured[0].lower()}{measured[1:]}."
    )


def measured_in_words(claim: Claim, comparison: Comparison) -> str:
    """The subject of a sentence about a comparison: its interval, or its counts, and the replicates."""
    if claim.kind == "rate":
        return _counts(comparison)
    if comparison.agreed:
        return _agreed(comparison)
    return _superiority(claim, comparison) if claim.kind == "superiority" else _interval(claim, comparison)


def replicates_in_words(comparison: Comparison) -> str:
    """Such as "20 against 20 trainings"."""
    sides = [side for side in (comparison.measured, comparison.against) if side is not None]
    counts = " against ".join(str(side.n) for side in sides)
    diverged = sum(side.diverged - side.unbounded for side in sides)
    worst = f" ({diverged} diverged and taken as {METRICS[comparison.metric].worst:g})" if diverged > 0 else ""
    return f"{counts} {comparison.measured.unit}s{worst}"


def without_value(comparison: Comparison) -> str:
    """Which runs diverged under a metric that has no worst value; "" where none did."""
    sides = [side for side in (comparison.measured, comparison.against) if side is not None]
    if not any(side.unbounded for side in sides):
        return ""
    counts = " and ".join(f"{side.unbounded} of {side.n}" for side in sides)
    return f"{counts} {comparison.measured.unit}s diverged, which leaves {comparison.metric} without a worst value"


def all_diverged(side: Replicates) -> str:
    return f"Every one of the {side.n} {side.unit}s diverged."


def _interval(claim: Claim, comparison: Comparison) -> str:
    what = {"value": "measured − published", "bound": "measured − bound"}.get(claim.kind, "the difference")
    ends = f"[{comparison.low:.3g}, {comparison.high:.3g}]"
    return f"The 90 % interval of {what}, {ends} from {replicates_in_words(comparison)},"


def _superiority(claim: Claim, comparison: Comparison) -> str:
    sign = 1 if claim.better == "higher" else -1
    low, middle, high = sorted(sign * end for end in (comparison.low, comparison.difference, comparison.high))
    return (
        f"The 90 % interval of P(a measured run is better), {0.5 + middle:.3g} "
        f"[{0.5 + low:.3g}, {0.5 + high:.3g}] from {replicates_in_words(comparison)},"
    )


def _agreed(comparison: Comparison) -> str:
    """Such as "All 5 trainings agree exactly, 0.9 (exact p 0.031): the difference from 0.8"."""
    values = f"{comparison.measured.mean:.3g}"
    if comparison.against is not None:
        values += f" against {comparison.against.mean:.3g}"
    what = "" if comparison.reference is None else f" from {comparison.reference:.3g}"
    p = f"exact p {_p(min(comparison.p_values.values()))}"
    return f"All {replicates_in_words(comparison)} agree exactly, {values} ({p}): the difference{what}"


def _counts(comparison: Comparison) -> str:
    measured, against = comparison.measured, comparison.against
    other = f" against {round(sum(against.values))} of {against.n}" if against is not None else ""
    p = min(comparison.p_values["replicated"], comparison.p_values["reversed"])
    counts = f"{round(sum(measured.values))} of {measured.n} {measured.unit}s{other}"
    return f"{comparison.metric} is 1 in {counts} (Boschloo's one-sided p {_p(p)}), a difference"


def _p(p: float) -> str:
    return f"{p:.2g}" if p >= 0.0001 else "below 0.0001"


def _position(claim: Claim, comparison: Comparison, word: Word) -> str:
    margin = f"{comparison.margin:.3g}" if comparison.margin is not None else ""
    sided = METRICS[comparison.metric].better != "neither"
    if comparison.agreed and word == "inconclusive":
        return "may be chance"
    if claim.kind == "value":
        widest = comparison.margin or 0.0
        crosses = comparison.low <= widest and comparison.high >= -widest
        return {
            "replicated": f"lies inside the margin of ± {margin}",
            "differs, better": f"lies wholly beyond the margin of {margin} on the better side",
            "not replicated": f"lies wholly outside the margin of {margin}" + (" on the worse side" if sided else ""),
        }.get(word, f"crosses the margin of ± {margin}" if crosses else _BOTH_TAILS)
    if claim.kind == "rate":
        return {
            "replicated": "on the claim's side",
            "reversed": "on the other side",
            "no difference": f"that lies inside ± {margin}, the largest negligible one",
        }.get(word, "that may be chance")
    none = "½" if claim.kind == "superiority" else "0"
    return {
        "replicated": f"lies wholly on the claim's side of {none}",
        "reversed": f"lies wholly on the other side of {none}",
        "not replicated": f"lies wholly on the other side of {none}",
        "no difference": f"lies inside {none} ± {margin}, the largest negligible difference",
    }.get(word, f"holds {none}")


def _remedy(comparison: Comparison, n_needed: int | None) -> str:
    count = f"about {n_needed}" if n_needed is not None else f"not even {MOST_REPLICATES}"
    sides = " a side" if comparison.against is not None else ""
    return f"{count} {comparison.measured.unit}s{sides} would settle it"
