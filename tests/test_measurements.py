"""The one table: what goes in comes out, in one order of bytes, as CSV or Parquet, and nothing else gets in."""

from __future__ import annotations

import builtins
import gzip
import json
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.table import measurements
from replication.table.columns import COLUMNS, KEY
from replication.table.measurements import Measurement, each_seed_once, join_tables, read_table, to_table, write_table
from replication.table.parquet import write_parquet
from replication.table.validation import key_numbers

MANY, PARQUET = measurements.MANY, measurements.PARQUET
# They differ in what a table must keep: seeds, NaN, classes, judges, draws of labels.
ROW = Measurement("cpu", "gan2014", "gan", "toy-k1", "paper", "toy-bimodal", "full", 400, 3, 100, "success", 1.0, 2000)
ROWS = (
    ROW,
    replace(ROW, seed=11, value=0.1 + 0.2),
    replace(ROW, seed=2, value=math.nan),
    replace(ROW, metric="judge_share", class_="7", judge="digits-classifier", value=1e-17),
    replace(ROW, metric="probe_accuracy", metric_variant="limited-labels", replicate=4, replicate_kind="label draw"),
)


def test_a_table_comes_back_as_it_was(tmp_path: Path) -> None:
    table = to_table(ROWS)
    write_table(table, tmp_path / "a.csv")
    again = read_table(tmp_path / "a.csv")
    first, second = (frame.sort_values(["metric", "seed"], ignore_index=True) for frame in (again, table))
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    assert tuple(again.columns) == COLUMNS and set(again["unit"]) == {"0/1", "share", "accuracy"}
    assert again["metric_variant"].tolist().count("") == 4  # an empty text, not NaN
    assert str(again.dtypes["seed"]) == "int64" and str(again.dtypes["value"]) == "float64"


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
    tables = [to_table([ROW]), to_table([replace(ROW, seed=4, recipe="toy-k5")]), to_table([])]
    joined = join_tables(tables)
    assert joined["seed"].tolist() == [3, 4] and str(joined["recipe"].dtype) == "category"
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
    assert len(to_table([ROW, replace(ROW, device="cuda"), replace(ROW, device="cuda", precision="tf32")])) == 3
    for column, strange in (("device", "tpu"), ("precision", "float16"), ("metric", "perceptual")):
        with pytest.raises(InputError, match=f"unknown {column}s"):  # before it is written
            to_table([replace(ROW, **{column: strange})])


def test_a_packed_table_reads_as_the_plain_one_and_is_packed_alike_each_time(tmp_path: Path) -> None:
    table = to_table([ROW, replace(ROW, seed=7)])
    plain, packed = tmp_path / "measurements.csv", tmp_path / "measurements.csv.gz"
    write_table(table, plain)
    assert measurements.table_in(tmp_path) == plain
    write_table(table, packed)
    first = packed.read_bytes()
    write_table(table, packed)
    assert packed.read_bytes() == first and gzip.decompress(first) == plain.read_bytes()
    assert measurements.table_in(tmp_path) == packed
    pd.testing.assert_frame_equal(read_table(packed), read_table(plain))


def test_a_long_table_is_parquet_and_found_by_its_folder(tmp_path: Path) -> None:
    table_to = partial(measurements.table_to, tmp_path)
    assert (table_to(2).name, table_to(10**6).name) == ("measurements.csv", "measurements.csv.gz")
    assert table_to(MANY).name == "measurements.csv.gz" and table_to(MANY, packed=False).name == "measurements.csv"
    assert table_to(MANY + 1).name == table_to(MANY + 1, packed=False).name == PARQUET
    (tmp_path / PARQUET).touch()
    assert measurements.table_in(tmp_path) == tmp_path / PARQUET


def test_parquet_gives_the_rows_that_csv_gives_and_equal_bytes_each_time(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    csv, parquet = tmp_path / "a.csv", tmp_path / "a.parquet"
    write_table(to_table(ROWS), csv)
    write_table(to_table(ROWS[::-1]), parquet)
    first = parquet.read_bytes()
    pd.testing.assert_frame_equal(read_table(parquet), read_table(csv), check_exact=True)
    write_table(read_table(csv), parquet)
    assert parquet.read_bytes() == first
    write_table(read_table(parquet), tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_bytes() == csv.read_bytes()
    write_table(to_table([]), parquet)
    assert len(read_table(parquet)) == 0


def written(table: pd.DataFrame, path: Path) -> None:
    write_parquet(table, np.arange(len(table)), path)


WRONG_PARQUET: dict[str, Any] = {
    "no Parquet": lambda table, path: path.write_bytes(b"PAR1 and nothing"),
    "half": lambda table, path: (table.to_parquet(path), path.write_bytes(path.read_bytes()[:-99])),
    "another column": lambda table, path: table.rename(columns={"seed": "sed"}).to_parquet(path, index=False),
    "another type": lambda table, path: written(table.assign(seed=table["seed"].astype(float)), path),
    "no value": lambda table, path: table.assign(judge=[None, *"abcd"]).to_parquet(path, index=False),
    "no metric": lambda table, path: written(table.assign(metric=pd.Categorical(["luck"] * len(table))), path),
    "twice": lambda table, path: written(pd.concat([table, table], ignore_index=True), path),
}


@pytest.mark.parametrize("name", WRONG_PARQUET)
def test_a_damaged_parquet_table_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / PARQUET
    WRONG_PARQUET[name](to_table(ROWS), path)
    with pytest.raises(InputError, match="measurements.parquet"):
        read_table(path)


def test_without_pyarrow_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str, *rest: Any, **others: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return imported(name, *rest, **others)

    imported = builtins.__import__
    (tmp_path / PARQUET).write_bytes(b"PAR1")
    monkeypatch.setattr(builtins, "__import__", without)
    for act in (
        lambda: read_table(tmp_path / PARQUET),
        lambda: write_table(to_table(ROWS), tmp_path / "b.parquet"),
    ):
        with pytest.raises(InputError, match="uv sync --extra cluster"):
            act()


@pytest.mark.integration
@settings(derandomize=True, deadline=None, database=None, max_examples=40)
@given(
    st.sets(
        st.tuples(st.integers(0, 10**17), st.integers(0, 10**17), st.sampled_from(["a", "b10", "b9", "ä"])), min_size=1
    )
)
def test_numbers_of_keys_are_in_the_order_of_the_keys(keys: set[tuple[int, int, str]]) -> None:
    table = to_table(replace(ROW, seed=seed, step=step, recipe=recipe) for seed, step, recipe in keys)
    numbers = key_numbers(table)
    by_pandas = table.astype({column: str for column in table.select_dtypes("category")}).sort_values(list(KEY))
    assert [table.index[place] for place in np.argsort(numbers)] == by_pandas.index.tolist()
    assert len(set(numbers.tolist())) == len(table)


def test_a_report_of_a_long_table_says_the_same(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page of a report whose table is Parquet is that of the same table as CSV, and so are its verdicts."""
    pytest.importorskip("pyarrow")
    from replication.page import write_page
    from replication.report.build import build_report

    kinds = (".html", ".json", ".svg")
    texts = {path: path.read_bytes() for path in Path("reports").rglob("*") if path.suffix in kinds}
    monkeypatch.setattr(measurements, "MANY", 0)
    params = load_params()
    build_report(params, "cpu")
    write_page(params)
    assert measurements.table_in(Path("reports/cpu")).name == PARQUET
    unlike = [str(path) for path, text in texts.items() if path.read_bytes() != text]
    provenance = Path("reports/cpu/provenance.json")
    page = Path("reports/index.html")
    assert set(unlike) <= {str(provenance), str(page)}  # which list the table's name and its hash
    stored = json.loads(texts[provenance])
    changed = json.loads(provenance.read_text(encoding="utf-8"))
    assert {**changed, "files": stored["files"]} == stored
    lines = zip(page.read_text(encoding="utf-8").splitlines(), texts[page].decode().splitlines(), strict=True)
    assert all("measurements." in before for now, before in lines if now != before)
