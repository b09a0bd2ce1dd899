"""How long the trainings of a profile take, from rates that `python -m benchmarks.speed training` measured.

python -m replication.estimate [PROFILE] [--json]    each cell of a profile (default: paper), and their total
python -m replication.estimate --write               benchmarks/speed/estimates.json, which the report shows
python -m replication.estimate brief --assumed       by assumed rates instead: the arithmetic behind its budgets
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from replication.atomic import write_atomically
from replication.budgets import in_percent
from replication.data.options import Dataset
from replication.data.shapes import class_count, sample_shape
from replication.errors import InputError, exit_clearly
from replication.params import Cell, Params, Profile, load_params
from replication.recipes import Recipe
from replication.report.estimates import PATH, CellEstimate, Estimates, ProfileEstimate
from replication.report.speed_results import Results, Training, read_results
from replication.workload import ELSEWHERE, Workload, assumed_seconds, workload

RESULTS = Path("benchmarks/speed/results")
MEASURE = "uv run python -m benchmarks.speed training --device {}"
CASE = re.compile(r"(\w+) (\S+) \((\w+)\)")  # how a case names its recipe: model, recipe, variant


@dataclass(frozen=True)
class Rate:
    """A measured case: what one unit of it is, and how many units a second all its seeds made together."""

    case: str
    device: str  # cpu or cuda
    seeds: int
    precision: str
    work: Workload
    units_per_second: float


def read_rates(params: Params, folder: Path = RESULTS) -> tuple[list[Rate], list[str]]:
    """The rates of every `training-*.json`, and what each file was measured on; none where nothing was measured.

    Cases whose recipe or data set `params.yaml` no longer has are left out, for their arithmetic cannot be counted.

    Raises:
        InputError: a file is not what the benchmark writes.
    """
    rates, said = [], []
    for path in sorted(folder.glob("training-*.json")):
        found = read_results(path)
        if isinstance(found, Results):
            rates += [rate for one in found.training if (rate := _rate(params, one, found.machine.kind))]
            said.append(f"{path.name} ({found.machine.device}, {found.date[:10]})")
    return rates, said


def _rate(params: Params, measured: Training, device: str) -> Rate | None:
    named, dataset = CASE.fullmatch(measured.recipe), params.datasets.get(measured.data.split()[-1])
    if named is None or dataset is None or named[2] not in params.recipes.get(named[1], {}):
        return None
    work = _workload(named[1], params.recipe(named[1], named[2], named[3]), dataset)
    speed = measured.timings[0].iterations_per_second
    return Rate(measured.case, device, measured.seeds, measured.precision, work, speed)


def _workload(model: str, recipe: Recipe, dataset: Dataset) -> Workload:
    return workload(model, recipe, sample_shape(dataset), class_count(dataset))


def workloads(params: Params, profile: Profile) -> dict[str, Workload]:
    """What each trained cell of a profile is, by its key."""
    counted: dict[tuple[Any, ...], Workload] = {}
    found = {}
    for key, cell in profile.cells.items():
        same = (cell.model, cell.recipe, cell.variant, cell.dataset, cell.budget)
        if same not in counted:
            counted[same] = _workload(cell.model, params.recipe_of(cell), params.datasets[cell.dataset])
        found[key] = counted[same]
    return found


def estimate_profile(params: Params, profile: Profile, rates: Iterable[Rate], said: Sequence[str]) -> ProfileEstimate:
    """Every trained cell of a profile at the nearest measured rate."""
    rates, work = list(rates), workloads(params, profile)
    cells = tuple(_estimate(params, cell, work[key], profile.device, rates) for key, cell in profile.cells.items())
    missing = dict.fromkeys(cell.device for cell in cells if cell.seconds is None)
    return ProfileEstimate(profile.name, tuple(said), tuple(map(MEASURE.format, missing)), cells)


def _estimate(params: Params, cell: Cell, work: Workload, device: str, rates: Sequence[Rate]) -> CellEstimate:
    recipe, seeds = params.recipe_of(cell), len(cell.seed_numbers)
    device = "cpu" if work.kind == "toy" else device
    rate = nearest_rate(work, device, recipe.precision, seeds, rates)
    ratio = None if rate is None else work.flops / rate.work.flops
    seconds = None
    if rate is not None and ratio is not None:
        seconds = _digits(work.units * seeds / rate.units_per_second * max(1.0, ratio))
    return CellEstimate(
        cell=cell.key,
        model=cell.model,
        seeds=seeds,
        updates=recipe.updates,
        units=work.units,
        kind=work.kind,
        gflop_per_unit=_digits(work.flops / 1e9),
        device=device,  # pyright: ignore[reportArgumentType]
        case=rate.case if rate else "",
        of_case=None if ratio is None else _digits(ratio),
        seconds=seconds,
    )


def nearest_rate(work: Workload, device: str, precision: str, seeds: int, rates: Iterable[Rate]) -> Rate | None:
    """Of the cases of one kind of network, device and precision the one nearest in arithmetic, then in seeds."""
    fitting = [one for one in rates if (one.work.kind, one.device, one.precision) == (work.kind, device, precision)]
    return min(
        fitting,
        key=lambda one: (abs(math.log(work.flops / one.work.flops)), abs(one.seeds - seeds)),
        default=None,
    )


def _digits(value: float) -> float:
    return float(f"{value:.4g}")


def as_text(found: ProfileEstimate) -> str:
    """The estimate for a terminal: a line a cell, then the total or what is missing."""
    rows = [("cell", "trainings", "updates", "GFLOP a unit", "at the rate of", "arithmetic of ours", "seconds")]
    for one in found.cells:
        ours = "" if one.of_case is None else f"{one.of_case:.2g} times"
        seconds = "" if one.seconds is None else f"{one.seconds:.0f}"
        place = (one.case or one.missing, ours, seconds)
        rows.append((one.cell, str(one.seeds), str(one.updates), f"{one.gflop_per_unit:.3g}", *place))
    lines = [f"profile {found.profile}, rates of {', '.join(found.measured) or 'no file'}", "", *_columns(rows), ""]
    if found.seconds is not None:
        lines.append(f"all trainings, one cell after another: {_duration(found.seconds)}")
    missing = sorted({one.missing for one in found.cells} - {""})
    if missing:
        lines += ["no total: " + "; ".join(missing), *(f"measure with: {command}" for command in found.commands)]
    return "\n".join(lines)


def assumed_text(params: Params, profile: Profile) -> str:
    """The arithmetic behind a profile's budgets: FLOPs over assumed rates, and what is allotted to the rest."""
    rows, seconds = [("cell", "budget", "updates", "GFLOP a unit", "seconds, assumed")], 0.0
    for key, work in workloads(params, profile).items():
        cell = profile.cells[key]
        taken = assumed_seconds(work, len(cell.seed_numbers))
        seconds += taken or 0.0
        shown = "allotted below" if taken is None else f"{taken:.0f}"
        rows.append(
            (key, in_percent(cell.budget), str(params.recipe_of(cell).updates), f"{work.flops / 1e9:.3g}", shown)
        )
    rest = [f"{allotted:6.0f} s  {what}" for what, allotted in ELSEWHERE.items()]
    total = seconds + sum(ELSEWHERE.values())
    head = f"profile {profile.name} by assumed rates, which no run has measured"
    lines = [head, "", *_columns(rows), "", f"{seconds:6.0f} s  training on the GPU", *rest]
    return "\n".join([*lines, f"{total:6.0f} s  together, {_duration(total)}"])


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 7200 else f"{seconds / 60:.1f} minutes"


def write_estimates(params: Params, path: Path, results: Path = RESULTS) -> None:
    """Estimates of every profile on CUDA into the file that the report shows."""
    rates, said = read_rates(params, results)
    profiles = [one for one in params.profiles.values() if one.device == "cuda"]
    found = Estimates(tuple(estimate_profile(params, one, rates, said) for one in profiles))
    write_atomically(path, json.dumps(asdict(found), indent=1, ensure_ascii=False) + "\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one profile's estimate, or write those that the report shows."""
    parser = argparse.ArgumentParser(prog="python -m replication.estimate", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "profile", nargs="?", default="paper", metavar="PROFILE", help="of params.yaml (default: paper)"
    )
    parser.add_argument("--json", action="store_true", help="print the same as JSON")
    parser.add_argument("--assumed", action="store_true", help="by assumed rates, in place of measured ones")
    parser.add_argument("--write", action="store_true", help="write what the report shows, of every profile on CUDA")
    given = parser.parse_args(arguments)
    params = load_params()
    if given.profile not in params.profiles:
        raise InputError(f"There is no profile {given.profile!r}; accepted: {', '.join(params.profiles)}.")
    profile = params.profiles[given.profile]
    if given.write:
        path = Path("benchmarks") / PATH
        write_estimates(params, path)
        print(f"written: {path}")
    elif given.assumed:
        print(assumed_text(params, profile))
    else:
        found = estimate_profile(params, profile, *read_rates(params))
        print(json.dumps({**asdict(found), "seconds": found.seconds}, indent=1) if given.json else as_text(found))


if __name__ == "__main__":
    exit_clearly(main)
