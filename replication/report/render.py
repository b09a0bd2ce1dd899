"""One page → index.html, Markdown pages, the tables of README.md, and what DVC shows. No figure is drawn here."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from replication.foundation.errors import InputError
from replication.report.for_dvc import metrics
from replication.report.page import Page

_TAG = re.compile(r"(?<!\\)<(?=[A-Za-z/!?])")
TEMPLATES = Path(__file__).with_name("templates")
BEGIN, END = "<!-- tables:begin -->", "<!-- tables:end -->"
HTML, FIRST, APPENDICES = "index.html", "README.md", "pages/appendices.md"


def pages(page: Page) -> dict[str, str]:
    """Every file that the page consists of, by its path under `reports/`."""
    texts = {HTML: _set("index.html.jinja", page=page), FIRST: _set("first.md.jinja", page=page)}
    for paper in page.papers:
        texts[f"pages/{paper.anchor}.md"] = _set("paper.md.jinja", page=page, paper=paper)
    texts |= {APPENDICES: _set("appendices.md.jinja", page=page)}
    return {**texts, "metrics.json": metrics(page.summary, page.tables, page.counts), **page.plots}


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
def _environment(escaped: bool) -> Environment:
    """HTML is escaped; in Markdown what would be HTML is, and a table's cells are by the filter `cell`."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=escaped,
        finalize=None if escaped else _without_tags,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
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
