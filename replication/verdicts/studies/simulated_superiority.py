"""Studies for the simulation whose outcomes are heavy-tailed or two-moded, at the edges of what superiority tests.

Samples differ in shape as well, so that P(superiority) is ½ though the distributions are not the same: the case that a
rank test alone gets wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from replication.verdicts.statistics.intervals import Array
from replication.verdicts.statistics.rules import Word, order_p_values
from replication.verdicts.statistics.superiority import superiority

MARGIN = 0.3  # of P around ½: wide, so that one edge of the null counts alone
SIZES = ((3, 3), (5, 5), (5, 20), (20, 5), (10, 10), (20, 20), (22, 22), (40, 40), (100, 100))
Outcomes = Callable[[np.random.Generator, int, int, float], Array]  # generator, studies, n, place → (studies, n)


def heavy(generator: np.random.Generator, studies: int, n: int, place: float, scale: float = 1.0) -> Array:
    """Cauchy outcomes around `place`."""
    return place + scale * generator.standard_cauchy((studies, n))


def two_moded(generator: np.random.Generator, studies: int, n: int, place: float) -> Array:
    """Runs that work, near 1, in a share of (1 + place) / 2, and fail, near −1, else."""
    worked = generator.random((studies, n)) < (1 + place) / 2
    return np.where(worked, 1.0, -1.0) + 0.1 * generator.standard_normal((studies, n))


def tied(generator: np.random.Generator, studies: int, n: int, place: float) -> Array:
    """The same without any spread about 1 and −1: most comparisons are ties."""
    return np.where(generator.random((studies, n)) < (1 + place) / 2, 1.0, -1.0)


def narrow(generator: np.random.Generator, studies: int, n: int, place: float) -> Array:
    """Outcomes near `place`, between the modes of the two-moded."""
    return place + 0.1 * generator.standard_normal((studies, n))


NULLS: dict[str, tuple[Outcomes, Outcomes]] = {
    "heavy-tailed": (heavy, heavy),
    "heavy-tailed, the other side three times as wide": (heavy, partial(heavy, scale=3.0)),
    "two-moded": (two_moded, two_moded),
    "two values": (tied, tied),
    "two-moded against one mode between": (two_moded, narrow),
    "one mode between two against both": (narrow, two_moded),
}
# P is ½ + MARGIN: the difference of two Cauchys is Cauchy of scale 2; two modes give half the difference of shares
EDGES: dict[str, tuple[Outcomes, Outcomes, float, float]] = {
    "heavy-tailed": (heavy, heavy, 2 * float(np.tan(np.pi * MARGIN)), 0.0),
    "two-moded": (two_moded, two_moded, 2 * MARGIN, -2 * MARGIN),
    "two values": (tied, tied, 2 * MARGIN, -2 * MARGIN),
    "two-moded against one mode between": (two_moded, narrow, 2 * MARGIN, 0.0),
    "one mode between two against both": (narrow, two_moded, 0.0, -2 * MARGIN),
}


def null(generator: np.random.Generator, studies: int, name: str, n: int, m: int) -> Mapping[Word, Array]:
    """p by word where P is ½; with no margin, so that "no difference" takes no study away from the wrong words."""
    first, second = NULLS[name]
    sides = first(generator, studies, n, 0.0), second(generator, studies, m, 0.0)
    return order_p_values(superiority(*sides), 0.0)


def edge(generator: np.random.Generator, studies: int, name: str, n: int, m: int) -> Mapping[Word, Array]:
    """p of "no difference" where P is a margin above ½."""
    first, second, place, other = EDGES[name]
    sides = first(generator, studies, n, place), second(generator, studies, m, other)
    return {"no difference": order_p_values(superiority(*sides), MARGIN)["no difference"]}
