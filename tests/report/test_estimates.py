"""The table of estimated times: hours where all was measured, what is missing where it was not."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from replication.errors import InputError
from replication.report.estimates import CellEstimate, Estimates, ProfileEstimate, estimate_grid

ONE = CellEstimate("paper-one", "gan", 5, 1000, 1000, "dense", 4.0, "cuda", "case-a", 0.5, 3600.0)
TWO = replace(ONE, cell="paper-two", seeds=10, updates=200_000, case="case-b", of_case=2.0, seconds=1800.0)
BARE = replace(ONE, cell="paper-three", model="dcgan", kind="convolutional", case="", of_case=None, seconds=None)
COMMAND = "uv run python -m benchmarks.speed training --device cuda"


def written(folder: Path, *profiles: ProfileEstimate) -> Path:
    path = folder / "estimates.json"
    path.write_text(json.dumps(asdict(Estimates(profiles))), encoding="utf-8")
    return path


def test_hours_of_a_model_are_the_sum_of_its_cells(tmp_path: Path) -> None:
    more = replace(TWO, cell="paper-more", of_case=4.0)
    grid = estimate_grid(
        written(tmp_path, ProfileEstimate("paper", ("training-cuda.json (A GPU)",), (), (ONE, TWO, more)))
    )
    cases = "case-a (0.5 times), case-b (2 to 4 times)"
    assert grid.rows == (
        ("paper", "gan", "3", "25", "4", "2", cases),  # 5 × 1000 and twice 10 × 200 000 updates; 3600 and twice 1800 s
        ("paper", "all", "3", "25", "4", "2", cases),
    )
    assert "Rates of training-cuda.json (A GPU)." in grid.note and "missing" not in grid.note
    assert {len(row) for row in grid.rows} == {len(grid.header)}


def test_one_cell_without_a_rate_leaves_no_hours(tmp_path: Path) -> None:
    grid = estimate_grid(written(tmp_path, ProfileEstimate("paper", (), (COMMAND,), (ONE, BARE))))
    gan, dcgan, both = grid.rows
    assert gan[5] == "1"
    assert dcgan[5:] == both[5:] == ("–", "no measured rate on cuda (convolutional)")
    assert f"Rates of no file. What is missing is measured by `{COMMAND}`." in grid.note


def test_without_a_file_the_table_says_so_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    grid = estimate_grid(tmp_path / "estimates.json")
    assert grid.rows == () and "None is written: run `uv run python -m replication.estimate --write`." in grid.note
    path = written(tmp_path, ProfileEstimate("paper", (), (), (ONE,)))
    path.write_text(path.read_text(encoding="utf-8").replace("seeds", "seed"), encoding="utf-8")
    with pytest.raises(InputError, match="unexpected keyword argument"):
        estimate_grid(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="holds no estimates"):
        estimate_grid(path)
