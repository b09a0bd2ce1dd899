"""The narrow waist: one tidy table of measurements that every table, figure, verdict and the gate read."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from replication.foundation.atomic import write_atomically
from replication.foundation.errors import InputError
from replication.foundation.foreign import read_bytes
from replication.table.columns import COLUMNS, OF_A_SEED
from replication.table.definitions import METRICS
from replication.table.parquet import SUFFIX, read_parquet, write_parquet
from replication.table.validation import key_numbers, unlike_columns, validated

NAME = "measurements.csv"
PACKED = f"{NAME}.gz"
PARQUET = "measurements.parquet"
NAMES = (NAME, PACKED, PARQUET)
MOST_BYTES = 256 * 2**20  # of a CSV table that is read, unpacked: some two million rows
MOST_COMMAS = 200  # of a line: those between columns, and those of names in quotes
HEADER = 1000  # bytes within which the names of the columns end
LONG = 100_000  # rows: some 15 MB, beyond which a table is packed
MANY = 1_000_000  # rows, beyond which it is Parquet


@dataclass(frozen=True)
class Measurement:
    """One number. `replicate` counts the draws inside one seed where `replicate_kind` is not "training"."""

    profile: str
    paper: str
    model: str
    recipe: str
    variant: str
    dataset: str
    split: str
    n_train: int
    seed: int
    step: int
    metric: str
    value: float  # NaN where the run diverged
    n_samples: int
    class_: str = "all"
    metric_variant: str = ""
    judge: str = ""
    replicate: int = 0
    replicate_kind: str = "training"
    device: str = "cpu"  # the kind that computed it
    precision: str = "float32"  # of the training's products there: tf32 exists on a GPU alone


def to_table(rows: Iterable[Measurement]) -> pd.DataFrame:
    """Rows as a validated table with COLUMNS; the unit comes from the metric's definition."""
    records = []
    for row in rows:
        record: dict[str, object] = dict(vars(row))  # `asdict` copies deeply, which takes longer than some scores
        record["class"] = record.pop("class_")
        record["unit"] = METRICS[row.metric].unit if row.metric in METRICS else ""
        records.append(record)
    table = pd.DataFrame.from_records(records, columns=list(COLUMNS))
    return validated(table, "rows given")


def read_table(path: Path) -> pd.DataFrame:
    """Read and validate a table of measurements: CSV, packed or not, or Parquet.

    Raises:
        InputError: the file is missing, or a column, type, metric, unit or key is not what it has to be.
    """
    if not path.is_file():
        raise InputError(f"There is no table of measurements at {path}: run `uv run dvc repro` to make it.")
    kind = "Parquet" if path.suffix == SUFFIX else "CSV"
    try:
        table = read_parquet(path) if kind == "Parquet" else _read_csv(path)
    except (ValueError, zlib.error, EOFError, gzip.BadGzipFile, OverflowError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"{path} is not a {kind} table of measurements ({reason}); restore it or make it again."
        ) from error
    return validated(table, str(path))


def _read_csv(path: Path) -> pd.DataFrame:
    """A table from text, which a packed one (.gz) becomes within the same limit."""
    content = read_bytes(path, MOST_BYTES)
    if path.suffix == ".gz":
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES} bytes")
    _check_text(content)
    table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    if not isinstance(table.index, pd.RangeIndex):
        raise ValueError("its lines have more fields than its header")
    return table


def _check_text(content: bytes) -> None:
    """Refuse what pandas would read without a word, and other columns before they are read, however many they are."""
    if b"\0" in content:
        raise ValueError("it holds NUL")
    header = content[:HEADER].split(b"\n", 1)[0].rstrip(b"\r").decode().split(",")
    if header != list(COLUMNS):
        raise ValueError(unlike_columns(header))
    if any(line.count(b",") > MOST_COMMAS for line in io.BytesIO(content)):
        raise ValueError(f"a line has more than {MOST_COMMAS} commas")


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write rows in one order, with shortest round-trip floats: equal tables give equal bytes, whatever the format."""
    order = np.argsort(key_numbers(table), kind="stable")
    if path.suffix == SUFFIX:
        write_parquet(table, order, path)
        return
    stream = io.StringIO()
    table.loc[:, list(COLUMNS)].iloc[order].to_csv(stream, index=False, lineterminator="\n", na_rep="NaN")
    text = stream.getvalue()
    write_atomically(path, gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text)


def table_in(folder: Path) -> Path:
    """Where a folder has its table: plain, packed as recorded ones and long ones are, or Parquet."""
    return next((folder / name for name in reversed(NAMES) if (folder / name).is_file()), folder / NAME)


def table_to(folder: Path, rows: int, packed: bool | None = None) -> Path:
    """Where a table of so many rows is written, `packed` or not, by default where it is long."""
    packed = rows > LONG if packed is None else packed
    return folder / (PARQUET if rows > MANY else PACKED if packed else NAME)


def join_tables(tables: Iterable[pd.DataFrame], name: str = "the tables joined") -> pd.DataFrame:
    """One table of many; a key that occurs twice is an error, never a silent average."""
    parts = [table for table in tables if len(table)]
    columns = {column: _joined([pd.Series(part[column]) for part in parts]) if parts else [] for column in COLUMNS}
    return validated(pd.DataFrame(columns), name)


def _joined(parts: Sequence[pd.Series]) -> Any:
    """A column of many tables; texts stay categories."""
    if all(isinstance(part.dtype, pd.CategoricalDtype) for part in parts):
        return union_categoricals(parts)
    return np.concatenate([part.to_numpy() for part in parts])


def each_seed_once(table: pd.DataFrame, device: str) -> pd.DataFrame:
    """The rows that count where a seed was measured on several devices: those of `device`, the profile's own.

    A metric of a seed is read from one device throughout: from `device` where it has any row of it, else from the
    other. Rows of both stay in the table that is written, so that devices can be compared.
    """
    of_device = (table["device"] == device).to_numpy(dtype=bool)
    if of_device.all():
        return table
    numbers = key_numbers(table, OF_A_SEED)
    return table.loc[of_device | ~np.isin(numbers, np.unique(numbers[of_device]))]
