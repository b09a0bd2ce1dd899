"""Tables of words and numbers, ready to be set: the page and the timing program write them alike."""

from __future__ import annotations

import math
from dataclasses import dataclass

NONE = "–"


@dataclass(frozen=True)
class Grid:
    """A table ready to be set: one header, rows of equal length."""

    title: str
    note: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def number(value: float | None, decimals: int | None = None) -> str:
    """Three significant digits, or as many decimals as asked for, with a true minus sign."""
    if value is None or not math.isfinite(value):
        return NONE
    text = f"{value:.3g}" if decimals is None else f"{value:.{decimals}f}"
    if decimals is None and abs(value) >= 1000 and abs(value) < 1e7:
        text = f"{value:.0f}"
    zero = all(letter in "-0." for letter in text)
    return (text.lstrip("-") if zero else text).replace("-", "−")
