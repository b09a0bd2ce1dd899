"""What every table of measurements is held against, and how its columns lie in memory.

Texts are categories, of which a table of ten million rows has thousands: a row costs a byte or two a column, and what
is checked or compared are categories and not rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from replication.foundation.errors import InputError
from replication.foundation.foreign import is_plain_name
from replication.table.columns import COLUMNS, INTEGERS, KEY, KNOWN
from replication.table.definitions import METRICS

MOST_NUMBERS = 2**63  # of an int64


def validated(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """A table of COLUMNS with its types: texts as ordered categories, numbers as int64 and float64.

    Raises:
        InputError: a column, type, word or unit is not what it has to be, or a key occurs twice.
    """
    if list(table.columns) != list(COLUMNS):
        raise InputError(f"{name}: {unlike_columns(list(table.columns))}.")
    typed = {}
    for column in COLUMNS:
        kind = "int64" if column in INTEGERS else "float64" if column == "value" else "str"
        try:
            typed[column] = pd.Series(_TYPED[kind](pd.Series(table[column])), index=table.index)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"Column {column} of {name} is not {kind}: {str(error)[:200]}.") from error
    table = pd.DataFrame(typed, copy=False)
    for column, known in KNOWN.items():
        unknown = sorted(set(distinct(table, column)) - set(known))
        if unknown:
            raise InputError(f"{name} has unknown {column.replace('_', ' ')}s {unknown}; known: {sorted(known)}.")
    other = [metric for metric, unit in _pairs(table, "metric", "unit") if unit != METRICS[metric].unit]
    if other:
        raise InputError(f"{name} gives a metric in a unit other than its definition's ({min(other)!r}).")
    twice = pd.Series(key_numbers(table)).duplicated().to_numpy()
    if twice.any():
        first = table.iloc[int(twice.argmax())][list(KEY)]
        raise InputError(f"{name} measures the same thing twice, first: {dict(first)}.")
    return table


def unlike_columns(header: Sequence[str]) -> str:
    """How names of columns differ from COLUMNS."""
    wrong = sorted({name[:100] for name in header} ^ set(COLUMNS))[: len(COLUMNS)] or "their order"
    return f"columns differ from those of the table of measurements: {wrong}; expected {list(COLUMNS)}"


def distinct(table: pd.DataFrame, column: str) -> list:
    """The values of a column, each once and in order."""
    return sorted(pd.Series(table[column]).unique().tolist())


def categories(codes: np.ndarray, values: Sequence[str]) -> pd.Categorical:
    """Texts from their places among `values`: the categories are those that occur, in order, as Python's own texts.

    Raises:
        ValueError: a text is missing (a code below 0), or a value is no text.
    """
    counts = np.bincount(codes.astype(np.int64, copy=False) + 1, minlength=len(values) + 1)
    if counts[0]:
        raise ValueError("a text is missing")
    used = [place for place in range(len(values)) if counts[place + 1]]
    if odd := next((values[place] for place in used if not isinstance(values[place], str)), None):
        raise ValueError(f"{odd!r} is no text")
    ordered = sorted(used, key=lambda place: values[place])
    ranks = np.zeros(len(values), np.min_scalar_type(-len(ordered) - 1))
    ranks[ordered] = np.arange(len(ordered))
    return pd.Categorical.from_codes(ranks[codes], np.array([values[place] for place in ordered], dtype=object))


def key_numbers(table: pd.DataFrame, columns: Sequence[str] = KEY) -> np.ndarray:
    """int64 [rows]: equal where the columns' values are, and in their order, the first column before the second."""
    numbers, most = np.zeros(len(table), np.int64), 1
    for column in columns:
        ranks, count = _ranks(pd.Series(table[column]))
        if most * count >= MOST_NUMBERS:
            numbers, distinct_numbers = pd.factorize(numbers, sort=True)
            most = len(distinct_numbers)
        if count > 1:
            numbers *= count
            numbers += ranks
        most *= count
    return numbers


def _ranks(column: pd.Series) -> tuple[np.ndarray, int]:
    """Numbers from 0 in the order of a column's values, and how many there may be."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.array.codes, max(1, len(column.cat.categories))  # type: ignore[union-attr]
    values = column.to_numpy()
    if values.dtype == np.int64 and len(values) and (most := int(values.max()) + 1) < 2**31:
        return values, most
    ranks, distinct_values = pd.factorize(values, sort=True)
    return ranks, len(distinct_values)


def _pairs(table: pd.DataFrame, *columns: str) -> list[tuple[str, str]]:
    """The pairs of texts that two columns have in a row."""
    first, second = (pd.Categorical(table[column]) for column in columns)
    count = max(1, len(second.categories))
    pairs = np.flatnonzero(np.bincount(first.codes.astype(np.int64) * count + second.codes))
    return [(first.categories[pair // count], second.categories[pair % count]) for pair in pairs]


def _integers(column: pd.Series) -> np.ndarray:
    """Whole numbers of at least 0; Python's own reading of text knows more forms than one."""
    values = [] if column.dtype == np.int64 else column.unique().tolist()
    wrong = [value for value in values if isinstance(value, str) and not re.fullmatch("[0-9]{1,18}", value)]
    numbers = column.astype("int64") if not wrong else column
    if wrong or len(numbers) and numbers.min() < 0:
        raise ValueError(f"{str(wrong[0] if wrong else numbers.min())[:100]!r} is no whole number of at least 0")
    return numbers.to_numpy()


def _floats(column: pd.Series) -> np.ndarray:
    """Numbers; a text that no float can hold would become infinite."""
    numbers = column.astype("float64").to_numpy()
    if column.dtype == np.float64:
        return numbers
    for value in column[np.isinf(numbers)]:
        if isinstance(value, str) and value not in ("inf", "-inf"):
            raise ValueError(f"{value[:100]!r} is beyond what a float holds")
    if odd := next((value for value in column if isinstance(value, str) and "_" in value), None):
        raise ValueError(f"{odd[:100]!r} is no number")
    return numbers


def _texts(column: pd.Series) -> pd.Categorical:
    """Texts of one line that a spreadsheet does not take for a formula."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, values = column.cat.codes.to_numpy(), column.cat.categories.tolist()
    else:
        codes, uniques = pd.factorize(column.to_numpy(dtype=object))
        values = list(uniques)
    texts = categories(codes, values)
    for value in texts.categories:
        if not is_plain_name(value):
            raise ValueError(f"{value[:100]!r} is no name: it is a formula, has unprintable signs or is too long")
    return texts


_TYPED: Mapping[str, Callable[[pd.Series], np.ndarray | pd.Categorical]] = {
    "int64": _integers,
    "float64": _floats,
    "str": _texts,
}
