"""A few measurements that differ in what a table must keep: seeds, NaN, classes, judges, draws of labels."""

from __future__ import annotations

import math
from dataclasses import replace

from replication.table.measurements import Measurement

ROW = Measurement("cpu", "gan2014", "gan", "toy-k1", "paper", "toy-bimodal", "full", 400, 3, 100, "success", 1.0, 2000)
ROWS = (
    ROW,
    replace(ROW, seed=11, value=0.1 + 0.2),
    replace(ROW, seed=2, value=math.nan),
    replace(ROW, metric="judge_share", class_="7", judge="digits-classifier", value=1e-17),
    replace(ROW, metric="probe_accuracy", metric_variant="limited-labels", replicate=4, replicate_kind="label draw"),
)
