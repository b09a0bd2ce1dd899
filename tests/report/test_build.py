from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.report.__main__ import main
from replication.report.build import build_report


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.integration
def test_a_second_report_has_the_same_bytes_whatever_else_lies_about(repository: Path) -> None:
    first = content(repository / "reports" / "cpu")
    (repository / "outputs/score/cpu/gan/cpu-old").mkdir()
    (repository / "outputs/score/cpu/gan/cpu-old/measurements.csv").write_text("nonsense", encoding="utf-8")
    main([])
    assert content(repository / "reports" / "cpu") == first
    assert {"measurements.csv", "verdicts.json", "provenance.json"} < set(first)


def test_provenance_alone_has_clocks_and_hosts_and_lists_every_file_with_its_hash_and_every_cell(made: Path) -> None:
    files = content(made / "reports/cpu")
    provenance = files.pop("provenance.json")
    written, telling = json.loads(provenance), (b"2020-01-01T00", b"somewhere")
    assert all(word in provenance for word in telling)
    assert not [name for name, data in files.items() if any(word in data for word in telling)]
    assert written["files"] == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert list(written["cells"]) == ["cpu-k1", "cpu-k5", "cpu-digits"]


def test_a_missing_cell_stops_the_report_and_leaves_the_old_one(repository: Path) -> None:
    (repository / "outputs/score/cpu/gan/cpu-k5/measurements.csv").unlink()
    before = content(repository / "reports")
    with pytest.raises(InputError, match="cpu-k5/measurements.csv: run `uv run dvc repro`"):
        build_report(load_params(), "cpu")
    assert content(repository / "reports") == before


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (",toy-k5,", ",toy-k9,", "recipe 'toy-k9', but cell cpu-k5 has 'toy-k5'"),
        ("\ncpu,", "\npaper,", "profile 'paper', but cell cpu-k5 has 'cpu'"),
        (",40,4,", ",40,7,", r"seeds \[0, 1, 2, 3, 7\], but cell cpu-k5 has 0-4"),
    ],
)
def test_a_table_of_another_cell_is_refused(repository: Path, old: str, new: str, sentence: str) -> None:
    path = repository / "outputs/score/cpu/gan/cpu-k5/measurements.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=sentence):
        build_report(load_params(), "cpu")
