"""The report of the profile in force, the last stage of the pipeline.

python -m replication.report                   writes reports/<profile>/
python -m replication.report --update-readme   rewrites the scoreboard in README.md from the reports there are
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from replication.atomic import write_atomically
from replication.benchmarks import load_benchmarks
from replication.errors import InputError, exit_clearly
from replication.params import load_params
from replication.report.build import REPORTS, build_report, committed_context, committed_reports
from replication.report.render import with_scoreboard

README = Path("README.md")


def update_readme() -> None:
    """Rewrite the scoreboard between the markers of README.md."""
    profiles = committed_reports(load_params())
    if not profiles:
        raise InputError("There is no report under reports/: run `uv run dvc repro` to make one.")
    benchmarks = load_benchmarks()
    contexts = [committed_context(REPORTS / profile, benchmarks) for profile in profiles]
    write_atomically(README, with_scoreboard(README.read_text(encoding="utf-8"), contexts))
    print(f"{README}: scoreboard of {', '.join(profiles)}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the report of the profile in force, or with --update-readme the README's scoreboard."""
    parser = argparse.ArgumentParser(prog="python -m replication.report", description=__doc__)
    parser.add_argument("--update-readme", action="store_true", help="rewrite README.md's scoreboard and nothing else")
    if parser.parse_args(arguments).update_readme:
        update_readme()
        return
    params = load_params()
    print(f"report: {build_report(params, params.profile.name, processes=params.profile.threads)}")


if __name__ == "__main__":
    exit_clearly(main)
