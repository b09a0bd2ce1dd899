"""A question's answer: one sentence made from what was measured, never a score."""

from __future__ import annotations

import math

import pandas as pd

from replication.foundation.errors import InputError
from replication.table.columns import COLUMNS
from replication.table.validation import distinct
from replication.verdicts.claims import Claim, Evidence, Selection
from replication.verdicts.comparisons import Comparison, compare
from replication.verdicts.evidence import FREE, EvidenceGap, Replicates, replicates, select

LISTED = 10  # cases, at most, that a sentence has each of
FAMILIAR = {"metric_variant": "variant", "n_train": "training images"}  # columns as a reader calls them


def answer(claim: Claim, evidence: Evidence, table: pd.DataFrame) -> tuple[str, Comparison | None] | None:
    """The sentence and the comparison behind it; None where a side has no measurements.

    A question over several steps, classes, data sets or models has no comparison: its sentence names the ends.

    Raises:
        InputError: a selection names a column that is not there.
    """
    selections = [side for side in (evidence.measured, evidence.against) if side is not None]
    rows = [select(table, side) for side in selections]
    if any(one.empty for one in rows):
        return None
    try:
        comparison = compare(claim, replicates(table, claim, evidence))
    except (EvidenceGap, InputError):
        return " Against it, ".join(map(_range, rows, selections)), None
    return _compared(comparison), comparison


def _compared(comparison: Comparison) -> str:
    metric, measured, against = comparison.metric, comparison.measured, comparison.against
    if against is None:
        return f"{metric} is {_mean(measured)}."
    difference = f"{comparison.difference:.3g}"
    if math.isfinite(comparison.low):
        difference += f", 90 % interval [{comparison.low:.3g}, {comparison.high:.3g}]"
    return f"{metric} is {_mean(measured)} against {_mean(against)}: a difference of {difference}."


def _mean(side: Replicates) -> str:
    spread = f" ± {side.sd:.2g}" if math.isfinite(side.sd) else ""
    diverged = f", {side.diverged} diverged" if side.diverged else ""
    return f"{side.mean:.3g}{spread} (n = {side.n}{diverged})"


def _range(rows: pd.DataFrame, selection: Selection) -> str:
    """Such as "accuracy runs from 0.3 ± 0.1 (n = 5; step 0) to 0.9 ± 0.1 (n = 5; step 400) over 9 cases.".

    A few variants of one protocol are named each, from the highest: "accuracy is 0.9 (n = 1; variant a), …".
    """
    metric = selection.get("metric", "The value")
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
