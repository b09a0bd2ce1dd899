"""The table of runs: each cell's seconds where they belong, and their sum."""

from __future__ import annotations

from replication.report.appendices import runs

HASHES = {"code_sha256": "a" * 64, "params_sha256": "b" * 64, "data_sha256": "c" * 64, "recorded": False}
TRAINED = {
    **HASHES,
    "seeds": [0, 1],
    "updates": 350,
    "clock": {"started": "2020-01-01T00:00:00+00:00", "duration_s": 72.4, "host": "somewhere", "scoring_s": 6.7},
    "environment": {"device": "A card", "threads": 8},
}
EXPERIMENT = {
    **HASHES,
    "seeds": [0],
    "clock": {"started": "2020-01-01T00:00:00+00:00", "duration_s": 0.5, "host": "somewhere"},
    "environment": {"device": "A processor"},
}


def test_a_row_has_a_cell_s_seconds_and_device_and_the_last_the_sum() -> None:
    grid = runs({"cpu-one": TRAINED, "cpu-two": EXPERIMENT})
    assert [row[:8] for row in grid.rows] == [
        ("cpu-one", "0–1", "350", "–", "72.4", "6.7", "A card", "8"),
        ("cpu-two", "0", "–", "–", "0.5", "–", "A processor", "–"),
        ("all", "3 in all", "–", "–", "72.9", "6.7", "–", "–"),
    ]
    assert {len(row) for row in grid.rows} == {len(grid.header)}
