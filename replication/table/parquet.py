"""Tables of measurements as Parquet: a million rows take a few megabytes, and are read in a fraction of a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from replication.foundation.atomic import write_atomically
from replication.foundation.errors import InputError
from replication.foundation.foreign import plain_file
from replication.table.columns import COLUMNS, INTEGERS, TEXTS
from replication.table.validation import categories, unlike_columns

SUFFIX = ".parquet"
MOST_ROWS = 50_000_000  # of a table that is read: 3 GB in memory
GROUP = 2**20  # rows of a row group: what is read at once of a column


def _pyarrow() -> tuple[Any, Any]:
    """pyarrow and its module for Parquet, which only long tables need."""
    try:
        import pyarrow  # pyright: ignore[reportMissingImports]
        import pyarrow.parquet  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise InputError(
            "A table of more than a million measurements is a Parquet file, which pyarrow reads and writes: install it "
            "with `uv sync --extra cluster`."
        ) from error
    return pyarrow, pyarrow.parquet


def write_parquet(table: pd.DataFrame, order: np.ndarray, path: Path) -> None:
    """Write the rows of a validated table in an order [rows]: equal tables give equal bytes under one pyarrow."""
    pyarrow, parquet = _pyarrow()
    columns: dict[str, Any] = {}
    for column in COLUMNS:
        if column in TEXTS:
            values: Any = table[column].array.remove_unused_categories()  # type: ignore[attr-defined]
            known = pyarrow.array(values.categories.tolist(), pyarrow.string())
            columns[column] = pyarrow.DictionaryArray.from_arrays(values.codes[order], known)
        else:
            columns[column] = pyarrow.array(table[column].to_numpy()[order])
    stream = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(columns), stream, compression="zstd", row_group_size=GROUP, store_schema=False)
    write_atomically(path, stream.getvalue().to_pybytes())


def read_parquet(path: Path) -> pd.DataFrame:
    """The columns of a table as `write_parquet` wrote them, one after another, so that memory holds them once.

    Raises:
        InputError: pyarrow is not installed.
        ValueError: it is no Parquet file, has other columns or types, too many rows, or a value is missing.
    """
    pyarrow, parquet = _pyarrow()
    with plain_file(path) as stream:
        try:
            file = parquet.ParquetFile(stream, read_dictionary=list(TEXTS))
            _check(file.metadata, file.schema_arrow, pyarrow)
            return pd.DataFrame({column: _column(file, column) for column in COLUMNS}, copy=False)
        except (pyarrow.ArrowException, OSError) as error:
            raise ValueError(str(error)) from error


def _check(metadata: Any, schema: Any, pyarrow: Any) -> None:
    if tuple(schema.names) != COLUMNS:
        raise ValueError(unlike_columns(schema.names))
    if metadata.num_rows > MOST_ROWS:
        raise ValueError(f"it has {metadata.num_rows} rows; {MOST_ROWS} at most")
    for field in schema:
        number = pyarrow.int64() if field.name in INTEGERS else pyarrow.float64()
        kind = field.type.value_type if pyarrow.types.is_dictionary(field.type) else field.type
        if kind != (pyarrow.string() if field.name in TEXTS else number):
            raise ValueError(f"column {field.name} is of type {kind}")


def _column(file: Any, name: str) -> np.ndarray | pd.Categorical:
    chunks = file.read(columns=[name]).column(0)
    if chunks.null_count:
        raise ValueError(f"{chunks.null_count} values of {name} are missing")
    if name not in TEXTS:
        return chunks.to_numpy()
    parts = chunks.unify_dictionaries().chunks
    if not parts:
        return categories(np.zeros(0, np.int8), [])
    return categories(np.concatenate([part.indices.to_numpy() for part in parts]), parts[0].dictionary.to_pylist())
