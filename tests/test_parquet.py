"""Tables of more than a million rows: the same rows, page and verdicts from Parquet as from CSV."""

from __future__ import annotations

import builtins
import json
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
from replication.table.columns import KEY
from replication.table.measurements import MANY, PARQUET, join_tables, read_table, table_in, to_table, write_table
from replication.table.parquet import write_parquet
from replication.table.validation import key_numbers
from tests.rows_in_small import ROW, ROWS

SETTINGS = settings(derandomize=True, deadline=None, database=None, max_examples=40)


def test_a_long_table_is_parquet_and_found_by_its_folder(tmp_path: Path) -> None:
    table_to = partial(measurements.table_to, tmp_path)
    assert (table_to(2).name, table_to(10**6).name) == ("measurements.csv", "measurements.csv.gz")
    assert table_to(MANY).name == "measurements.csv.gz" and table_to(MANY, packed=False).name == "measurements.csv"
    assert table_to(MANY + 1).name == table_to(MANY + 1, packed=False).name == PARQUET
    (tmp_path / PARQUET).touch()
    assert table_in(tmp_path) == tmp_path / PARQUET


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


WRONG: dict[str, Any] = {
    "no Parquet": lambda table, path: path.write_bytes(b"PAR1 and nothing"),
    "half": lambda table, path: (table.to_parquet(path), path.write_bytes(path.read_bytes()[:-99])),
    "another column": lambda table, path: table.rename(columns={"seed": "sed"}).to_parquet(path, index=False),
    "another type": lambda table, path: written(table.assign(seed=table["seed"].astype(float)), path),
    "no value": lambda table, path: table.assign(judge=[None, "a", "b", "c"]).to_parquet(path, index=False),
    "no metric": lambda table, path: written(table.assign(metric=pd.Categorical(["luck"] * 4)), path),
    "twice": lambda table, path: written(pd.concat([table, table], ignore_index=True), path),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_damaged_parquet_table_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / PARQUET
    WRONG[name](to_table(ROWS), path)
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
    for act in (lambda: read_table(tmp_path / PARQUET), lambda: write_table(to_table(ROWS), tmp_path / "b.parquet")):
        with pytest.raises(InputError, match="uv sync --extra cluster"):
            act()


@pytest.mark.integration
@SETTINGS
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


def test_joined_tables_keep_texts_as_categories() -> None:
    joined = join_tables([to_table([ROW]), to_table([replace(ROW, recipe="toy-k5")]), to_table([])])
    assert joined["recipe"].tolist() == ["toy-k1", "toy-k5"] and str(joined["recipe"].dtype) == "category"


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
    assert table_in(Path("reports/cpu")).name == PARQUET
    unlike = [str(path) for path, text in texts.items() if path.read_bytes() != text]
    provenance = Path("reports/cpu/provenance.json")
    page = Path("reports/index.html")
    assert set(unlike) <= {str(provenance), str(page)}  # which list the table's name and its hash
    kept = json.loads(texts[provenance])
    changed = json.loads(provenance.read_text(encoding="utf-8"))
    assert {**changed, "files": kept["files"]} == kept
    lines = zip(page.read_text(encoding="utf-8").splitlines(), texts[page].decode().splitlines(), strict=True)
    assert all("measurements." in before for now, before in lines if now != before)
