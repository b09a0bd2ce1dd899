"""Tables of faults and hostile input: what the tools write is what the page shows, and anything else is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from replication.foundation.errors import InputError
from replication.table.grids import Grid
from replication.table.robustness import read_robustness, write_robustness

GRID = Grid("Injected faults", "All of them.", ("call", "n"), (("write", "3"), ("rename", "2")))


def test_tables_are_read_as_they_were_written_and_by_name(tmp_path: Path) -> None:
    other = Grid("Fuzz", "", ("kind",), (("a < b & é",),))
    write_robustness(GRID, tmp_path / "faults.json")
    write_robustness(other, tmp_path / "a.json")
    assert read_robustness(tmp_path) == (other, GRID)
    assert read_robustness(tmp_path / "nowhere") == ()


@pytest.mark.parametrize(
    "written",
    [
        "{",
        "[" * 100_000,
        "[]",
        '{"title": "a"}',
        '{"title": "a", "note": "", "header": ["n"], "rows": [[1]]}',
        '{"title": "a", "note": "", "header": ["call", "n"], "rows": [["write"]]}',
    ],
)
def test_what_is_no_table_is_refused_by_name(tmp_path: Path, written: str) -> None:
    (tmp_path / "faults.json").write_text(written)
    with pytest.raises(InputError, match="faults.json"):
        read_robustness(tmp_path)
