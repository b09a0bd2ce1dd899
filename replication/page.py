"""The page for everything measured, the last stage of the pipeline: `python -m replication.page`.

Reads the reports of all profiles under `reports/` and writes there `index.html`, the same in Markdown (`README.md` and
`pages/`), and what DVC shows: `metrics.json` and `plots/`. `--update-readme` rewrites the papers' tables in README.md
instead.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from replication.config.params import Params, load_params
from replication.foundation.atomic import write_atomically
from replication.foundation.command import exit_clearly
from replication.report.page import HTML, README, REPORTS, pages, read_page, read_readme, with_tables
from replication.verdicts.benchmarks import load_benchmarks


def write_page(params: Params) -> Path:
    """Write the page from the reports under `reports/`; returns where its HTML is. InputError: one is broken."""
    for name, text in pages(read_page(params, load_benchmarks())).items():
        write_atomically(REPORTS / name, text)
    return REPORTS / HTML


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page, or with --update-readme the tables in README.md."""
    parser = argparse.ArgumentParser(prog="python -m replication.page", description=__doc__)
    parser.add_argument("--update-readme", action="store_true", help="rewrite README.md's tables and nothing else")
    if parser.parse_args(arguments).update_readme:
        page = read_page(load_params(), load_benchmarks())
        write_atomically(README, with_tables(read_readme(README), page))
        print(f"{README}: the papers' tables")
    else:
        print(f"page: {write_page(load_params())}")


if __name__ == "__main__":
    exit_clearly(main)
