"""Study the verdict rule and the claims: `python -m replication.verdicts power|simulation`.

`power` says how often each claim would be called replicated as it is planned, and `simulation` how often the rule errs.
Each has a `--help`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from replication.foundation.command import exit_clearly
from replication.foundation.errors import chosen

STUDIES = {name: f"replication.verdicts.studies.{name}" for name in ("power", "simulation")}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study that the command line names."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help"):
        print(__doc__)
        return
    import_module(chosen(STUDIES, words[0], "study")).main(words[1:])


if __name__ == "__main__":
    exit_clearly(main)
