"""The command line of `python -m benchmarks.speed training`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from benchmarks.speed.cases import CASES, chosen_cases
from replication.foundation.errors import InputError
from replication.foundation.provenance import PACKAGES, code_hash, environment, import_closure
from replication.foundation.runtime import prepare_device
from replication.models import MODELS, source_file
from replication.table.speed import Machine

SEEDS = (1, 5)
RESULTS = Path("benchmarks/speed/results")
ENTRY = Path("benchmarks/speed/__main__.py")


@dataclass(frozen=True)
class Options:
    command: str
    device: str
    threads: int
    torch_threads: int  # that torch chooses by itself
    machine: Machine
    cases: tuple[str, ...]
    seeds: tuple[int, ...]  # how many, each of them in turn
    rounds: int
    seconds: float  # of a round
    precision: str  # of ours
    as_json: bool
    out: Path | None  # the file to write, if any


def read_options(arguments: Sequence[str]) -> Options:
    """The options of a command line; raises InputError where a case, a count or a length cannot be measured."""
    options = _parser().parse_args(arguments)
    usual_rounds, usual_seconds = (2, 0.3) if options.quick else (5, 3.0)
    rounds = usual_rounds if options.rounds is None else options.rounds
    seconds = usual_seconds if options.seconds is None else options.seconds
    seeds = tuple(options.seeds or SEEDS)
    if min((rounds, *seeds, 1 if options.threads is None else options.threads)) < 1 or not 0 < seconds < float("inf"):
        raise InputError(
            f"Cannot measure {rounds} rounds of {seconds:g} s with {list(seeds)} seeds and {options.threads} threads: "
            "give at least 1 of each, and a length above 0."
        )
    cases = chosen_cases(options.case, options.device)
    usual_threads = torch_threads()
    device, threads = prepare_device(options.device, training=True), options.threads or usual_threads
    kind = device if options.precision == "float32" else f"{device}-{options.precision}"
    whole = not (options.quick or options.case or options.seeds or options.rounds or options.seconds)
    return Options(
        command=" ".join(("python -m benchmarks.speed training", *arguments)),
        device=device,
        threads=threads,
        torch_threads=usual_threads,
        machine=_this_machine(device, threads),
        cases=cases,
        seeds=seeds,
        rounds=rounds,
        seconds=seconds,
        precision=options.precision,
        as_json=options.json,
        out=options.out or (RESULTS / f"training-{kind}.json" if whole else None),
    )


@cache
def torch_threads() -> int:
    """As many threads as torch chooses by itself: asked before anything else sets them."""
    return torch.get_num_threads()


def _this_machine(device: str, threads: int) -> Machine:
    known = environment(device, threads)
    versions = {name: str(known[name]) for name in ("python", *PACKAGES)}
    kind = "cuda" if device == "cuda" else "cpu"
    return Machine(str(known["device"]), kind, threads, str(known["system"]), round(os.getloadavg()[0], 1), versions)


def benchmark_hash() -> str:
    """One hash of all code that a benchmark may run, models included."""
    entries = (ENTRY, *map(source_file, MODELS))
    return code_hash({file for entry in entries for file in import_closure(entry)})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed training",
        description="A run without --case, --seeds, --rounds, --seconds and --quick replaces the file of its name in "
        f"{RESULTS}, which the report shows; any other is printed alone, or written where --out says.",
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, help="seeds of ours at once (default: as many as torch has threads)")
    parser.add_argument("--case", action="append", default=[], metavar="NAME", help=f"one of {', '.join(CASES)}")
    parser.add_argument("--seeds", type=int, nargs="+", metavar="N", help="how many at once, in turn (default: 1 5)")
    parser.add_argument("--rounds", type=int, help="of each measurement (default: 5)")
    parser.add_argument("--seconds", type=float, help="that a round of training takes (default: 3)")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="of ours")
    parser.add_argument("--quick", action="store_true", help="two short rounds: whether it works, not how fast it is")
    parser.add_argument("--json", action="store_true", help="print the JSON of the file")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the file to write")
    return parser
