"""`python -m benchmarks.speed scale`: what the profile `paper` takes on 1, 8, 64 and 512 GPUs, simulated.

Nothing is trained: cells take what was measured of them or of their like (`cell_costs`), and are placed by list
scheduling (`schedule`). The result is `benchmarks/speed/scale.md`.
"""

from __future__ import annotations

import argparse
import gzip
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from benchmarks.speed.cell_costs import BY_ARITHMETIC, BY_LAUNCHES, Basis, CellCost, Rates, costs, rates
from benchmarks.speed.rows import read_costs
from benchmarks.speed.schedule import SLOTS, Job, Place, chains, simulated
from replication.config.params import load_params
from replication.foundation.atomic import write_atomically
from replication.foundation.places import RECORDED
from replication.table.measurements import PACKED

RESULT = Path("benchmarks/speed/scale.md")
TEXT = Path(__file__).with_name("scale.md.template")
GPUS = (1, 8, 64, 512)
FACTORS = (0.5, 2.0)  # by which what was not measured may be wrong
TOGETHER = 5  # seeds that share a GPU where launches bound them, as measured
TOYS = 50  # seeds of a block on a processor
MANY = 10_000  # cells


def jobs_of(cost: CellCost) -> list[Job]:
    """The blocks of a cell and its scoring: a seed a block where arithmetic fills the GPU, else several together."""
    block = {"arithmetic": 1, "launches": TOGETHER, "processor": TOYS}[cost.bound]
    if cost.training_basis == "measured" and cost.device == "cuda":
        block = cost.seeds  # as it was measured
    place: Place = "cpu" if cost.device == "cpu" else "gpu" if cost.bound != "launches" else "half a gpu"
    sizes = [min(block, cost.seeds - start) for start in range(0, cost.seeds, block)]
    trained = [Job(cost.key, cost.training * size / cost.seeds, place) for size in sizes]
    scored = Job(cost.key, cost.scoring, "cpu" if cost.device == "cpu" else "gpu", last=True)
    return [*trained, *([scored] if cost.scoring else [])]


def jobs_of_the_runner(cost: CellCost) -> list[Job]:
    """The units of a cell that is new to a cluster: each has a GPU, and scores the seeds that it trained."""
    place: Place = "cpu" if cost.device == "cpu" else "gpu"
    shares = [(seeds / cost.seeds, last) for last in (False, True) for seeds in cost.units]
    jobs = [Job(cost.key, (cost.scoring if last else cost.training) * share, place, last) for share, last in shares]
    return [job for job in jobs if job.seconds or not job.last]


def all_jobs(of: Iterable[CellCost], factor: float = 1.0, jobs: Callable[[CellCost], list[Job]] = jobs_of) -> list[Job]:
    """The jobs of all cells, in order."""
    return [job for cost in of for job in jobs(cost.scaled(factor))]


def rows_of_a_cell() -> float:
    """Measurements that a recorded cell has in the mean."""
    counts = [gzip.decompress(path.read_bytes()).count(b"\n") - 1 for path in RECORDED.glob(f"*/{PACKED}")]
    return sum(counts) / len(counts)


def hours(seconds: float) -> str:
    return f"{seconds / 3600:.3g} h"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown, numbers to the right."""
    ruled = ["|".join(("", *header, "")), "|".join(("", "---", *["---:"] * (len(header) - 1), ""))]
    return "\n".join([*ruled, *("|".join(("", *row, "")) for row in rows)])


def _of_gpus(of: Sequence[CellCost]) -> str:
    """As the runner does it, and at best: the latter also in the order of params.yaml and under each of FACTORS."""
    header = (
        "GPUs", "`run --runner ray`", "at best", "½ to 2 ×", "params.yaml's order", "in use", "GPU-hours used", "held",
        "bound by",
    )  # fmt: skip
    jobs, ends = all_jobs(of), [all_jobs(of, factor) for factor in FACTORS]
    units = all_jobs(of, jobs=jobs_of_the_runner)
    longest, body = max(chains(jobs).values()), []
    for n in GPUS:
        plan, in_order = simulated(jobs, n), simulated(jobs, n, longest_first=False)
        runner = simulated(units, n, longest_first=False)
        low, high = (simulated(end, n).makespan for end in ends)
        # what the makespan is nearest to: the work of all GPUs, or the longest chain, which no further GPU shortens
        bound = "the sum of the work" if plan.busy / n > longest else "its longest cell"
        body.append((
            str(n), hours(runner.makespan), hours(plan.makespan), f"{hours(low)} to {hours(high)}",
            hours(in_order.makespan), f"{100 * plan.busy / n / plan.makespan:.0f} %", f"{plan.busy / 3600:.0f}",
            f"{n * plan.makespan / 3600:.0f}", bound,
        ))  # fmt: skip
    return table(header, body)


def _of_bases(of: Sequence[CellCost]) -> str:
    """How much of the work rests on what."""
    body = []
    for device, name in (("cuda", "GPU"), ("cpu", "processor")):
        for basis in get_args(Basis):
            costs = [cost for cost in of if cost.device == device and cost.training_basis == basis]
            if costs:
                trained, scored = (
                    sum(getattr(cost, part) for cost in costs) / 3600 for part in ("training", "scoring")
                )
                body.append((f"{name}, {basis}", str(len(costs)), f"{trained:.3g}", f"{scored:.3g}"))
    return table(("training", "cells", "hours of training", "hours of their scoring"), body)


def _longest(of: Sequence[CellCost]) -> str:
    lengths = sorted(chains(all_jobs(of)).items(), key=lambda item: -item[1])[:5]
    return table(("cell", "longest block and scoring"), [(key, hours(seconds)) for key, seconds in lengths])


def _of_cells(of: Sequence[CellCost]) -> str:
    header = ("cell", "seeds", "trained on", "bound by", "training, s", "which is", "scoring, s", "which is")
    body = [
        (cost.key, str(cost.seeds), cost.device, cost.bound, f"{cost.training:.3g}", cost.training_basis,
         f"{cost.scoring:.3g}" if cost.scoring else "–", cost.scoring_basis if cost.scoring else "–")
        for cost in of
    ]  # fmt: skip
    return table(header, body)


def _of_the_page() -> str:
    body = [
        (cost.command, str(cost.rows), f"{cost.seconds:.0f}", f"{cost.processor:.0f}", f"{cost.gigabytes:.2f}")
        for cost in read_costs()
    ]
    return table(("command", "measurements", "seconds", "seconds of processor", "GB at most"), body)


def _growth(command: str) -> tuple[float, float]:
    """Seconds of processor of a command in any case and for a million rows, from its smallest and largest table."""
    few, *_, many = sorted((cost.rows, cost.processor) for cost in read_costs() if cost.command == command)
    slope = (many[1] - few[1]) / (many[0] - few[0])
    return few[1] - slope * few[0], 1e6 * slope


def document(of: Sequence[CellCost], of_unit: Rates) -> str:
    """scale.md."""
    many = [replace(cost, key=f"{cost.key} {n}") for n in range(math.ceil(MANY / len(of))) for cost in of][:MANY]
    alone, spread = simulated(all_jobs(of), 1), simulated(all_jobs(many), GPUS[-1])
    length, (fixed, per_million) = max(chains(all_jobs(of)).values()), _growth("page")
    values = {
        "cells": len(of), "gpus": _of_gpus(of), "bases": _of_bases(of), "longest": _longest(of), "all": _of_cells(of),
        "page": _of_the_page(), "fixed": f"{fixed:.0f}", "per_million": f"{per_million:.1f}",
        "slots": SLOTS, "together": TOGETHER, "toys": TOYS, "many": MANY,
        "tflop": f"{of_unit.gflop / 1000:.1f}", "kernels": f"{of_unit.kernels / 1000:.0f}",
        "by_arithmetic": BY_ARITHMETIC, "by_launches": BY_LAUNCHES, "work": f"{alone.busy / 3600:.0f}",
        "useful": f"{alone.busy / length:.0f}", "length": hours(length),
        "many_hours": hours(spread.makespan), "many_days": f"{spread.makespan / 86400:.0f}",
        "many_used": f"{100 * spread.busy / GPUS[-1] / spread.makespan:.0f}",
        "rows": f"{rows_of_a_cell():.0f}", "many_rows": f"{MANY * rows_of_a_cell() / 1e6:.0f}",
    }  # fmt: skip
    return TEXT.read_text(encoding="utf-8").format(**values)


def main(arguments: Sequence[str]) -> None:
    """Write the document."""
    argparse.ArgumentParser(prog="python -m benchmarks.speed scale", description=__doc__).parse_args(arguments)
    params = load_params()
    write_atomically(RESULT, document(costs(params), rates(params)))
    print(f"written: {RESULT}")
