"""How numbers and verdicts are written: one style for the HTML page, the Markdown page and the figures."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from statistics import median
from typing import Any, get_args

from replication.table.grids import NONE, number
from replication.verdicts.claims import Claim, Origin
from replication.verdicts.comparisons import Comparison
from replication.verdicts.evidence import Replicates
from replication.verdicts.reasons import probability_of_superiority
from replication.verdicts.statistics.rules import Word


@dataclass(frozen=True)
class Shape:
    """A verdict's mark: told apart by its form alone, so that no reader depends on colour."""

    symbol: str
    marker: str  # the same form in matplotlib
    filled: bool


SHAPES: dict[Word, Shape] = {
    "replicated": Shape("●", "o", True),
    "differs, better": Shape("▲", "^", True),
    "no difference": Shape("■", "s", True),
    "inconclusive": Shape("○", "o", False),
    "underpowered": Shape("△", "^", False),
    "not replicated": Shape("✕", "X", True),
    "reversed": Shape("▼", "v", True),
    "answered": Shape("◇", "D", False),
    "not assessed": Shape("–", "_", True),
}
assert set(SHAPES) == set(get_args(Word))


ORIGINS: dict[Origin, str] = {
    "published": "published results",
    "statement": "statements of the papers",
    "background": "background",
    "instrument": "instrument checks",
}


@dataclass(frozen=True)
class Mark:
    """A verdict in word and shape."""

    word: str
    symbol: str
    slug: str


def mark(word: Word) -> Mark:
    return Mark(word, SHAPES[word].symbol, slug(word))


def slug(text: str) -> str:
    """A name for a style or an anchor: "not replicated" → "not-replicated"."""
    return re.sub(r"[\W_]+", "-", text.lower()).strip("-")


def minus_signs(text: str) -> str:
    """A sentence with true minus signs before its numbers."""
    return re.sub(r"(?<![\w.-])-(?=\d)", "−", text)


def decimals_of(spread: float | None) -> int | None:
    """Decimals that show two significant digits of a spread; None where there is none."""
    if spread is None or not math.isfinite(spread) or spread <= 0:
        return None
    return max(0, min(6, 1 - math.floor(math.log10(spread))))


def mean_and_spread(side: Replicates, scale: float = 1.0) -> str:
    """Such as "0.93 ± 0.04": mean and sample standard deviation over replicates, times `scale`."""
    decimals = decimals_of(side.sd * scale)
    spread = f" ± {number(side.sd * scale, decimals)}" if math.isfinite(side.sd) else ""
    return f"{number(side.mean * scale, decimals)}{spread}"


def measured(side: Replicates) -> str:
    """Such as "0.93 ± 0.04 (n = 20)"."""
    diverged = f", {side.diverged} diverged" if side.diverged else ""
    return f"{mean_and_spread(side)} (n = {side.n}{diverged})"


def sides(claim: Claim, comparison: Comparison | None) -> str:
    """The measured side, and the one it is compared with."""
    if comparison is None:
        return NONE
    if claim.kind == "rate":
        return " against ".join(f"{round(sum(side.values))} of {side.n}" for side in comparison.sides)
    if claim.kind == "superiority":  # of runs with heavy tails, whose means say little
        medians = (f"median {number(median(side.finite()))}, " for side in comparison.sides)
        return " against ".join(map(str.__add__, medians, map(measured, comparison.sides)))
    return " against ".join(map(measured, comparison.sides))


def difference(claim: Claim, comparison: Comparison | None, scale: float = 1.0) -> str:
    """The difference with its 90 % interval, times `scale`, such as "+0.21 [0.11, 0.31]"; P of a superiority."""
    if comparison is None or not math.isfinite(comparison.difference):
        return NONE
    if claim.kind == "superiority" and math.isfinite(comparison.low) and math.isfinite(comparison.high):
        low, middle, high = probability_of_superiority(claim, comparison)
        return f"P = {with_interval(middle, low, high)}"
    if not (math.isfinite(comparison.low) and math.isfinite(comparison.high)):
        return f"{number(comparison.difference * scale)} (no interval)"
    text = with_interval(*(end * scale for end in (comparison.difference, comparison.low, comparison.high)))
    unsigned = text.startswith("−") or not text.partition(" ")[0].strip("0.")
    return text if unsigned else f"+{text}"


def with_interval(value: float, low: float, high: float) -> str:
    """A number and its interval, such as "0.21 [0.11, 0.31]", with two digits of the interval's half."""
    decimals = decimals_of((high - low) / 2)
    return f"{number(value, decimals)} [{number(low, decimals)}, {number(high, decimals)}]"


def published(claim: Claim) -> str:
    """What the paper says, as a number where it gives one and as a direction otherwise."""
    if claim.published is not None:
        printed = claim.published
        spread = f" ± {printed.spread:g} ({printed.spread_kind})" if printed.spread is not None else ""
        return f"{printed.value:.6g}".replace("-", "−") + spread + ("" if printed.verified else " (unverified)")
    if claim.bound is not None:
        ours = " (our bound)" if claim.origin != "published" else ""
        return f"{'above' if claim.better == 'higher' else 'below'} {number(claim.bound)}{ours}"
    if claim.kind == "question":
        return NONE
    what = {"rate": "share of runs", "superiority": "in most pairs of runs"}.get(claim.kind, "mean")
    return f"{claim.better} {what}"


def margin(claim: Claim) -> str:
    return NONE if claim.margin is None else f"± {claim.margin:g}"


def value_in_words(value: Any) -> str:
    """A recipe's value as one line: nested keys joined, empty and absent ones as a dash."""
    if value is None or value == {} or value == "":
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key} {value_in_words(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(value_in_words(part) for part in value) + "]"
    return f"{value:g}".replace("-", "−") if isinstance(value, float) else str(value)


def seed_range(seeds: list[int]) -> str:
    """Such as "0–19", or "0, 2, 5" where the block has holes."""
    if len(seeds) > 1 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}–{seeds[-1]}"
    return ", ".join(map(str, seeds))
