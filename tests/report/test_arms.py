from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from replication.report.arms import arms
from replication.report.score_tables import score_tables
from replication.table.measurements import Measurement, to_table
from tests import hand_made

ROW = replace(
    hand_made.ROW, paper="dcgan2015", model="dcgan", recipe="digits", dataset="digits", n_train=100, step=50,
    metric="judge_score", value=0.0, n_samples=10,
)  # fmt: skip


def table_of(rows: list[dict[str, object]]) -> pd.DataFrame:
    return to_table([Measurement(**{**ROW.__dict__, **row}) for row in rows])  # type: ignore[arg-type]


def test_an_arm_is_shown_at_its_last_step_and_untrained() -> None:
    metric = "reconstruction_error"  # of the group that this figure draws; any of them has this shape
    rows = [
        {"metric": metric, "metric_variant": name, "seed": seed, "step": step, "value": step + seed / 10}
        for name, steps in (("ours", (0, 25, 50)), ("control", (0,)))
        for seed in (0, 1)
        for step in steps
    ]
    drawn = arms(table_of(rows)).groupby(["arm", "untrained"])["value"].apply(list).to_dict()
    assert drawn == {("control", False): [0.0, 0.1], ("ours", False): [50.0, 50.1], ("ours", True): [0.0, 0.1]}


def test_scores_stand_beside_their_references_with_n_and_spread() -> None:
    rows = [{"seed": seed, "value": value, "judge": "j"} for seed, value in ((0, 4.0), (1, 6.0), (2, np.nan))]
    rows += [{"seed": 0, "step": 0, "value": 99.0, "judge": "j"}]  # untrained: not the last step
    rows += [{"model": "real", "recipe": "test", "paper": "background", "step": 0, "value": 9.5, "judge": "j"}]
    rows += [{"seed": seed, "metric": "duplicate_rate", "value": 0.25} for seed in (0, 1, 2)]
    (grid,) = score_tables(table_of(rows))
    assert grid.header == ("run", "trained on", "judge score ↑", "duplicate rate ↓")
    assert grid.rows == (
        ("dcgan digits (paper)", "full, 100", "5.0 ± 1.4 (3, 1 diverged)", "0.25 (3)"),
        ("real test (paper)", "full, 100", "9.5 (1)", "–"),
    )
    assert "Judged by: j." in grid.note and grid.title.endswith(", digits")


def test_a_table_of_one_line_compares_nothing() -> None:
    assert score_tables(table_of([{"value": 4.0}])) == ()
