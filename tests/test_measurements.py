"""The one table: what goes in comes out, in one order of bytes, and nothing else gets in."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from replication.foundation.errors import InputError
from replication.table.columns import COLUMNS
from replication.table.measurements import each_seed_once, join_tables, read_table, table_in, to_table, write_table
from tests.rows_in_small import ROW, ROWS


def test_a_table_comes_back_as_it_was(tmp_path: Path) -> None:
    table = to_table(ROWS)
    write_table(table, tmp_path / "a.csv")
    found = read_table(tmp_path / "a.csv")
    key = ["metric", "seed"]
    pd.testing.assert_frame_equal(
        found.sort_values(key, ignore_index=True), table.sort_values(key, ignore_index=True), check_exact=True
    )
    assert tuple(found.columns) == COLUMNS
    assert set(found["unit"]) == {"0/1", "share", "accuracy"}
    assert found["metric_variant"].tolist().count("") == 4  # an empty text, not NaN
    assert str(found.dtypes["seed"]) == "int64" and str(found.dtypes["value"]) == "float64"


def test_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    write_table(to_table(ROWS), tmp_path / "a.csv")
    write_table(to_table(ROWS[::-1]), tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    lines = (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()
    assert [int(line.split(",")[8]) for line in lines[1:]] == [2, 3, 3, 3, 11]  # by number, not by digits
    assert ",NaN," in lines[1] and ",0.30000000000000004," in lines[5]
    write_table(read_table(tmp_path / "a.csv"), tmp_path / "c.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "c.csv").read_bytes()


def test_no_rows_are_a_table_too_and_no_file_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no table of measurements at .*a.csv: run `uv run dvc repro`"):
        read_table(tmp_path / "a.csv")
    write_table(to_table([]), tmp_path / "a.csv")
    assert len(read_table(tmp_path / "a.csv")) == 0
    assert len(join_tables([])) == 0


WRONG: dict[str, tuple[Callable[[str], str], str]] = {
    "unknown metric": (lambda text: text.replace(",success,", ",succes,"), "unknown metrics ['succes']; known: ["),
    "unit": (lambda text: text.replace(",0/1", ",share"), "a unit other than its definition's ('success')"),
    "column": (lambda text: text.replace("n_samples", "samples", 1), "['n_samples', 'samples']; expected ['profile',"),
    "seed": (lambda text: text.replace(",400,11,", ",400,eleven,"), "Column seed of"),
    "no seed": (lambda text: text.replace(",400,11,", ",400,,"), "Column seed of"),
    "value": (lambda text: text.replace(",NaN,", ",none,"), "Column value of"),
    "no value": (lambda text: text.replace(",NaN,", ",,"), "Column value of"),
    "kind": (lambda text: text.replace(",training,", ",draw,"), "replicate kinds ['draw']; known: ['dataset', "),
    "nothing": (lambda text: "", "is not a CSV table of measurements"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_table_is_named(tmp_path: Path, name: str) -> None:
    damage, sentence = WRONG[name]
    path = tmp_path / "a.csv"
    write_table(to_table(ROWS), path)
    before = path.read_text(encoding="utf-8")
    path.write_text(damage(before), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != before
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert sentence in str(caught.value) and str(path) in str(caught.value)


def test_rows_that_measure_the_same_thing_are_refused_and_a_new_value_is_no_new_thing() -> None:
    with pytest.raises(InputError, match="rows given measures the same thing twice"):
        to_table([ROW, replace(ROW, value=0.5)])
    tables = [to_table([ROW]), to_table([replace(ROW, seed=4)])]
    assert join_tables(tables)["seed"].tolist() == [3, 4]
    with pytest.raises(InputError, match="the cells measures the same thing twice"):
        join_tables([*tables, tables[0]], "the cells")


def test_a_seed_counts_once_on_the_profiles_own_device() -> None:
    rows = [
        replace(ROW, seed=seed, metric=metric, step=step, device=device, value=value)
        for seed, metric, step, device, value in (
            (0, "success", 100, "cpu", 0.0),  # measured on both
            (0, "success", 100, "cuda", 1.0),
            (1, "success", 100, "cpu", 2.0),  # on the processor alone
            (2, "success", 100, "cuda", 3.0),
            (2, "success", 50, "cpu", 4.0),  # another step of a metric that the GPU measured
            (2, "hit_rate", 100, "cpu", 5.0),  # a metric that it did not
        )
    ]
    table = to_table(rows)
    assert each_seed_once(table, "cuda")["value"].tolist() == [1.0, 2.0, 3.0, 5.0]
    assert each_seed_once(table, "cpu")["value"].tolist() == [0.0, 2.0, 4.0, 5.0]
    alone = to_table([ROW])
    assert each_seed_once(alone, "cpu") is alone and each_seed_once(alone, "cuda")["value"].tolist() == [1.0]


def test_a_device_is_part_of_what_identifies_a_row() -> None:
    both = [ROW, replace(ROW, device="cuda"), replace(ROW, device="cuda", precision="tf32")]
    assert len(to_table(both)) == 3
    for column, strange in (("device", "tpu"), ("precision", "float16"), ("metric", "perceptual")):
        with pytest.raises(InputError, match=f"unknown {column}s"):  # before it is written
            to_table([replace(ROW, **{column: strange})])


def test_a_packed_table_reads_as_the_plain_one_and_is_packed_alike_each_time(tmp_path: Path) -> None:
    table = to_table([ROW, replace(ROW, seed=7)])
    plain, packed = tmp_path / "measurements.csv", tmp_path / "measurements.csv.gz"
    write_table(table, plain)
    assert table_in(tmp_path) == plain
    write_table(table, packed)
    first = packed.read_bytes()
    write_table(table, packed)
    assert packed.read_bytes() == first and gzip.decompress(first) == plain.read_bytes()
    assert table_in(tmp_path) == packed
    pd.testing.assert_frame_equal(read_table(packed), read_table(plain))
