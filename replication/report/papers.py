"""One section a paper: citation, recipes beside ours, published tables, figures, claims and deviations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from replication.benchmarks import Benchmark, Citation, Deviation, PublishedNumber, PublishedRecipe, PublishedTable
from replication.cell import OWN
from replication.paths import value_at
from replication.report.pictures import Figure
from replication.report.scoreboard import Row
from replication.report.wording import NONE, slug, value_in_words


@dataclass(frozen=True)
class Grid:
    """A table ready to be set: one header, rows of equal length."""

    title: str
    note: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Paper:
    key: str
    anchor: str
    title: str
    citation: str
    links: tuple[tuple[str, str], ...]  # name, address
    recipes: tuple[Grid, ...]
    tables: tuple[Grid, ...]
    curves: tuple[Figure, ...]
    points: tuple[Figure, ...]
    sheets: tuple[Figure, ...]
    grids: tuple[tuple[str, tuple[Figure, ...]], ...]  # cell and its generated, neighbouring and real images
    judged: tuple[Row, ...]
    deviations: tuple[Deviation, ...]


def paper(
    benchmark: Benchmark, shown: Sequence[Row], figures: Sequence[Figure], provenance: Mapping[str, Any]
) -> Paper:
    """What the pages say about one benchmark file."""
    return Paper(
        key=benchmark.paper,
        anchor=slug(benchmark.paper),
        title=benchmark.citation.title,
        citation=_citation(benchmark.citation),
        links=_links(benchmark.citation),
        recipes=tuple(_recipe(recipe, provenance) for recipe in benchmark.recipes),
        tables=tuple(_table(table) for table in benchmark.tables),
        judged=tuple(row for row in shown if row.paper == benchmark.paper and row.judged),
        deviations=benchmark.deviations,
        **_figures_of(benchmark.paper, figures),
    )


def unpublished(
    benchmarks: Sequence[Benchmark], figures: Sequence[Figure], provenance: Mapping[str, Any]
) -> tuple[Paper, ...]:
    """Sections of runs that belong to no benchmark file, as those on a reader's data set: figures without claims."""
    known = {benchmark.paper for benchmark in benchmarks}
    others = sorted({figure.paper for figure in figures} - known - {""})
    sentences = [cell["left_out"] for cell in provenance["cells"].values() if cell.get("left_out")]
    note = " ".join(["Runs that no claim is about.", *sentences])
    nothing: tuple[()] = ()
    return tuple(
        Paper(
            key=key,
            anchor=slug(key),
            title="Runs of your own" if key == OWN else f"Runs under {key}, of which there is no benchmark file",
            citation=note,
            links=nothing,
            recipes=nothing,
            tables=nothing,
            judged=nothing,
            deviations=nothing,
            **_figures_of(key, figures),
        )
        for key in others
    )


def _figures_of(key: str, figures: Sequence[Figure]) -> dict[str, Any]:
    """The figures of a paper, by the field of its section."""
    own = [figure for figure in figures if figure.paper == key]
    kinds = {"curves": "curves", "points": "points", "sheets": "sheet"}
    by_kind = {field: tuple(figure for figure in own if figure.kind == kind) for field, kind in kinds.items()}
    return {**by_kind, "grids": _image_grids(own)}


def _citation(said: Citation) -> str:
    authors = said.authors if len(said.authors) <= 4 else (*said.authors[:3], "et al")
    year = "" if str(said.year) in said.venue else f", {said.year}"
    return f"{', '.join(authors)}. {said.title}. {said.venue}{year}."


def _links(said: Citation) -> tuple[tuple[str, str], ...]:
    links = []
    if said.arxiv:
        links.append((f"arXiv {said.arxiv}", f"https://arxiv.org/abs/{said.arxiv}"))
    if said.released_code:
        links.append((said.released_code, f"https://github.com/{said.released_code}"))
    return tuple(links)


def _recipe(recipe: PublishedRecipe, provenance: Mapping[str, Any]) -> Grid:
    """The paper's recipe beside ours: one column a variant that this profile ran, else the first there is."""
    known: Mapping[str, Any] = provenance["recipes"].get(f"{recipe.model}.{recipe.recipe}", {})
    cells = [
        cell
        for cell in provenance["cells"].values()
        if (cell["model"], cell["recipe"]) == (recipe.model, recipe.recipe)
    ]
    run = sorted({cell["variant"] for cell in cells} & set(known))
    variants = run or list(known)[:1]
    absent = "No cell of this profile runs it." if known else "This recipe is not in the suite yet."
    names = (f"ours, {recipe.model} {recipe.recipe} ({variant})" for variant in variants)
    rows = tuple(
        (row.aspect, row.published, *(_ours(known[variant], row.ours) for variant in variants), row.source)
        for row in recipe.rows
    )
    return Grid(recipe.title, "" if run else absent, ("aspect", "paper", *names, "read in"), rows)


def _ours(recipe: Mapping[str, Any], paths: Sequence[str]) -> str:
    found = []
    for path in paths:
        name, value = path.split(".")[-1].replace("_", " "), value_in_words(value_at(recipe, path))
        found.append(f"{name} {value}" if len(paths) > 1 else value)
    return "; ".join(found) or NONE


def _table(table: PublishedTable) -> Grid:
    """A published table as transcribed; each number says whether it was checked against the paper."""
    arrows = {"higher": " ↑", "lower": " ↓", "neither": ""}
    header = ("", *(f"{column.name} ({column.unit}){arrows[column.better]}" for column in table.columns))
    rows = tuple((row.name, *(_number(row.numbers[column.name]) for column in table.columns)) for row in table.rows)
    kinds = dict.fromkeys(column.spread_kind for column in table.columns if column.spread_kind != "none")
    spread = f"± is: {'; '.join(kinds)}." if kinds else ""
    checked = "✓ checked against the paper; ? not checked."
    return Grid(f"{table.title} ({table.source})", " ".join(filter(None, (table.note, spread, checked))), header, rows)


def _number(number: PublishedNumber) -> str:
    mark = "✓" if number.verified else "?"
    if number.value is None:
        return f"{number.note or NONE} {mark}" if number.verified else number.note or "not given ?"
    spread = f" ± {number.spread:g}" if number.spread is not None else ""
    note = f" ({number.note})" if number.note else ""
    return f"{number.value:.10g}{spread}{note} {mark}"


def _image_grids(own: Sequence[Figure]) -> tuple[tuple[str, tuple[Figure, ...]], ...]:
    cells: dict[str, list[Figure]] = {}
    for figure in own:
        if figure.kind == "grid":
            cells.setdefault(figure.cell, []).append(figure)
    return tuple((cell, tuple(figures)) for cell, figures in cells.items())
