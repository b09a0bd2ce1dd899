"""The report of the profile in force: `python -m replication.report`.

Joins the scored cells into one table of measurements, judges every claim and draws the figures, into
`reports/<profile>/`. `python -m replication.page` then sets the page of all profiles.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from replication.errors import exit_clearly
from replication.params import load_params
from replication.report.build import build_report


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the report of the profile in force."""
    argparse.ArgumentParser(prog="python -m replication.report", description=__doc__).parse_args(arguments)
    params = load_params()
    print(f"report: {build_report(params, params.profile.name, processes=params.profile.threads)}")


if __name__ == "__main__":
    exit_clearly(main)
