"""What a stranger's provenance, rows and samples can say; what is committed says nothing else."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.record import take_in
from replication.report.bounds import check_rows
from replication.report.cells import read_samples
from replication.report.provenance import read_block, read_report
from replication.table.measurements import read_table, table_in
from tests.in_small import ROOT
from tests.record.conftest import Content, archive, files, of_cell

KEY = "paper-k5"
Row = dict[str, str]


@pytest.mark.integration
def test_what_is_committed_is_accepted() -> None:
    blocks, reports = sorted(ROOT.glob("reports/recorded/*")), sorted(ROOT.glob("reports/*/provenance.json"))
    assert len(blocks) >= 48 and len(reports) == 2
    for folder in blocks:
        provenance = read_block(folder / "provenance.json")
        trained = "scoring_sha256" in provenance
        check_rows(read_table(table_in(folder)), provenance, trained, folder)
        read_samples(folder / "samples.npz")
    for path in reports:
        read_report(path)
        check_rows(read_table(table_in(path.parent)), {}, False, path)


PROVENANCE: dict[str, dict[str, Any]] = {
    "a clock of text": {"clock": {"started": "x", "duration_s": "many", "host": "h"}},
    "a clock before 0": {"clock": {"duration_s": -1e9}},
    "a clock that is no number": {"clock": {"duration_s": float("nan")}},
    "usage of text": {"clock": {"usage": {"memory": "x"}}},
    "an environment of lists": {"environment": {"device": ["a", "b"]}},
    "an environment without end": {"environment": {"threads": float("inf")}},
    "an unknown key without end": {"note": [float("nan")]},
    "updates of text": {"updates": "100"},
    "a mapping left out": {"left_out": {"a": 1}},
    "seeds that are none": {"diverged_seeds": {"x": "y"}},
    "a list of seeds": {"diverged_seeds": [1]},
    "a device of another kind": {"device": "tpu"},
}


def refused(repository: Path, content: Content) -> str:
    before = files(repository)
    with pytest.raises(InputError) as error:
        take_in([archive(content)], load_params())
    assert files(repository) == before and "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", PROVENANCE)
def test_another_provenance_is_refused(repository: Path, elsewhere: Content, name: str) -> None:
    content = of_cell(elsewhere, KEY)
    provenance = json.loads(content[f"{KEY}/provenance.json"]) | PROVENANCE[name]
    sentence = refused(repository, {**content, f"{KEY}/provenance.json": json.dumps(provenance).encode()})
    assert next(iter(PROVENANCE[name])) in sentence


ROWS: dict[str, tuple[str, Callable[[Row], str]]] = {
    "a share below 0": ("value", lambda row: "-37.5" if row["unit"] == "share" else row["value"]),
    "a score beyond float32": ("value", lambda row: "1e300"),
    "no samples": ("n_samples", lambda row: "0"),
    "no training samples": ("n_train", lambda row: "0"),
    "a step after the last": ("step", lambda row: str(1000 * int(row["step"]))),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_beyond_their_bounds_are_refused(repository: Path, elsewhere: Content, name: str) -> None:
    content = of_cell(elsewhere, KEY)
    lines = content[f"{KEY}/measurements.csv"].decode().splitlines()
    (column, change), columns, written = ROWS[name], lines[0].split(","), [lines[0]]
    for line in lines[1:]:
        row = dict(zip(columns, line.split(","), strict=True))
        written.append(",".join({**row, column: change(row)}.values()))
    table = "\n".join([*written, ""]).encode()
    assert f" {column} " in refused(repository, {**content, f"{KEY}/measurements.csv": table})


SAMPLES: dict[str, dict[str, np.ndarray]] = {
    "points in space": {"points": np.zeros((3, 20, 3))},
    "a single point": {"points": np.array(1.0)},
    "data in space": {"points": np.zeros((3, 20, 2)), "real": np.zeros((5, 3))},
    "points nowhere": {"points": np.full((3, 20, 2), np.nan)},
    "early points nowhere": {"early_points": np.full((3, 20, 2), np.inf)},
    "data nowhere": {"points": np.zeros((3, 20, 2)), "real": np.full((5, 2), np.nan)},
}


@pytest.mark.parametrize("name", SAMPLES)
def test_points_that_no_figure_shows_are_refused(repository: Path, elsewhere: Content, name: str) -> None:
    stream = io.BytesIO()
    np.savez(stream, **SAMPLES[name])  # type: ignore[arg-type]
    sentence = refused(repository, {**of_cell(elsewhere, KEY), f"{KEY}/samples.npz": stream.getvalue()})
    assert "samples.npz: " in sentence


def test_points_of_a_seed_that_diverged_may_be_nowhere(repository: Path, elsewhere: Content) -> None:
    content, stream = of_cell(elsewhere, KEY), io.BytesIO()
    np.savez(stream, points=np.array([[[np.nan] * 2] * 20, *[[[0.0] * 2] * 20] * 2]))
    provenance = json.loads(content[f"{KEY}/provenance.json"]) | {"diverged_seeds": {"0": 50}}
    changed = {"provenance.json": json.dumps(provenance).encode(), "samples.npz": stream.getvalue()}
    take_in([archive({**content, **{f"{KEY}/{name}": data for name, data in changed.items()}})], load_params())
    assert (repository / "reports" / "recorded" / KEY / "samples.npz").read_bytes() == stream.getvalue()
