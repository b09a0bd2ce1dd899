"""The command line that the benchmarks share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import torch

from benchmarks.speed.cases import CASES, chosen_cases
from benchmarks.speed.machine import this_machine
from replication.foundation.errors import InputError
from replication.foundation.runtime import prepare_device
from replication.table.speed import Machine

Name = Literal["training", "scoring", "stages"]
SEEDS = {"training": (1, 5), "scoring": (1,), "stages": (1, 2, 5, 10)}
RESULTS = Path("benchmarks/speed/results")


@dataclass(frozen=True)
class Options:
    name: Name
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


def read_options(name: Name, arguments: Sequence[str]) -> Options:
    """The options of one benchmark; of `--device cuda` it is made sure that there is one.

    Raises:
        InputError: a case, a count or a length is not one that can be measured.
    """
    given = _parser(name).parse_args(arguments)
    usual_rounds, usual_seconds = (2, 0.3) if given.quick else (5, 3.0)
    rounds = usual_rounds if given.rounds is None else given.rounds
    seconds = usual_seconds if given.seconds is None else given.seconds
    seeds = tuple(given.seeds or SEEDS[name])
    if min((rounds, *seeds, 1 if given.threads is None else given.threads)) < 1 or not 0 < seconds < float("inf"):
        raise InputError(
            f"Cannot measure {rounds} rounds of {seconds:g} s with {list(seeds)} seeds and {given.threads} threads: "
            "give at least 1 of each, and a length above 0."
        )
    cases = chosen_cases(given.case, name, given.device)
    usual_threads = torch_threads()
    device, threads = prepare_device(given.device, name != "scoring"), given.threads or usual_threads
    kind = device if given.precision == "float32" else f"{device}-{given.precision}"
    whole = not (given.quick or given.case or given.seeds or given.rounds or given.seconds)
    return Options(
        name=name,
        command=" ".join(("python -m benchmarks.speed", name, *arguments)),
        device=device,
        threads=threads,
        torch_threads=usual_threads,
        machine=this_machine(device, threads),
        cases=cases,
        seeds=seeds,
        rounds=rounds,
        seconds=seconds,
        precision=given.precision,
        as_json=given.json,
        out=given.out or (RESULTS / f"{name}-{kind}.json" if whole else None),
    )


@cache
def torch_threads() -> int:
    """As many threads as torch chooses by itself: asked before anything else sets them."""
    return torch.get_num_threads()


def _parser(name: Name) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.speed {name}",
        description="A run without --case, --seeds, --rounds, --seconds and --quick replaces the file of its name in "
        f"{RESULTS}, which the report shows; any other is printed alone, or written where --out says.",
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, help="seeds of ours at once (default: as many as torch has threads)")
    parser.add_argument("--case", action="append", default=[], metavar="NAME", help=f"one of {', '.join(CASES)}")
    parser.add_argument(
        "--seeds", type=int, nargs="+", metavar="N", help="how many at once, in turn (default: 1 5; stages: 1 2 5 10)"
    )
    parser.add_argument("--rounds", type=int, help="of each measurement (default: 5)")
    parser.add_argument("--seconds", type=float, help="that a round of training takes (default: 3)")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="of ours")
    parser.add_argument("--quick", action="store_true", help="two short rounds: whether it works, not how fast it is")
    parser.add_argument("--json", action="store_true", help="print the JSON of the file")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the file to write")
    return parser
