"""Columns of the table of measurements: their order, their kinds and the words that some of them may have."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from replication.table.definitions import METRICS

COLUMNS = tuple(
    "profile paper model recipe variant dataset split n_train seed step class metric metric_variant judge replicate "
    "replicate_kind device precision value n_samples unit".split()
)
INTEGERS = ("n_train", "seed", "step", "replicate", "n_samples")
TEXTS = tuple(column for column in COLUMNS if column not in (*INTEGERS, "value"))
KEY = tuple(column for column in COLUMNS if column not in ("value", "n_samples", "unit"))
WHERE = ("device", "precision")
# What a seed is measured in as a whole: its steps, classes and draws come from one device.
OF_A_SEED = tuple(column for column in KEY if column not in (*WHERE, "step", "class", "replicate", "replicate_kind"))
KNOWN: Mapping[str, Collection[str]] = {  # words that a column may have
    "metric": METRICS,
    "replicate_kind": ("training", "label draw", "split", "dataset"),
    "device": ("cpu", "cuda"),
    "precision": ("float32", "tf32", "bfloat16"),
}
