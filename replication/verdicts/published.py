"""What a paper published and did, as data: the shape of a file `benchmarks/*.yaml`.

`replication.verdicts.benchmarks` reads the files, and writes their JSON schema from these classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Annotated, Literal

from pydantic import Field, with_config
from pydantic.json_schema import SkipJsonSchema

from replication.config.strict import CLOSED, Positive
from replication.table.definitions.definition import Better
from replication.verdicts.claims import Claim, Id, Text

Side = Literal["measured", "against"]
SHARED = ("dataset", "metric", "unit", "better", "spread_kind", "scale")  # what a column takes from its table


@dataclass(frozen=True)
class Citation:
    key: Id
    authors: Annotated[tuple[Text, ...], Field(min_length=1)]
    title: Text
    year: Annotated[int, Field(ge=1900, le=2100)]
    venue: Text
    arxiv: Annotated[str, Field(pattern=r"^([0-9]{4}\.[0-9]{4,5})?$")]  # "" where the paper is not on arXiv
    # "owner/name" on GitHub; "" where nothing was released
    released_code: Annotated[str, Field(pattern=r"^([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)?$")]


@dataclass(frozen=True)
class Other:
    """What somebody else measured under the same name, and how that differs from the paper's protocol."""

    value: Text  # as it is reported
    where: Text
    caveat: Text


@dataclass(frozen=True)
class PublishedNumber:
    value: float | None  # None: the paper prints a number that could not be checked, so it is left out
    verified: bool
    spread: Positive | None = None
    note: str = ""  # what is known instead of the value, such as a direction
    others: tuple[Other, ...] = ()
    claim: str = ""  # the claim whose measurements stand beside the number; "" where none does
    side: Side = "measured"  # which of the claim's sides they are
    released: str = ""  # the claim on the network that the authors released, which has a line of its own
    why: str = ""  # why no claim measures a number of the paper's own trainings


@dataclass(frozen=True)
class TableColumn:
    """A column of a published table; what it does not say itself it takes from its table."""

    name: Text
    dataset: str = ""
    metric: str = ""
    unit: str = ""
    better: Better | None = None
    spread_kind: str = ""
    scale: Annotated[float, Field(ge=0)] = 0.0  # a measured value times this is in the column's unit; 0: by the unit


@dataclass(frozen=True)
class TableRow:
    name: Text
    # Column name → number, in the order of the table's columns.
    numbers: Annotated[dict[str, PublishedNumber], Field(alias="columns")]
    trained: bool = False  # whether the paper's authors trained it: no baseline of others, and no real data


@dataclass(frozen=True)
class PublishedTable:
    id: Id
    title: Text
    source: Text
    dataset: Text
    metric: Text
    unit: Text
    better: Better
    spread_kind: Text  # what the ± is a spread of; "unstated" where the paper does not say, "none" without a ±
    verified: bool  # False where any number in it is unverified
    columns: Annotated[tuple[TableColumn, ...], Field(min_length=1)]
    rows: Annotated[tuple[TableRow, ...], Field(min_length=1)]
    note: str = ""
    scale: Annotated[float, Field(ge=0)] = 0.0

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        for row in self.rows:
            if list(row.numbers) != names:
                raise ValueError(f"row {row.name!r} has columns {list(row.numbers)}; expected {names}")
        verified = all(number.verified for row in self.rows for number in row.numbers.values())
        if verified != self.verified:
            raise ValueError(f"verified is {self.verified}, but the numbers say {verified}; make them agree")
        object.__setattr__(self, "columns", tuple(self._completed(column) for column in self.columns))

    def _completed(self, column: TableColumn) -> TableColumn:
        whole = replace(column, **{key: getattr(column, key) or getattr(self, key) for key in SHARED})
        return replace(whole, scale=whole.scale or (100.0 if whole.unit == "%" else 1.0))


@dataclass(frozen=True)
class RecipeRow:
    aspect: Text
    published: Text
    source: Text
    # Dotted paths in the recipe, such as prior.sigma_init; () where no key holds it.
    ours: tuple[Annotated[str, Field(pattern=r"^[a-z0-9_-]+(\.[a-z0-9_-]+)*$")], ...]


@dataclass(frozen=True)
class PublishedRecipe:
    title: Text
    rows: Annotated[tuple[RecipeRow, ...], Field(min_length=1)]
    model: str = ""
    recipe: str = ""  # recipes.<model>.<recipe> in params.yaml; "" where the suite has none yet

    def __post_init__(self) -> None:
        if bool(self.model) != bool(self.recipe):
            raise ValueError("model and recipe name a recipe together; add the other or leave both out")
        if not self.recipe and any(row.ours for row in self.rows):
            raise ValueError("paths in ours need the recipe that they lie in; add model and recipe")


@dataclass(frozen=True)
class Deviation:
    id: Id  # such as deligan-1
    # Full dotted path in params.yaml, such as recipes.deligan.toy.noise; "" where no key holds it.
    key: Annotated[str, Field(pattern=r"^([a-z0-9_-]+(\.[a-z0-9_-]+)*)?$")]
    paper: Text
    code: Text
    ours: Text
    read_in: Text


@with_config(CLOSED)  # which holds for the classes that it is made of
@dataclass(frozen=True)
class Benchmark:
    """One file: a paper, or for `background` the results the papers rest on."""

    citation: Citation
    tables: tuple[PublishedTable, ...]
    recipes: tuple[PublishedRecipe, ...]
    claims: Annotated[tuple[Claim, ...], Field(min_length=1)]
    deviations: tuple[Deviation, ...]
    leading: Annotated[tuple[str, ...], Field(max_length=5)] = ()  # the deviations that matter most, by id
    paper: SkipJsonSchema[str] = ""  # the file's stem, and the `paper` column of the table of measurements

    def numbers(self) -> Iterator[tuple[PublishedTable, TableRow, TableColumn, PublishedNumber]]:
        """Every number of every table, with where it stands."""
        for table in self.tables:
            for row, column in product(table.rows, table.columns):
                yield table, row, column, row.numbers[column.name]
