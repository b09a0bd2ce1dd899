"""Tables of the report: scores, runs, faults and hostile input; numbers and words in them."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from replication.foundation.errors import InputError
from replication.report.appendices import runs
from replication.report.arms import arms
from replication.report.score_tables import score_tables
from replication.report.wording import (
    SHAPES,
    decimals_of,
    difference,
    measured,
    minus_signs,
    seed_range,
    sides,
    slug,
    value_in_words,
)
from replication.table.grids import Grid, number
from replication.table.measurements import Measurement, to_table
from replication.table.robustness import read_robustness, write_robustness
from replication.verdicts.comparisons import compare
from replication.verdicts.evidence import Replicates, replicates
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
    assert score_tables(table_of([{"value": 4.0}])) == ()


@pytest.mark.parametrize(("better", "probability"), [("lower", 0.8), ("higher", 0.2)])
def test_a_superiority_is_shown_by_medians_and_the_share_of_pairs_that_the_measured_side_wins(
    better: Any, probability: float
) -> None:
    """Means would tell the other way: one training of five is far out."""
    values, others = [1.0, 2.0, 3.0, 4.0, 1000.0], [10.0, 20.0, 30.0, 40.0, 50.0]
    evidence = hand_made.evidence(against=True)
    claim = hand_made.claim("superiority", better=better, evidence=evidence)
    table = hand_made.against(hand_made.runs(values), hand_made.runs(others))
    comparison = compare(claim, replicates(table, claim, evidence))
    assert sides(claim, comparison) == "median 3, 202 ± 446 (n = 5) against median 30, 30 ± 16 (n = 5)"
    text = difference(claim, comparison)
    assert text.startswith("P = ") and float(text.split()[2]) == pytest.approx(probability)
    low, high = (float(end) for end in text.partition("[")[2].rstrip("]").split(", "))
    assert low < probability < high


def test_a_row_has_a_cell_s_seconds_and_device_and_the_last_the_sum() -> None:
    hashes = {"code_sha256": "a" * 64, "params_sha256": "b" * 64, "data_sha256": "c" * 64, "recorded": False}
    clock = {"started": "2020-01-01T00:00:00+00:00", "host": "somewhere"}
    trained = {"seeds": [0, 1], "updates": 350, "clock": {**clock, "duration_s": 72.4, "scoring_s": 6.7},
               "environment": {"device": "A card", "threads": 8}}  # fmt: skip
    experiment = {"seeds": [0], "clock": {**clock, "duration_s": 0.5}, "environment": {"device": "A processor"}}
    grid = runs({"cpu-a": hashes | trained, "cpu-b": hashes | experiment})
    assert [row[:8] for row in grid.rows] == [
        ("cpu-a", "0–1", "350", "–", "72.4", "6.7", "A card", "8"),
        ("cpu-b", "0", "–", "–", "0.5", "–", "A processor", "–"),
        ("all", "3 in all", "–", "–", "72.9", "6.7", "–", "–"),
    ]
    assert {len(row) for row in grid.rows} == {len(grid.header)}


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(0.123456, None, "0.123"), (-1.38629, None, "−1.39"), (320000.0, None, "320000"), (math.nan, None, "–"),
     (None, 2, "–"), (-0.00001, 2, "0.00"), (1.005, 1, "1.0"), (-2.5e-7, None, "−2.5e−07")],
)  # fmt: skip
def test_numbers(value: float | None, decimals: int | None, text: str) -> None:
    assert number(value, decimals) == text


@pytest.mark.parametrize(("spread", "decimals"), [(0.041, 3), (2.3, 1), (66.0, 0), (0.0, None), (math.nan, None)])
def test_decimals_show_two_digits_of_the_spread(spread: float, decimals: int | None) -> None:
    assert decimals_of(spread) == decimals


def side(**changed: Any) -> Replicates:
    unset = {field.name: 0 for field in fields(Replicates)}
    return Replicates(**{**unset, "metric": "hit_rate", "unit": "training", "n": 3, "mean": 0.6, "sd": 0.1, **changed})


def test_a_mean_never_stands_without_n_or_without_the_diverged() -> None:
    assert measured(side()) == "0.60 ± 0.10 (n = 3)"
    assert measured(side(diverged=1)) == "0.60 ± 0.10 (n = 3, 1 diverged)"
    assert measured(side(sd=math.nan, n=1)) == "0.6 (n = 1)"


def test_every_verdict_has_a_shape_of_its_own() -> None:
    assert len({shape.symbol for shape in SHAPES.values()}) == len(SHAPES)
    assert len({(shape.marker, shape.filled) for shape in SHAPES.values()}) == len(SHAPES)


def test_small_words() -> None:
    assert slug("not replicated") == "not-replicated"
    assert seed_range([0, 1, 2, 3]) == "0–3" and seed_range([4]) == "4" and seed_range([0, 2]) == "0, 2"
    assert minus_signs("in [-0.1, 2] of one-2 x-1 at -5") == "in [−0.1, 2] of one-2 x-1 at −5"
    nested = {"hidden": [4, 8], "rate": 1e-3, "on": True, "none": None}
    assert value_in_words(nested) == "hidden [4, 8], rate 0.001, on yes, none –"


GRID = Grid("Injected faults", "All of them.", ("call", "n"), (("write", "3"), ("rename", "2")))


def test_tables_are_read_as_they_were_written_and_by_name(tmp_path: Path) -> None:
    other = Grid("Fuzz", "", ("kind",), (("a < b & é",),))
    write_robustness(GRID, tmp_path / "faults.json")
    write_robustness(other, tmp_path / "a.json")
    assert read_robustness(tmp_path) == (other, GRID)
    assert read_robustness(tmp_path / "nowhere") == ()


@pytest.mark.parametrize(
    "written",
    ["{", "[" * 100_000, "[]", '{"title": "a"}', '{"title": "a", "note": "", "header": ["n"], "rows": [[1]]}',
     '{"title": "a", "note": "", "header": ["call", "n"], "rows": [["write"]]}'],
)  # fmt: skip
def test_what_is_no_table_is_refused_by_name(tmp_path: Path, written: str) -> None:
    (tmp_path / "faults.json").write_text(written)
    with pytest.raises(InputError, match="faults.json"):
        read_robustness(tmp_path)
