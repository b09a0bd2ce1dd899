"""The narrow waist: one tidy table of measurements that every table, figure, verdict and the gate read."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from replication.foundation.atomic import write_atomically
from replication.foundation.errors import InputError
from replication.foundation.foreign import is_plain_name, read_bytes
from replication.table.definitions import METRICS

INTEGERS = ("n_train", "seed", "step", "replicate", "n_samples")
NAME = "measurements.csv"
MOST_BYTES = 256 * 2**20  # of a table that is read, unpacked: some two million rows
MOST_COMMAS = 200  # of a line: those between columns, and those of names in quotes
HEADER = 1000  # bytes within which the names of the columns end
LONG = 100_000  # rows: some 15 MB, beyond which a table is packed
KNOWN: Mapping[str, Collection[str]] = {  # words that a column may have
    "metric": METRICS,
    "replicate_kind": ("training", "label draw", "split", "dataset"),
    "device": ("cpu", "cuda"),
    "precision": ("float32", "tf32", "bfloat16"),
}


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


COLUMNS = tuple(
    "profile paper model recipe variant dataset split n_train seed step class metric metric_variant judge replicate "
    "replicate_kind device precision value n_samples unit".split()
)
KEY = tuple(column for column in COLUMNS if column not in ("value", "n_samples", "unit"))
WHERE = ("device", "precision")
# What a seed is measured in as a whole: its steps, classes and draws come from one device.
OF_A_SEED = tuple(column for column in KEY if column not in (*WHERE, "step", "class", "replicate", "replicate_kind"))


def to_table(rows: Iterable[Measurement]) -> pd.DataFrame:
    """Rows as a validated table with COLUMNS; the unit comes from the metric's definition."""
    records = []
    for row in rows:
        record: dict[str, object] = dict(vars(row))  # `asdict` copies deeply, which takes longer than some scores
        record["class"] = record.pop("class_")
        record["unit"] = METRICS[row.metric].unit if row.metric in METRICS else ""
        records.append(record)
    table = pd.DataFrame.from_records(records, columns=list(COLUMNS))
    return _validated(table, "rows given")


def read_table(path: Path) -> pd.DataFrame:
    """Read and validate a table of measurements.

    Raises:
        InputError: the file is missing, or a column, type, metric, unit or key is not what COLUMNS say.
    """
    if not path.is_file():
        raise InputError(f"There is no table of measurements at {path}: run `uv run dvc repro` to make it.")
    try:
        content = _unpacked(path)
        _check_text(content)
        table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
        if not isinstance(table.index, pd.RangeIndex):
            raise ValueError("its lines have more fields than its header")
    except (ValueError, zlib.error, EOFError, gzip.BadGzipFile, OverflowError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"{path} is not a CSV table of measurements ({reason}); restore it or make it again."
        ) from error
    return _validated(table, str(path))


def _unpacked(path: Path) -> bytes:
    """The text of a table, which a packed one (.gz) becomes within the same limit."""
    content = read_bytes(path, MOST_BYTES)
    if path.suffix == ".gz":
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES} bytes")
    return content


def _check_text(content: bytes) -> None:
    """Refuse what pandas would read without a word, and other columns before they are read, however many they are."""
    if b"\0" in content:
        raise ValueError("it holds NUL")
    header = content[:HEADER].split(b"\n", 1)[0].rstrip(b"\r").decode().split(",")
    if header != list(COLUMNS):
        raise ValueError(_columns(header))
    if any(line.count(b",") > MOST_COMMAS for line in io.BytesIO(content)):
        raise ValueError(f"a line has more than {MOST_COMMAS} commas")


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write rows in one order, with shortest round-trip floats: equal tables give equal bytes, packed (.gz) or not."""
    stream = io.StringIO()
    ordered = table.loc[:, list(COLUMNS)].sort_values(list(KEY), kind="stable")
    ordered.to_csv(stream, index=False, lineterminator="\n", na_rep="NaN")
    text = stream.getvalue()
    write_atomically(path, gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text)


def table_in(folder: Path) -> Path:
    """Where a folder has its table: plain, or packed as recorded ones and long ones are."""
    packed = folder / f"{NAME}.gz"
    return packed if packed.is_file() else folder / NAME


def table_to(folder: Path, rows: int) -> Path:
    """Where a table of so many rows is written."""
    return folder / (f"{NAME}.gz" if rows > LONG else NAME)


def join_tables(tables: Iterable[pd.DataFrame], name: str = "the tables joined") -> pd.DataFrame:
    """One table of many; a key that occurs twice is an error, never a silent average."""
    parts = [table for table in tables if len(table)]
    joined = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
    return _validated(joined, name)


def each_seed_once(table: pd.DataFrame, device: str) -> pd.DataFrame:
    """The rows that count where a seed was measured on several devices: those of `device`, the profile's own.

    A metric of a seed is read from one device throughout: from `device` where it has any row of it, else from the
    other. Rows of both stay in the table that is written, so that devices can be compared.
    """
    own = table["device"].to_numpy() == device
    if own.all():
        return table
    keys = pd.MultiIndex.from_arrays([table[column] for column in OF_A_SEED])
    return table.loc[own | ~keys.isin(keys[own])]


def _integers(column: pd.Series) -> pd.Series:
    """Whole numbers of at least 0; Python's own reading of text knows more forms than one."""
    wrong = [value for value in column.unique() if isinstance(value, str) and not re.fullmatch("[0-9]{1,18}", value)]
    numbers = column.astype("int64") if not wrong else column
    if wrong or len(numbers) and numbers.min() < 0:
        raise ValueError(f"{str(wrong[0] if wrong else numbers.min())[:100]!r} is no whole number of at least 0")
    return numbers


def _floats(column: pd.Series) -> pd.Series:
    """Numbers; a text that no float can hold would become infinite."""
    numbers = column.astype("float64")
    for value in column[np.isinf(numbers)]:
        if isinstance(value, str) and value not in ("inf", "-inf"):
            raise ValueError(f"{value[:100]!r} is beyond what a float holds")
    if odd := next((value for value in column if isinstance(value, str) and "_" in value), None):
        raise ValueError(f"{odd[:100]!r} is no number")
    return numbers


def _texts(column: pd.Series) -> pd.Series:
    """Texts of one line that a spreadsheet does not take for a formula."""
    for value in map(str, column.unique()):
        if not is_plain_name(value):
            raise ValueError(f"{value[:100]!r} is no name: it is a formula, has unprintable signs or is too long")
    return column.astype(object)


_TYPED: Mapping[str, Callable[[pd.Series], pd.Series]] = {"int64": _integers, "float64": _floats, "str": _texts}


def _columns(header: Sequence[str]) -> str:
    wrong = sorted({name[:100] for name in header} ^ set(COLUMNS))[: len(COLUMNS)] or "their order"
    return f"columns differ from those of the table of measurements: {wrong}; expected {list(COLUMNS)}"


def _validated(table: pd.DataFrame, name: str) -> pd.DataFrame:
    if list(table.columns) != list(COLUMNS):
        raise InputError(f"{name}: {_columns(list(table.columns))}.")
    table = table.copy()
    for column in COLUMNS:
        kind = "int64" if column in INTEGERS else "float64" if column == "value" else "str"
        try:
            table[column] = _TYPED[kind](pd.Series(table[column]))
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"Column {column} of {name} is not {kind}: {str(error)[:200]}.") from error
    for column, known in KNOWN.items():
        unknown = sorted(set(table[column]) - set(known))
        if unknown:
            raise InputError(f"{name} has unknown {column.replace('_', ' ')}s {unknown}; known: {sorted(known)}.")
    pairs = zip(table["metric"], table["unit"], strict=True)
    other = sorted({metric for metric, unit in pairs if unit != METRICS[metric].unit})
    if other:
        raise InputError(f"{name} gives a metric in a unit other than its definition's ({other[0]!r}).")
    twice = table[table.duplicated(list(KEY))]
    if len(twice):
        raise InputError(f"{name} measures the same thing twice, first: {dict(twice.iloc[0][list(KEY)])}.")
    return table
