"""Generated rows are a valid table of any size, and the page of a million of them is made within its limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.speed import rows
from benchmarks.speed.rows import SPREAD, STEP, cost_of, generated, prepared
from replication.table.measurements import read_table, table_in, write_table
from tests.hand_made import runs

ROOT = Path(__file__).parents[2]
MOST_SECONDS, MOST_GIGABYTES = 30.0, 1.5  # of a million rows; ten times the rows may take 60 s and 4 GB


def test_generated_rows_are_a_valid_table_with_more_seeds_and_recipes(tmp_path: Path) -> None:
    base = runs([0.25, 0.5, 0.75])
    table = generated(base, 28)  # ten copies: three recipes, four blocks of seeds of which the last is not whole
    write_table(table, tmp_path / "a.csv")
    read = read_table(tmp_path / "a.csv")
    assert len(read) == 30 and len(set(read["recipe"])) == 3
    assert sorted({seed // STEP for seed in read["seed"]}) == [0, 1, 2, 3]
    original = base["value"].to_numpy()
    assert table["value"].to_numpy()[:3].tolist() == original.tolist()
    assert np.allclose(table["value"].to_numpy().reshape(-1, 3), original, rtol=6 * SPREAD)
    assert generated(base, 28).equals(table)


@pytest.mark.slow
def test_the_page_of_a_million_rows_is_made_within_its_limits(tmp_path: Path) -> None:
    """Seconds of processor, for other work may share the core."""
    pytest.importorskip("pyarrow")
    count = prepared(tmp_path, 1_000_000)
    assert count > 1_000_000 and table_in(tmp_path / "reports" / rows.PROFILE).suffix == ".parquet"
    cost = cost_of("page", tmp_path, count)
    assert (tmp_path / "reports/index.html").stat().st_size > 100_000
    assert cost.processor < MOST_SECONDS and cost.gigabytes < MOST_GIGABYTES, cost
