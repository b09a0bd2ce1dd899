"""How often the verdict rule errs, against the rate at which it may.

    uv run python -m replication.verdicts simulation      writes replication/report/error_rates.json (seconds)

Each case of `replication.verdicts.studies.simulated` is a truth under which some words are wrong; they are counted.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import scipy
from scipy.stats import binom
from tqdm import tqdm

from replication.foundation.atomic import write_atomically
from replication.verdicts.statistics.intervals import LEVEL
from replication.verdicts.statistics.rules import Word, decide_each
from replication.verdicts.studies.simulated import Case, all_cases

PATH = Path("replication/report/error_rates.json")
STUDIES = 10_000
SEED = 2014
CHANCE = 1e-5  # a rule that errs exactly at its nominal rate exceeds `largest_rate` this rarely, in one row


@dataclass(frozen=True)
class ErrorRate:
    kind: str
    truth: str
    n: int
    against_n: int | None
    word: Word
    nominal: float
    rate: float  # share of the studies that give the wrong word


def simulate(cases: Iterable[Case], studies: int = STUDIES) -> list[ErrorRate]:
    """Share of `studies` in which each wrong word is given; every case has its own generator."""
    rates = []
    for case in cases:
        name = f"{case.kind}|{case.truth}|{case.n}|{case.against_n}"
        words = decide_each(case.draw(np.random.default_rng([SEED, *name.encode()]), studies))
        for word in case.wrong:
            rate = float(np.mean(words == word))
            rates.append(ErrorRate(case.kind, case.truth, case.n, case.against_n, word, LEVEL, rate))
    return rates


def largest_rate(studies: int) -> float:
    """The largest rate that chance explains where the true rate is the nominal one."""
    return float(binom.isf(CHANCE, studies, LEVEL)) / studies


def error_table(rates: Iterable[ErrorRate]) -> dict[str, object]:
    """What error_rates.json holds; no clock and no host, so that one seed and one set of versions give one file."""
    return {
        "studies": STUDIES,
        "seed": SEED,
        "nominal": LEVEL,
        "largest_rate_by_chance": largest_rate(STUDIES),
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__},
        "rows": [asdict(rate) for rate in rates],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate, and write the rates."""
    argparse.ArgumentParser(prog="python -m replication.verdicts simulation", description=__doc__).parse_args(arguments)
    rates = [rate for case in tqdm(all_cases(), unit="case") for rate in simulate([case])]
    PATH.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(PATH, json.dumps(error_table(rates), indent=1) + "\n")
