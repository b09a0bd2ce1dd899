"""`python -m benchmarks.speed NAME [options]`: measure one of BENCHMARKS and print what was found.

`--json` prints one JSON object instead, with hardware and versions: what `benchmarks/speed/results/` keeps of runs that
were really made.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from replication.errors import exit_clearly


def _svm(arguments: Sequence[str]) -> None:
    from benchmarks.speed.svm import main

    main(arguments)


BENCHMARKS: dict[str, Callable[[Sequence[str]], None]] = {"svm": _svm}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark that the command line names, with the rest of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", choices=sorted(BENCHMARKS), help="what is measured")
    chosen, rest = parser.parse_known_args(arguments)
    BENCHMARKS[chosen.name](rest)


if __name__ == "__main__":
    exit_clearly(main)
