"""What measurements of a block can be: numbers that a metric can have, of some samples, at steps that were trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from replication.foundation.errors import InputError
from replication.table.definitions import METRICS

SHARES = ("share", "accuracy", "0/1")  # units of numbers from 0 to 1
UNBIASED = ("component_class_share", "component_variance_share")  # estimates that chance may carry out of 0 to 1
ROUNDING = 1e-6  # of sums in float32
LARGEST = 1e100  # networks compute in float32: no score of theirs, nor its square, comes near


def check_rows(table: pd.DataFrame, provenance: Mapping[str, Any], trained: bool, where: Path) -> None:
    """Hold a block's table against the bounds of its metrics; `trained`: by the updates of its provenance.

    Raises:
        InputError: a row has a value, a number of samples or a step that no measurement has.
    """
    values, steps = (table[name].to_numpy() for name in ("value", "step"))
    shares = [name for name, metric in METRICS.items() if metric.unit in SHARES and name not in UNBIASED]
    bounded = table["metric"].isin(shares).to_numpy(dtype=bool)
    outside = bounded & ((values < -ROUNDING) | (values > 1 + ROUNDING))
    rules = (
        (outside, "value", "lies outside 0 to 1"),
        (np.isfinite(values) & (np.abs(values) > LARGEST), "value", "is larger than any score"),
        (table["n_samples"].to_numpy() < 1, "n_samples", "is no number of samples"),
        (table["n_train"].to_numpy() < 1, "n_train", "is no number of training samples"),
    )
    updates = provenance.get("updates")
    if trained and updates is not None:
        rules += ((steps > updates, "step", f"lies beyond the {updates} updates of the training"),)
    for wrong, column, clause in rules:
        if wrong.any():
            row = table.iloc[int(wrong.argmax())]
            named = f"{row['metric']}, seed {row['seed']}, step {row['step']}"
            raise InputError(f"{where}: {column} {row[column]:g} of {named}, {clause}: measure that cell again.")
