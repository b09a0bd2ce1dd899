"""From the table of measurements to replicates: which rows speak for a claim, and one value per replicate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import BeforeValidator

from replication.foundation.errors import InputError
from replication.table.columns import COLUMNS, INTEGERS, KEY, WHERE
from replication.table.definitions import METRICS
from replication.table.validation import distinct, key_numbers
from replication.verdicts.claims import Claim, Evidence, Selection

FEWEST = 3  # replicates below which nothing is judged
IDENTITY = {"training": "seed", "label draw": "replicate", "split": "replicate", "dataset": "dataset", "class": "class"}
OF_ONE_NETWORK = "seed"  # the unit where nothing is trained: a released network, of which seeds choose what is drawn
FREE = {"seed", "replicate", "value", "n_samples", *WHERE}  # columns that may differ between rows of one side
# As a file of verdicts has it: null stands for NaN there.
Number = Annotated[float, BeforeValidator(lambda value: float("nan") if value is None else value)]


class EvidenceGap(Exception):
    """The measurements cannot speak for a claim; the message is the reason shown, one sentence."""


class NoMeasurements(EvidenceGap):
    """No row at all matches a selection."""


@dataclass(frozen=True)
class Replicates:
    """One side's values, one per replicate, in the order of their ids."""

    metric: str
    unit: str  # what a replicate is: training, label draw, split or dataset; seed where nothing is trained
    step: int  # the step read, in updates
    ids: tuple[int | str, ...]  # seeds of trainings, numbers of draws, names of datasets
    values: tuple[Number, ...]  # a diverged run has the metric's worst value, NaN where that is unbounded
    n: int
    mean: Number  # over the replicates with a value
    sd: Number  # n − 1 in the denominator; NaN below two values
    diverged: int  # replicates with a diverged run
    unbounded: int  # of those, how many have no value because the metric has no worst one

    def finite(self) -> np.ndarray:
        """(n − unbounded,) the values that are numbers."""
        values = np.array(self.values, dtype=np.float64)
        return values[np.isfinite(values)]


@dataclass(frozen=True)
class Sides:
    """The replicates that a claim compares; paired sides have equal ids in equal order."""

    measured: Replicates
    against: Replicates | None
    paired: bool


def select(table: pd.DataFrame, selection: Mapping[str, str | int | float]) -> pd.DataFrame:
    """Rows of a table of measurements whose columns have the selection's values.

    `step` is an integer, "final" (the largest step of the rows that match otherwise) or a share of it such as "25%"
    (the nearest step measured, the earlier of two equally near).
    """
    rows = _matching(table, selection)
    return rows if rows.empty else rows.loc[rows["step"] == _step(rows, selection["step"])]


def replicates(table: pd.DataFrame, claim: Claim, evidence: Evidence) -> Sides:
    """Per-replicate values of both sides; dependent draws of one structure are averaged over the trainings.

    A claim over trainings averages the draws within a seed; a claim over label draws or splits averages each draw
    over the seeds.

    Raises:
        EvidenceGap: no rows, another budget, a hole in the grid, unequal pairs or too few replicates.
        InputError: a selection leaves a column open, so that different things would be averaged.
    """
    measured = _side(table, claim.replicate_unit, evidence.measured, evidence.budget, claim.id)
    if evidence.against is None:
        return Sides(measured, None, False)
    against = _side(table, claim.replicate_unit, evidence.against, evidence.budget, claim.id)
    if claim.replicate_unit == "class":
        return Sides(_agreement(measured, against, evidence.reversed_classes), None, False)
    if evidence.paired and measured.ids != against.ids:
        lone = sorted(set(map(str, measured.ids)) ^ set(map(str, against.ids)))
        raise EvidenceGap(f"The comparison is paired, but only one side has {measured.unit} {', '.join(lone)}.")
    return Sides(measured, against, evidence.paired)


def _agreement(measured: Replicates, against: Replicates, reversed_classes: Sequence[str]) -> Replicates:
    """For each class whether the means over seeds lie as published: measured above, or below where it is reversed."""
    both = [label for label in measured.ids if label in against.ids]
    ours, theirs = (dict(zip(side.ids, side.values, strict=True)) for side in (measured, against))
    agrees = [float((ours[label] > theirs[label]) != (str(label) in reversed_classes)) for label in both]
    counted = replace(measured, metric="class_agreement", ids=tuple(both), values=tuple(agrees), n=len(both))
    return replace(counted, mean=float(np.mean(agrees)), sd=float(np.std(agrees, ddof=1)), diverged=0, unbounded=0)


def require_enough(sides: Sides) -> None:
    """Raise EvidenceGap where a side has fewer than FEWEST replicates."""
    for side in (sides.measured, sides.against):
        if side is not None and side.n < FEWEST:
            raise EvidenceGap(f"{side.n} of at least {FEWEST} replicates ({side.unit}) of {side.metric} are measured.")


def _matching(table: pd.DataFrame, selection: Selection) -> pd.DataFrame:
    places: np.ndarray | slice = slice(None)
    for column, wanted in sorted(selection.items(), key=lambda item: item[0] != "metric"):  # the narrowest first
        if column != "step":
            values = table[column].array
            if isinstance(values, pd.Categorical):
                same = values.codes[places] == values.categories.get_indexer(pd.Index([str(wanted)], dtype=object))[0]
            else:
                same = values.to_numpy()[places] == (wanted if column in INTEGERS else str(wanted))
            places = np.flatnonzero(same) if isinstance(places, slice) else places[same]
    return table.iloc[places]


def _step(rows: pd.DataFrame, wanted: str | int | float) -> int:
    steps = np.unique(rows["step"].to_numpy(dtype=np.int64))
    if not isinstance(wanted, str):
        return int(wanted)
    share = 1.0 if wanted == "final" else float(wanted.removesuffix("%")) / 100
    return int(steps[np.argmin(np.abs(steps - share * steps[-1]))])


def _side(table: pd.DataFrame, unit: str, selection: Selection, budget: int | None, claim: str) -> Replicates:
    matching = _matching(table, selection)
    if unit == "class":
        matching = matching.loc[matching["class"] != "all"]
    if matching.empty:
        raise NoMeasurements("No measurements match: " + ", ".join(f"{k} {v}" for k, v in selection.items()) + ".")
    last = int(matching["step"].to_numpy().max())
    if budget is not None and last != budget:
        raise EvidenceGap(f"The runs measured end after {last} updates, the claim's protocol after {budget}.")
    rows = matching.loc[matching["step"] == _step(matching, selection["step"])]
    _require_one_thing(rows, unit, selection, claim)
    identity = IDENTITY[unit]
    for column in ("seed", identity):
        missing = sorted(set(distinct(matching, column)) - set(distinct(rows, column)))
        if missing:
            named = ", ".join(map(str, missing))
            raise EvidenceGap(f"Step {selection['step']} is not measured for {column} {named}.")
    return _reduced(rows, unit, identity)


def _require_one_thing(rows: pd.DataFrame, unit: str, selection: Selection, claim: str) -> None:
    """A selection must leave nothing open but what varies between replicates."""
    free = FREE | {"dataset": {"dataset", "n_train", "split"}, "class": {"class"}}.get(unit, set())
    for column in COLUMNS:
        values = distinct(rows, column) if column not in free else ()
        if len(values) > 1:
            named = ", ".join(sorted(map(str, values))[:6])
            raise InputError(f"Claim {claim} leaves {column} open ({named}): add it to {dict(selection)}.")
    numbers = key_numbers(rows, [column for column in KEY if column not in WHERE])
    if len(np.unique(numbers)) < len(rows):
        named = ", ".join(distinct(rows, "device"))
        raise InputError(f"Claim {claim} counts a seed on each device ({named}): add device to {dict(selection)}.")
    kinds = set(distinct(rows, "replicate_kind"))
    if unit in ("label draw", "split") and kinds != {unit}:
        raise EvidenceGap(f"The claim's replicate is a {unit}, but the measurements vary the {kinds.pop()}.")


def _reduced(rows: pd.DataFrame, unit: str, identity: str) -> Replicates:
    metric = str(rows["metric"].iloc[0])
    worst = METRICS[metric].worst
    numbers = key_numbers(rows, [identity])
    order = np.argsort(numbers, kind="stable")
    ids, starts, sizes = np.unique(numbers[order], return_index=True, return_counts=True)
    if sizes.min() < sizes.max():
        raise EvidenceGap(
            f"Each {unit} should hold as many values of {metric}, but they hold {sizes.min()} to {sizes.max()}."
        )
    raw = rows["value"].to_numpy(dtype=np.float64)[order].reshape(len(ids), -1)  # [replicates, values of each]
    diverged = ~np.isfinite(raw)
    values = np.where(diverged, np.nan if worst is None else worst, raw).mean(axis=1)
    finite = values[np.isfinite(values)]
    if unit == "training" and distinct(rows, "model") == ["released"]:
        unit = OF_ONE_NETWORK
    return Replicates(
        metric=metric,
        unit=unit,
        step=int(rows["step"].iloc[0]),
        ids=tuple(rows[identity].iloc[order[starts]].tolist()),
        values=tuple(values.tolist()),
        n=len(values),
        mean=float(finite.mean()) if len(finite) else float("nan"),
        sd=float(finite.std(ddof=1)) if len(finite) > 1 else float("nan"),
        diverged=int(diverged.any(axis=1).sum()),
        unbounded=len(values) - len(finite),
    )
