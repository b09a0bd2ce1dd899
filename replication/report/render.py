"""One context → report.md, report.html and the scoreboard of README.md. No figure is drawn here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from replication.errors import InputError
from replication.report.context import Context

TEMPLATES = Path(__file__).with_name("templates")
BEGIN, END = "<!-- scoreboard:begin -->", "<!-- scoreboard:end -->"
PAGES = {"report.md": "report.md.jinja", "report.html": "report.html.jinja"}


def render_page(name: str, context: Context) -> str:
    """The text of one of PAGES."""
    return _set(PAGES[name], context=context)


def scoreboard(contexts: Sequence[Context]) -> str:
    """The compact scoreboard of README.md, one block a report, between its markers."""
    return f"{BEGIN}\n\n{_set('readme.md.jinja', contexts=contexts).strip()}\n\n{END}"


def with_scoreboard(readme: str, contexts: Sequence[Context]) -> str:
    """README.md with the text between its markers replaced.

    Raises:
        InputError: a marker is missing, doubled or out of order.
    """
    if readme.count(BEGIN) != 1 or readme.count(END) != 1 or readme.index(BEGIN) > readme.index(END):
        raise InputError(f"README.md needs one line {BEGIN} and, below it, one line {END}: add them.")
    before, rest = readme.split(BEGIN)
    return before + scoreboard(contexts) + rest.split(END)[1]


def _set(template: str, **values: Any) -> str:
    """Set a template; HTML is escaped, and a Markdown table's cells are by the filter `cell`."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=template.endswith("html.jinja"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    environment.globals["style"] = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    return environment.get_template(template).render(**values)


def _cell(text: object) -> str:
    """Text inside a Markdown table: one line, no bar, no HTML, no emphasis by accident."""
    line = " ".join(str(text).split())
    for sign in ("\\", "|", "*", "_", "<", "["):
        line = line.replace(sign, f"\\{sign}")
    return line
