"""The one sentence that says why a verdict is what it is."""

from __future__ import annotations

from replication.claims import Claim
from replication.comparisons import Comparison
from replication.evidence import Replicates
from replication.intervals import MOST_REPLICATES
from replication.metrics.definitions import METRICS
from replication.rules import Word

_BOTH_TAILS = "lies outside the margin on one side, too little where neither side is better and both tails count"


def reason(claim: Claim, comparison: Comparison, word: Word, n_needed: int | None) -> str:
    """Why this word: the interval and where it lies, or the counts and their p."""
    body = _counts(comparison) if claim.kind == "rate" else _interval(claim, comparison)
    if word == "inconclusive":
        return f"{body} {_position(claim, comparison, word)}; {_remedy(comparison, n_needed)}."
    return f"{body} {_position(claim, comparison, word)}{_negligible(claim, comparison, word)}."


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


def _counts(comparison: Comparison) -> str:
    one, two = comparison.measured, comparison.against
    second = f" against {round(sum(two.values))} of {two.n}" if two is not None else ""
    p = min(comparison.p_values["replicated"], comparison.p_values["reversed"])
    shown = f"{p:.2g}" if p >= 0.0001 else "below 0.0001"
    counts = f"{round(sum(one.values))} of {one.n} {one.unit}s{second}"
    return f"{comparison.metric} is 1 in {counts} (Boschloo's one-sided p {shown}), a difference"


def _position(claim: Claim, comparison: Comparison, word: Word) -> str:
    margin = f"{comparison.margin:.3g}" if comparison.margin is not None else ""
    sided = METRICS[comparison.metric].better != "neither"
    if claim.kind == "value":
        return {
            "replicated": f"lies inside the margin of ± {margin}",
            "exceeded": f"lies wholly beyond the margin of {margin} on the better side",
            "not replicated": f"lies wholly outside the margin of {margin}" + (" on the worse side" if sided else ""),
        }.get(word, f"crosses the margin of ± {margin}" if _crosses(comparison) else _BOTH_TAILS)
    if claim.kind == "rate":
        return {
            "replicated": "on the claim's side",
            "reversed": "on the other side",
            "no difference": f"that lies inside ± {margin}, the largest negligible one",
        }.get(word, "that may be chance")
    return {
        "replicated": "lies wholly on the claim's side of 0",
        "reversed": "lies wholly on the other side of 0",
        "not replicated": "lies wholly on the other side of 0",
        "no difference": f"lies inside ± {margin}, the largest negligible difference",
    }.get(word, "holds 0")


def _crosses(comparison: Comparison) -> bool:
    margin = comparison.margin or 0.0
    return comparison.low <= margin and comparison.high >= -margin


def _negligible(claim: Claim, comparison: Comparison, word: Word) -> str:
    if claim.kind == "value" or word not in ("replicated", "reversed") or comparison.margin is None:
        return ""
    if max(abs(comparison.low), abs(comparison.high)) > comparison.margin:
        return ""
    return f", though even its far end is within the negligible {comparison.margin:.3g}"


def _remedy(comparison: Comparison, n_needed: int | None) -> str:
    count = f"about {n_needed}" if n_needed is not None else f"not even {MOST_REPLICATES}"
    sides = " a side" if comparison.against is not None else ""
    return f"{count} {comparison.measured.unit}s{sides} would settle it"
