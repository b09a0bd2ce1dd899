"""The report of the profile in force, or of another: `python -m replication.report [--profile NAME]`.

Joins the scored and the recorded cells into one table of measurements, judges every claim and draws the figures, into
`reports/<profile>/`. `python -m replication.page` then sets the page of all profiles.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from replication.config.params import load_params
from replication.foundation.command import exit_clearly
from replication.report.build import build_report


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the report of one profile."""
    params = load_params()
    parser = argparse.ArgumentParser(prog="python -m replication.report", description=__doc__)
    parser.add_argument("--profile", choices=params.profiles, default=params.profile.name, help="default: in force")
    profile = params.profiles[parser.parse_args(arguments).profile]
    print(f"report: {build_report(params, profile.name, processes=profile.threads)}")


if __name__ == "__main__":
    exit_clearly(main)
