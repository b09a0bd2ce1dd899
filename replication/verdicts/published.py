"""What a paper published and did, as data: the shapes of `benchmarks/*.yaml` but for its claims.

`replication.verdicts.benchmarks` reads the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Literal

from replication.verdicts.claims import Claim

Better = Literal["higher", "lower", "neither"]
Side = Literal["measured", "against"]


@dataclass(frozen=True)
class Citation:
    key: str
    authors: tuple[str, ...]
    title: str
    year: int
    venue: str
    arxiv: str  # "" where the paper is not on arXiv
    released_code: str  # "owner/name" on GitHub; "" where nothing was released


@dataclass(frozen=True)
class Other:
    """What somebody else measured under the same name, and how that differs from the paper's protocol."""

    value: str  # as it is reported
    where: str
    caveat: str


@dataclass(frozen=True)
class PublishedNumber:
    value: float | None  # None: the paper prints a number that could not be checked, so none is given
    spread: float | None
    verified: bool
    note: str  # "" or what is known instead of the value, such as a direction
    others: tuple[Other, ...] = ()
    claim: str = ""  # the claim whose measurements stand beside the number; "" where none does
    side: Side = "measured"  # which of the claim's sides they are
    released: str = ""  # the claim on the network that the authors released, which has a line of its own
    why: str = ""  # why no claim measures a number of the paper's own trainings


@dataclass(frozen=True)
class TableColumn:
    """A column of a published table; what it does not say itself it takes from its table."""

    name: str
    dataset: str
    metric: str
    unit: str
    better: Better
    spread_kind: str
    scale: float  # a measured value times this is in the column's unit, such as 100 for %


@dataclass(frozen=True)
class TableRow:
    name: str
    numbers: Mapping[str, PublishedNumber]  # column name → number, in the order of the table's columns
    trained: bool = False  # whether the paper's authors trained it: no baseline of others, and no real data


@dataclass(frozen=True)
class PublishedTable:
    id: str
    title: str
    source: str
    dataset: str
    metric: str
    unit: str
    better: Better
    spread_kind: str  # what the ± is a spread of; "unstated" where the paper does not say, "none" without a ±
    verified: bool  # False where any number in it is unverified
    note: str
    columns: tuple[TableColumn, ...]
    rows: tuple[TableRow, ...]


@dataclass(frozen=True)
class RecipeRow:
    aspect: str
    published: str
    source: str
    ours: tuple[str, ...]  # dotted paths in the recipe, such as prior.sigma_init; () where no key holds it


@dataclass(frozen=True)
class PublishedRecipe:
    title: str
    model: str
    recipe: str  # recipes.<model>.<recipe> in params.yaml; "" where the suite has none yet
    rows: tuple[RecipeRow, ...]


@dataclass(frozen=True)
class Deviation:
    id: str  # such as deligan-1
    key: str  # full dotted path in params.yaml, such as recipes.deligan.toy.noise; "" where no key holds it
    paper: str
    code: str
    ours: str
    read_in: str


@dataclass(frozen=True)
class Benchmark:
    """One file: a paper, or for `background` the results the papers rest on."""

    paper: str  # the file's stem, and the `paper` column of the table of measurements
    citation: Citation
    tables: tuple[PublishedTable, ...]
    recipes: tuple[PublishedRecipe, ...]
    claims: tuple[Claim, ...]
    deviations: tuple[Deviation, ...]
    leading: tuple[str, ...] = ()  # the deviations that matter most, by id

    def numbers(self) -> Iterator[tuple[PublishedTable, TableRow, TableColumn, PublishedNumber]]:
        """Every number of every table, with where it stands."""
        for table in self.tables:
            for row, column in product(table.rows, table.columns):
                yield table, row, column, row.numbers[column.name]
