"""Whether another build with other seeds gives the same words: two blocks of seeds, judged apart.

    uv run python -m replication.verdicts second-build TABLE…               seeds below 1000 against those from 1000 on
    uv run python -m replication.verdicts second-build TABLE… --from 5000   another border

TABLE is a table of measurements, of a report or recorded. Every claim over trainings that has a plan and measurements
in both blocks is judged on each. A row that two tables share, as that of an experiment without seeds, counts once.
Beside the words stands how often two such blocks would disagree if the claim is true as planned: p(1 − q) + q(1 − p),
p and q being the chances of "replicated" with the replicates there are. Exits with 1 where disagreements are more than
chance explains.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from replication.table.measurements import join_tables, read_table
from replication.verdicts.benchmarks import claims_of, load_benchmarks
from replication.verdicts.claims import Claim
from replication.verdicts.statistics.intervals import LEVEL
from replication.verdicts.statistics.rules import Word
from replication.verdicts.studies.power import Sizes, true_powers
from replication.verdicts.verdict import Verdict, judge_all

BORDER = 1000  # the first seed of the second build
UNJUDGED: tuple[Word, ...] = ("not assessed", "underpowered", "answered")


@dataclass(frozen=True)
class Pair:
    """What two builds say of a claim, and how often they would disagree if it is true as planned."""

    claim: str
    words: tuple[Word, Word]
    expected: float

    @property
    def agree(self) -> bool:
        return self.words[0] == self.words[1]


def pairs(claims: Sequence[Claim], table: pd.DataFrame, border: int = BORDER) -> list[Pair]:
    """The claims that both blocks of seeds can judge, in order."""
    listed = [claim for claim in claims if claim.plan and claim.replicate_unit == "training"]
    first, second = (judge_all(listed, table.loc[part]) for part in (table["seed"] < border, table["seed"] >= border))
    both = [two for two in zip(first, second, strict=True) if not {verdict.word for verdict in two} & {*UNJUDGED}]
    judged = [claim for claim in listed if claim.id in {one.claim for one, _ in both}]
    powers = [true_powers(judged, {two[block].claim: _sizes(two[block]) for two in both}) for block in (0, 1)]
    return [
        Pair(claim.id, (one.adjusted_word, other.adjusted_word), _disagreement(*(power[claim.id] for power in powers)))
        for claim, (one, other) in zip(judged, both, strict=True)
    ]


def chance_of(found: Sequence[Pair]) -> float:
    """P(at least as many disagreements as found | each claim disagrees as often as expected, independently)."""
    distribution = np.ones(1)
    for pair in found:
        distribution = np.convolve(distribution, [1 - pair.expected, pair.expected])
    return float(distribution[sum(not pair.agree for pair in found) :].sum())


def _disagreement(power: float, other: float) -> float:
    return power * (1 - other) + other * (1 - power)


def _sizes(verdict: Verdict) -> Sizes:
    """Replicates of both sides of what was compared."""
    comparison = verdict.comparison
    assert comparison is not None  # judged
    return comparison.measured.n, comparison.against.n if comparison.against else None


def lines(found: Sequence[Pair]) -> list[str]:
    """A line a claim, and what they come to."""
    form = "{:44} {:20} {:20} {:>9}"
    listed = [form.format(pair.claim, *pair.words, f"{pair.expected:.3f}") for pair in found]
    count, expected = sum(not pair.agree for pair in found), sum(pair.expected for pair in found)
    total = (
        f"{count} of {len(found)} words disagree; {expected:.1f} expected; chance of so many {chance_of(found):.3f}."
    )
    return [form.format("claim", "first build", "second build", "expected"), *listed, total]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both builds' words."""
    parser = argparse.ArgumentParser(prog="python -m replication.verdicts second-build", description=__doc__)
    parser.add_argument("tables", nargs="+", type=Path, metavar="TABLE", help="tables of measurements (CSV or Parquet)")
    parser.add_argument("--from", dest="border", type=int, default=BORDER, help="the first seed of the second build")
    asked = parser.parse_args(arguments)
    claims = claims_of(load_benchmarks())
    both = pd.concat([read_table(path) for path in asked.tables], ignore_index=True).drop_duplicates()
    found = pairs(claims, join_tables([both]), asked.border)
    print("\n".join(lines(found)))
    raise SystemExit(int(chance_of(found) <= LEVEL))
