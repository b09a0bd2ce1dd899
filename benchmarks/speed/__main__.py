"""`python -m benchmarks.speed [NAME] [options]`: measure one of BENCHMARKS, or all of them, and print the results.

`training` and `svm` have `--device cuda` for a GPU. A whole run is kept in `benchmarks/speed/results/` with hardware
and versions, and the report shows it. `--quick` only tries whether everything works. Not of all: `smoke` checks the
numbers of a device in a minute, `launches` counts what a GPU would start, `rows` measures the page of ten million
measurements, and `counted` and `scale` simulate the suite on many GPUs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from replication.foundation.command import exit_clearly
from replication.foundation.errors import InputError, chosen

BENCHMARKS = ("training", "svm", "smoke", "launches", "rows", "counted", "scale", "all")
SVM_IN_SMALL = ("--n", "200", "--features", "1000", "--costs", "1e-3")


def _all(arguments: Sequence[str]) -> None:
    """Training, and then the L2-SVM at its usual size."""
    from benchmarks.speed.options import RESULTS, read_options

    options = read_options(arguments)
    if "--out" in arguments or "--case" in arguments:
        raise InputError("All benchmarks in one run write files of their own and have cases of their own: name one.")
    _run("training", arguments)
    as_json = ["--json"] if options.as_json else []
    size = ["--out", str(RESULTS / f"svm-{options.device}.json")] if options.out else SVM_IN_SMALL
    _run("svm", ["--device", options.device, "--threads", str(options.threads), *as_json, *size])


def _run(name: str, arguments: Sequence[str]) -> None:
    import_module(f"benchmarks.speed.{name}").main(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark that the command line names first, with the rest of the command line.

    Raises:
        InputError: there is no such benchmark, or an option asks for what cannot be measured.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] in (["-h"], ["--help"]):
        print(f"{__doc__}\nNAME is one of {', '.join(BENCHMARKS)} (default: all); NAME --help lists its options.")
        return
    name, rest = ("all", words) if not words or words[0].startswith("-") else (words[0], words[1:])
    chosen(dict.fromkeys(BENCHMARKS), name, "benchmark")
    if name == "all":
        _all(rest)
    else:
        _run(name, rest)


if __name__ == "__main__":
    exit_clearly(main)
