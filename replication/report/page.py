"""The one page for everything measured, whatever profile or machine it came from, as a pure function of files.

`read_page` reads the committed reports of all profiles and the benchmarks. `pages` sets index.html, the Markdown pages
and what DVC shows, and `with_tables` the tables of README.md. No figure is drawn here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from replication.config.params import Params
from replication.foundation.errors import InputError
from replication.report.appendices import Appendices, appendices
from replication.report.for_dvc import metrics, plots
from replication.report.papers import Paper, paper, unpublished
from replication.report.pictures import Figure
from replication.report.published_tables import Summary, Table, summary, tables
from replication.report.sources import PROVENANCE, REPORTS, Chosen, choose, read_source
from replication.report.wording import ORIGINS, SHAPES, Mark, difference, margin, mark, minus_signs, published, sides
from replication.table.grids import NONE
from replication.verdicts.benchmarks import claims_of
from replication.verdicts.published import Benchmark
from replication.verdicts.studies.power import planned

MEANINGS = {
    "replicated": "the interval lies within the margin (value), or wholly on the claim's side (every other kind)",
    "differs, better": "the interval lies wholly beyond the margin, on the better side of the published value",
    "no difference": "the interval lies within the largest negligible difference",
    "inconclusive": "the interval allows both; the reason says how many replicates would settle it",
    "underpowered": "fewer replicates than planned, too few to judge the claim; what they measured is shown",
    "not replicated": "the interval lies wholly beyond the margin on the worse side, or on the wrong side of the bound",
    "reversed": "the interval lies wholly on the other side of no difference",
    "answered": "a question: answered by what was measured, never scored",
    "not assessed": "not run, data closed, needs people, too costly or protocol differs: the reason says which",
}
_TAG = re.compile(r"(?<!\\)<(?=[A-Za-z/!?])")
TEMPLATES = Path(__file__).with_name("templates")
BEGIN, END = "<!-- tables:begin -->", "<!-- tables:end -->"
README = Path("README.md")  # of the repository, which shows the papers' tables too
HTML, FIRST, APPENDICES = "index.html", "README.md", "pages/appendices.md"


@dataclass(frozen=True)
class Page:
    summary: Summary
    tables: tuple[Table, ...]
    counts: tuple[tuple[str, tuple[tuple[Mark, int], ...]], ...]  # adjusted words by origin
    forest: Figure | None
    papers: tuple[Paper, ...]
    appendices: Appendices
    shapes: tuple[tuple[str, str, str], ...]  # word, symbol, meaning
    hardware: tuple[str, ...]
    n_runs: int
    plots: Mapping[str, str]  # CSV files by their path

    def tables_of(self, key: str) -> tuple[Table, ...]:
        return tuple(table for table in self.tables if table.paper == key)


def read_page(params: Params, benchmarks: Sequence[Benchmark]) -> Page:
    """Everything that the page says, from `reports/` and `benchmarks/`.

    Raises:
        InputError: there is no report yet, or one is broken or of other claims.
    """
    claims = claims_of(benchmarks)
    sources = [read_source(REPORTS / name, claims) for name in committed_reports(params)]
    if not sources:
        raise InputError(f"There is no report under {REPORTS}/: run `uv run dvc repro` to make one.")
    chosen = choose(claims, sources, params)
    powers = {name: f"{power.true:.2f} / {power.false:.2f}" for name, power in planned(claims).items()}
    choices = [replace(choice, power=powers.get(name, NONE)) for name, choice in chosen.items()]
    of_papers = tables(benchmarks, chosen)
    # Each figure once: of several profiles that have it, the last one's, which has the most seeds.
    figures = list({figure.same: figure for source in sources for figure in source.figures}.values())
    provenances = [source.provenance for source in sources]
    closed = appendices(sources)
    return Page(
        summary=summary(of_papers),
        tables=of_papers,
        counts=counts(choices),
        forest=next((figure for figure in figures if figure.kind == "forest"), None),
        papers=(
            *(paper(benchmark, choices, figures, provenances) for benchmark in benchmarks),
            *unpublished(benchmarks, figures, provenances),
        ),
        appendices=closed,
        shapes=tuple((word, shape.symbol, MEANINGS[word]) for word, shape in SHAPES.items()),
        hardware=tuple(dict.fromkeys(name for profile in closed.profiles for name in profile.hardware)),
        n_runs=sum(profile.n_runs for profile in closed.profiles),
        plots=plots(chosen, sources),
    )


def counts(rows: Sequence[Chosen]) -> tuple[tuple[str, tuple[tuple[Mark, int], ...]], ...]:
    """How many claims of each origin have each adjusted word, in the order of ORIGINS and SHAPES."""
    words = {origin: [row.verdict.adjusted_word for row in rows if row.claim.origin == origin] for origin in ORIGINS}
    return tuple(
        (name, tuple((mark(word), words[origin].count(word)) for word in SHAPES if word in words[origin]))
        for origin, name in ORIGINS.items()
        if words[origin]
    )


def committed_reports(params: Params) -> list[str]:
    """Profiles that have a report, in the order of params.yaml."""
    return [name for name in params.profiles if (REPORTS / name / PROVENANCE).is_file()]


def pages(page: Page) -> dict[str, str]:
    """Every file that the page consists of, by its path under `reports/`."""
    texts = {HTML: _set("index.html.jinja", page=page), FIRST: _set("first.md.jinja", page=page)}
    for section in page.papers:
        texts[f"pages/{section.anchor}.md"] = _set("paper.md.jinja", page=page, paper=section)
    texts |= {APPENDICES: _set("appendices.md.jinja", page=page)}
    return {**texts, "metrics.json": metrics(page.summary, page.tables, page.counts), **page.plots}


def read_readme(path: Path) -> str:
    """The text of README.md.

    Raises:
        InputError: there is none, or it is no text in UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(f"There is no {path}: restore it from Git.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text in UTF-8 ({error}): save it in UTF-8.") from error


def with_tables(readme: str, page: Page) -> str:
    """README.md with the papers' tables between its markers.

    Raises:
        InputError: a marker is missing, doubled or out of order.
    """
    if readme.count(BEGIN) != 1 or readme.count(END) != 1 or readme.index(BEGIN) > readme.index(END):
        raise InputError(f"README.md needs one line {BEGIN} and, below it, one line {END}: add them.")
    before, rest = readme.split(BEGIN)
    return f"{before}{BEGIN}\n\n{_set('readme.md.jinja', page=page).strip()}\n\n{END}{rest.split(END)[1]}"


def _set(template: str, **values: Any) -> str:
    html = template.endswith("html.jinja")
    return _environment(html).get_template(template).render(html=html, **values)


@cache
def _environment(escaped: bool) -> Any:
    """HTML is escaped; in Markdown what would be HTML is, and a table's cells are by the filter `cell`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # slow to import, and the page alone needs it

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=escaped,
        finalize=None if escaped else _without_tags,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"cell": _cell, "minus_signs": minus_signs}
    environment.globals |= {"difference": difference, "margin": margin, "published": published, "sides": sides}
    for name, file in (("style", "style.css"), ("script", "script.js")):
        environment.globals[name] = (TEMPLATES / file).read_text(encoding="utf-8")
    return environment


def _without_tags(value: object) -> object:
    """Text in Markdown that would begin an element of HTML is escaped, once; templates write their own elements."""
    return _TAG.sub(r"\\<", value) if isinstance(value, str) else value


def _cell(text: object) -> str:
    """Text inside a Markdown table: one line, no bar, no HTML, no emphasis by accident."""
    line = " ".join(str(text).split())
    for sign in ("\\", "|", "*", "_", "<", "["):
        line = line.replace(sign, f"\\{sign}")
    return line
