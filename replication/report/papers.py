"""One section a paper: conclusion, recipes beside ours, claims, figures and deviations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from replication.config.cell import OWN
from replication.config.params import value_at
from replication.report.pictures import Figure
from replication.report.sources import Chosen
from replication.report.wording import ORIGINS, SHAPES, slug, value_in_words
from replication.table.grids import NONE, Grid
from replication.verdicts.published import Benchmark, Citation, Deviation, PublishedRecipe

AGAINST = ("not replicated", "reversed")
NAMES = {
    "gan": "GAN",
    "dcgan": "DCGAN",
    "improved_gan": "Improved GAN",
    "deligan": "DeLiGAN",
    "background": "Background",
}


@dataclass(frozen=True)
class Paper:
    """What the page says about one benchmark file, below the tables of its first screen."""

    key: str
    anchor: str
    name: str  # such as "DCGAN 2015"
    title: str
    conclusion: str
    figures: tuple[Figure, ...]
    # Runs that belong to no benchmark file have none of the following.
    citation: str = ""
    links: tuple[tuple[str, str], ...] = ()  # name, address
    recipes: tuple[Grid, ...] = ()  # those that ran first
    claims: tuple[Chosen, ...] = ()  # in the order of their origins
    leading: tuple[Deviation, ...] = ()
    deviations: tuple[Deviation, ...] = ()

    def of_origin(self, origin: str) -> tuple[Chosen, ...]:
        return tuple(row for row in self.claims if row.claim.origin == origin)

    def of_kind(self, kind: str) -> tuple[Figure, ...]:
        return tuple(figure for figure in self.figures if figure.kind == kind)

    @property
    def grids(self) -> tuple[tuple[str, tuple[Figure, ...]], ...]:
        """Each cell with its generated, neighbouring and real images."""
        cells = dict.fromkeys(figure.cell for figure in self.of_kind("grid"))
        return tuple((cell, tuple(figure for figure in self.of_kind("grid") if figure.cell == cell)) for cell in cells)


def paper(
    benchmark: Benchmark, rows: Sequence[Chosen], figures: Sequence[Figure], sources: Sequence[Mapping[str, Any]]
) -> Paper:
    """One benchmark file's section; `sources` are the provenances of the profiles."""
    claims = tuple(row for row in rows if row.claim.paper == benchmark.paper)
    by_id = {deviation.id: deviation for deviation in benchmark.deviations}
    recipes = [_recipe(recipe, sources) for recipe in benchmark.recipes]
    arxiv, code = benchmark.citation.arxiv, benchmark.citation.released_code
    links = (f"arXiv {arxiv}", f"https://arxiv.org/abs/{arxiv}", arxiv), (code, f"https://github.com/{code}", code)
    return Paper(
        key=benchmark.paper,
        anchor=slug(benchmark.paper),
        name=name_of(benchmark.paper),
        title=benchmark.citation.title,
        citation=_citation(benchmark.citation),
        links=tuple((name, address) for name, address, key in links if key),
        conclusion=conclusion(claims),
        recipes=tuple(sorted(recipes, key=lambda grid: bool(grid.note))),
        claims=tuple(sorted(claims, key=lambda row: list(ORIGINS).index(row.claim.origin))),
        leading=tuple(by_id[name] for name in benchmark.leading),
        deviations=benchmark.deviations,
        figures=tuple(figure for figure in figures if figure.paper == benchmark.paper),
    )


def unpublished(
    benchmarks: Sequence[Benchmark], figures: Sequence[Figure], sources: Sequence[Mapping[str, Any]]
) -> tuple[Paper, ...]:
    """Sections of runs that belong to no benchmark file, as those on a reader's data set: figures without claims."""
    known = {benchmark.paper for benchmark in benchmarks}
    cells = [cell for source in sources for cell in source["cells"].values()]
    note = " ".join(["No claim is about these runs.", *(cell["left_out"] for cell in cells if cell.get("left_out"))])
    return tuple(
        Paper(
            key=key,
            anchor=slug(key),
            name="Runs of your own" if key == OWN else f"Runs under {key}",
            title="on your images" if key == OWN else "of which there is no benchmark file",
            conclusion=note,
            figures=tuple(figure for figure in figures if figure.paper == key),
        )
        for key in sorted({figure.paper for figure in figures} - known - {""})
    )


def name_of(paper: str) -> str:
    """Such as "Improved GAN 2016" for improved_gan2016."""
    name, year = re.fullmatch(r"([a-z_]+?)(\d*)", paper).groups()  # type: ignore[union-attr]
    return f"{NAMES.get(name, name.replace('_', ' '))} {year}".strip()


def conclusion(claims: Sequence[Chosen]) -> str:
    """How the paper's results and statements came out, and which of them came out against it or beyond it."""
    of_paper = [row for row in claims if row.claim.origin in ("published", "statement")] or list(claims)
    judged = [row for row in of_paper if row.judged]
    words = Counter(row.adjusted.word for row in judged)
    counts = ", ".join(f"{words[word]} {word}" for word in SHAPES if words[word])
    what = "results and statements of the paper" if any(row.claim.origin == "published" for row in claims) else "claims"
    first = f"Of {len(of_paper)} {what} {len(judged) or 'none'} {'is' if len(judged) < 2 else 'are'} judged"
    first += f": {counts}." if counts else "."
    against = [row for row in judged if row.adjusted.word in AGAINST]
    groups = {
        "Against the claim": against,
        "Against it before the adjustment for the number of claims": [
            row for row in judged if row.verdict.word in AGAINST and row not in against
        ],
        "Beyond the published figure": [row for row in judged if row.adjusted.word == "differs, better"],
    }
    named = (
        f"{what}: {'; '.join(row.claim.statement.rstrip('.') for row in rows)}."
        for what, rows in groups.items()
        if rows
    )
    return " ".join([first, *(["No verdict goes against the paper."] if judged and not against else []), *named])


def _citation(citation: Citation) -> str:
    authors = citation.authors if len(citation.authors) <= 4 else (*citation.authors[:3], "et al")
    year = "" if str(citation.year) in citation.venue else f", {citation.year}"
    return f"{', '.join(authors)}. {citation.title}. {citation.venue}{year}."


def _recipe(recipe: PublishedRecipe, sources: Sequence[Mapping[str, Any]]) -> Grid:
    """The paper's recipe beside ours: a column for each variant that ran, else for each that is planned."""
    name = f"{recipe.model}.{recipe.recipe}"
    known: Mapping[str, Any] = next((known["recipes"][name] for known in sources if name in known["recipes"]), {})
    cells = [cell for source in sources for cell in source["cells"].values()]
    run = {cell["variant"] for cell in cells if (cell["model"], cell["recipe"]) == (recipe.model, recipe.recipe)}
    variants = sorted(run & set(known)) or list(known)
    absent = "It has not been run yet." if known else ""
    rows = tuple(
        (row.aspect, row.published, *(_ours(known[variant], row.ours) for variant in variants), row.source)
        for row in recipe.rows
    )
    names = (f"ours, {recipe.model} {recipe.recipe} ({variant})" for variant in variants)
    return Grid(recipe.title, "" if run & set(known) else absent, ("aspect", "paper", *names, "read in"), rows)


def _ours(recipe: Mapping[str, Any], paths: Sequence[str]) -> str:
    parts = []
    for path in paths:
        name, value = path.split(".")[-1].replace("_", " "), value_in_words(value_at(recipe, path))
        parts.append(f"{name} {value}" if len(paths) > 1 else value)
    return "; ".join(parts) or NONE
