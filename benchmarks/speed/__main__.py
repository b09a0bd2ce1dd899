"""`python -m benchmarks.speed [NAME] [options]`: measure one of BENCHMARKS, or all of them, and print what was found.

`training`, `scoring` and `stages` share their options, with `--device cuda` for a GPU; `svm` has its own, and
`launches` counts what a GPU would start. What a whole run finds is kept in `benchmarks/speed/results/` with hardware
and versions, and the report shows it. `--quick` only tries whether everything works. `smoke` takes a minute, checks
numbers first, and is not one of all; nor are `rows`, which measures the page of ten million measurements, and `counted`
and `scale`, which simulate the suite on many GPUs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from replication.foundation.command import exit_clearly
from replication.foundation.errors import InputError

if TYPE_CHECKING:
    from benchmarks.speed.options import Name

SVM_IN_SMALL = ("--n", "200", "--features", "1000", "--costs", "1e-3")


def _shared(name: Name, arguments: Sequence[str]) -> None:
    from benchmarks.speed.options import read_options
    from benchmarks.speed.writing import show

    if name == "training":
        from benchmarks.speed.training import measure_training as measure
    elif name == "scoring":
        from benchmarks.speed.scoring import measure_scoring as measure
    else:
        from benchmarks.speed.stages import measure_stages as measure
    options = read_options(name, arguments)
    show(measure(options), options)


def _svm(arguments: Sequence[str]) -> None:
    from benchmarks.speed.svm import main

    main(arguments)


def _smoke(arguments: Sequence[str]) -> None:
    from benchmarks.speed.smoke import main

    main(arguments)


def _launches(arguments: Sequence[str]) -> None:
    from benchmarks.speed.launches import main

    main(arguments)


def _rows(arguments: Sequence[str]) -> None:
    from benchmarks.speed.rows import main

    main(arguments)


def _counted(arguments: Sequence[str]) -> None:
    from benchmarks.speed.counted import main

    main(arguments)


def _scale(arguments: Sequence[str]) -> None:
    from benchmarks.speed.scale import main

    main(arguments)


def _all(arguments: Sequence[str]) -> None:
    """The benchmarks that share their options, one after another, and then the L2-SVM at its usual size."""
    from benchmarks.speed.options import RESULTS, read_options

    options = read_options("training", arguments)
    if "--out" in arguments or "--case" in arguments:
        raise InputError("All benchmarks in one run write files of their own and have cases of their own: name one.")
    for name in ("training", "scoring", "stages"):
        _shared(name, arguments)
    as_json = ["--json"] if options.as_json else []
    size = ["--out", str(RESULTS / f"svm-{options.device}.json")] if options.out else SVM_IN_SMALL
    _svm(["--device", options.device, "--threads", str(options.threads), *as_json, *size])


BENCHMARKS: dict[str, Callable[[Sequence[str]], None]] = {
    "training": partial(_shared, "training"),
    "scoring": partial(_shared, "scoring"),
    "stages": partial(_shared, "stages"),
    "svm": _svm,
    "smoke": _smoke,
    "launches": _launches,
    "rows": _rows,
    "counted": _counted,
    "scale": _scale,
    "all": _all,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark that the command line names first, with the rest of the command line.

    Raises:
        InputError: there is no such benchmark, or an option asks for what cannot be measured.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] in (["-h"], ["--help"]):
        print(f"{__doc__}\nNAME is one of {', '.join(BENCHMARKS)} (default: all); NAME --help lists its options.")
        return
    name, rest = ("all", given) if not given or given[0].startswith("-") else (given[0], given[1:])
    if name not in BENCHMARKS:
        raise InputError(f"There is no benchmark {name!r}; accepted: {', '.join(BENCHMARKS)}.")
    BENCHMARKS[name](rest)


if __name__ == "__main__":
    exit_clearly(main)
