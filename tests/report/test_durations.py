"""The table of recorded times: each cell's seconds where they belong, and their sum."""

from __future__ import annotations

from replication.report.appendices import durations

TRAINED = {
    "seeds": [0, 1],
    "updates": 350,
    "clock": {"started": "2020-01-01T00:00:00+00:00", "duration_s": 72.4, "host": "somewhere", "scoring_s": 6.7},
    "environment": {"device": "A card", "threads": 8},
}
EXPERIMENT = {
    "seeds": [0],
    "clock": {"started": "2020-01-01T00:00:00+00:00", "duration_s": 0.5, "host": "somewhere"},
    "environment": {"device": "A processor"},
}


def test_a_row_has_a_cell_s_seconds_and_device_and_the_last_the_sum() -> None:
    grid = durations({"cpu-one": TRAINED, "cpu-two": EXPERIMENT})
    assert grid.rows == (
        ("cpu-one", "2", "350", "72.4", "6.7", "A card", "8"),
        ("cpu-two", "1", "–", "0.5", "–", "A processor", "–"),
        ("all", "3", "–", "72.9", "6.7", "–", "–"),
    )
    assert {len(row) for row in grid.rows} == {len(grid.header)}
