"""The one sentence that says why a verdict is what it is, or what a question's answer is."""

from __future__ import annotations

import math

import pandas as pd

from replication.foundation.errors import InputError
from replication.table.columns import COLUMNS
from replication.table.definitions import METRICS
from replication.table.validation import distinct
from replication.verdicts.claims import Claim, Evidence, Selection
from replication.verdicts.comparisons import Comparison, compare
from replication.verdicts.evidence import FREE, EvidenceGap, Replicates, replicates, select
from replication.verdicts.statistics.intervals import MOST_REPLICATES
from replication.verdicts.statistics.rules import Word

_BOTH_TAILS = "lies outside the margin on one side, too little where neither side is better and both tails count"
LISTED = 10  # cases, at most, that a sentence has each of
FAMILIAR = {"metric_variant": "variant", "n_train": "training images"}  # columns as a reader calls them


def reason(claim: Claim, comparison: Comparison, word: Word, n_needed: int | None) -> str:
    """Why this word: the interval and where it lies, or the counts and their p."""
    body = f"{measured_in_words(claim, comparison)} {_position(claim, comparison, word)}"
    if word != "inconclusive":
        return f"{body}."
    count = f"about {n_needed}" if n_needed is not None else f"not even {MOST_REPLICATES}"
    sides = " a side" if comparison.against is not None else ""
    return f"{body}; {count} {comparison.measured.unit}s{sides} would settle it."


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
    """The subject of a sentence about a comparison: its interval, or its counts, and the replicates.

    Where all agree, such as "All 5 trainings agree exactly, 0.9 (exact p 0.031): the difference from 0.8".
    """
    measured, against, replicates = comparison.measured, comparison.against, replicates_in_words(comparison)
    if claim.kind == "rate":
        counts = f"{round(sum(measured.values))} of {measured.n} {measured.unit}s"
        counts += f" against {round(sum(against.values))} of {against.n}" if against is not None else ""
        p = min(comparison.p_values["replicated"], comparison.p_values["reversed"])
        return f"{comparison.metric} is 1 in {counts} (Boschloo's one-sided p {_p(p)}), a difference"
    if comparison.agreed:
        values = " against ".join(f"{side.mean:.3g}" for side in comparison.sides)
        what = "" if comparison.reference is None else f" from {comparison.reference:.3g}"
        p = _p(min(comparison.p_values.values()))
        return f"All {replicates} agree exactly, {values} (exact p {p}): the difference{what}"
    if claim.kind == "superiority":
        low, middle, high = probability_of_superiority(claim, comparison)
        ends = f"{middle:.3g} [{low:.3g}, {high:.3g}]"
        return f"The 90 % interval of P(a measured run is better), {ends} from {replicates},"
    what = {"value": "measured − published", "bound": "measured − bound"}.get(claim.kind, "the difference")
    return f"The 90 % interval of {what}, [{comparison.low:.3g}, {comparison.high:.3g}] from {replicates},"


def probability_of_superiority(claim: Claim, comparison: Comparison) -> tuple[float, float, float]:
    """P(a measured run is better) + ½ P(equal), between the ends of its 90 % interval: low, estimate, high."""
    sign = 1 if claim.better == "higher" else -1
    low, middle, high = sorted(sign * end for end in (comparison.low, comparison.difference, comparison.high))
    return 0.5 + low, 0.5 + middle, 0.5 + high


def replicates_in_words(comparison: Comparison) -> str:
    """Such as "20 against 20 trainings"."""
    sides = comparison.sides
    counts = " against ".join(str(side.n) for side in sides)
    diverged = sum(side.diverged - side.unbounded for side in sides)
    worst = f" ({diverged} diverged and taken as {METRICS[comparison.metric].worst:g})" if diverged > 0 else ""
    return f"{counts} {comparison.measured.unit}s{worst}"


def without_value(comparison: Comparison) -> str:
    """Which runs diverged under a metric that has no worst value; "" where none did."""
    if not any(side.unbounded for side in comparison.sides):
        return ""
    counts = " and ".join(f"{side.unbounded} of {side.n}" for side in comparison.sides)
    return f"{counts} {comparison.measured.unit}s diverged, which leaves {comparison.metric} without a worst value"


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


def answer(claim: Claim, evidence: Evidence, table: pd.DataFrame) -> tuple[str, Comparison | None] | None:
    """The sentence and the comparison behind it; None where a side has no measurements.

    A question over several steps, classes, data sets or models has no comparison: its sentence names the ends.

    Raises:
        InputError: a selection names a column that is not there.
    """
    rows = [select(table, side) for side in evidence.sides]
    if any(side_rows.empty for side_rows in rows):
        return None
    try:
        comparison = compare(claim, replicates(table, claim, evidence))
    except (EvidenceGap, InputError):
        return " Against it, ".join(map(_range, rows, evidence.sides)), None
    sentence = f"{comparison.metric} is {' against '.join(map(_mean, comparison.sides))}"
    if comparison.against is not None:
        sentence += f": a difference of {comparison.difference:.3g}"
        if math.isfinite(comparison.low):
            sentence += f", 90 % interval [{comparison.low:.3g}, {comparison.high:.3g}]"
    return f"{sentence}.", comparison


def _mean(side: Replicates) -> str:
    spread = f" ± {side.sd:.2g}" if math.isfinite(side.sd) else ""
    diverged = f", {side.diverged} diverged" if side.diverged else ""
    return f"{side.mean:.3g}{spread} (n = {side.n}{diverged})"


def _range(rows: pd.DataFrame, selection: Selection) -> str:
    """Such as "accuracy runs from 0.3 ± 0.1 (n = 5; step 0) to 0.9 ± 0.1 (n = 5; step 400) over 9 cases.".

    A few variants of one protocol are named each, from the highest: "accuracy is 0.9 (n = 1; variant a), …".
    """
    metric = selection["metric"]
    rows = rows.loc[rows["value"].notna()]
    open_columns = [name for name in COLUMNS if name not in FREE and len(distinct(rows, name)) > 1]
    if rows.empty:
        return f"{metric} has no value: every run diverged."
    if not open_columns:
        return f"{metric} is {_spread(rows)})."
    groups = {key: group for key, group in rows.groupby(open_columns, sort=True, observed=True)}
    means = {key: float(group["value"].to_numpy().mean()) for key, group in groups.items()}
    if open_columns == ["metric_variant"] and len(groups) <= LISTED:
        falling = sorted(groups, key=lambda key: -means[key])
        cases = (f"{_spread(groups[key])}; {_named(open_columns, key)})" for key in falling)
        return f"{metric} is {', '.join(cases)}."
    ends = [choose(means, key=lambda key: means[key]) for choose in (min, max)]
    low, high = (f"{_spread(groups[key])}; {_named(open_columns, key)})" for key in ends)
    return f"{metric} runs from {low} to {high} over {len(groups)} cases."


def _spread(rows: pd.DataFrame) -> str:
    values = rows["value"]
    return f"{values.mean():.3g}" + (f" ± {values.std():.2g}" if len(values) > 1 else "") + f" (n = {len(values)}"


def _named(columns: list[str], key: object) -> str:
    values = key if isinstance(key, tuple) else (key,)
    return ", ".join(f"{FAMILIAR.get(name, name)} {value}" for name, value in zip(columns, values, strict=True))
