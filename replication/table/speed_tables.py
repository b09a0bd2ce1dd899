"""How fast the suite is: tables of what `python -m benchmarks.speed` measured, one a file, each with its machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from replication.table.grids import NONE, Grid, number
from replication.table.speed import Results, SvmResults, SvmTiming, Timing, Training, read_results

FOLDER = Path("speed", "results")  # inside of benchmarks/
DEVICES = {"cpu": "a processor", "cuda": "a GPU"}
KINDS = {"training": "training, ours beside a plain loop", "svm": "the L2-SVM beside LinearSVC"}


@dataclass(frozen=True)
class Performance:
    grids: tuple[Grid, ...]
    not_measured: tuple[str, ...]  # such as "the L2-SVM on a GPU"


def performance(folder: Path) -> Performance:
    """Every file of results in a folder, by kind and name, and what has none.

    Raises:
        InputError: a file is broken, or has keys that no benchmark writes.
    """
    found = [(path, read_results(path)) for path in sorted(folder.glob("*.json"))]
    order = list(KINDS)
    found.sort(key=lambda one: order.index(one[1].benchmark))
    measured = {(one.benchmark, one.kind if isinstance(one, SvmResults) else one.machine.kind) for _, one in found}
    missing = [f"{said} on {DEVICES[kind]}" for name, said in KINDS.items() for kind in DEVICES
               if (name, kind) not in measured]  # fmt: skip
    return Performance(tuple(grid for _, one in found for grid in grids(one)), tuple(missing))


def grids(results: Results | SvmResults) -> tuple[Grid, ...]:
    """The tables of one file."""
    if isinstance(results, SvmResults):
        return (_svm(results),)
    machine, title = results.machine, KINDS[results.benchmark].capitalize()
    said = (
        f"n = {results.rounds} rounds of about {results.round_seconds:g} s",
        f"{machine.device}, {_threads(machine.threads)}, load {machine.load_before:g} before",
        _versions(machine.versions),
        f"{results.date[:10]}, {results.command}, code {results.code_sha256[:12]}",
    )
    note = " ".join((f"{'; '.join(said)}.", *results.notes, *_peak(results)))
    return (Grid(f"{title}, {machine.device}", note, TRAINING, tuple(_training(results.training))),)


TRAINING = (
    "case",
    "of",
    "seeds",
    "ours, iterations/s",
    "plain, iterations/s",
    "ours ÷ plain, median [least, greatest]",
    "ours, images/s",
    "time over that of one seed, ours; plain",
    "share of peak, ours; plain",
    "memory, ours; plain",
    "warm-up, ours; plain",
)


def _training(cases: Sequence[Training]) -> list[tuple[str, ...]]:
    """One line a case, number of seeds and plain arm."""
    alone = {(one.case, timing.arm): _seconds(timing, 1) for one in cases if one.seeds == 1 for timing in one.timings}
    lines = []
    for one in cases:
        ours = one.timings[0]
        for plain, ratio in zip(one.timings[1:], one.ratios, strict=True):
            both = (ours, plain)
            beside = "" if plain.arm == "plain" else f" beside {plain.arm}"
            over = [_over(_seconds(timing, one.seeds), alone.get((one.case, timing.arm))) for timing in both]
            attained = [_share(timing.share_of_peak) for timing in both]
            bound = [_share(timing.share_of_roofline) for timing in both]
            lines.append(
                (
                    f"{one.case}, {one.precision}{beside}",
                    f"{one.recipe}, n = {one.n_train} of {one.data}, batch {one.batch}",
                    str(one.seeds),
                    number(ours.iterations_per_second),
                    number(plain.iterations_per_second),
                    f"{number(ratio.median)} [{number(ratio.low)}, {number(ratio.high)}]",
                    number(ours.images_per_second),
                    "; ".join(over) if one.seeds > 1 else NONE,
                    f"{'; '.join(attained)} of arithmetic, {'; '.join(bound)} of the {one.bound_by} bound",
                    "; ".join(_memory(timing.peak_memory_bytes) for timing in both),
                    "; ".join(f"{number(timing.warm_up_seconds)} s" for timing in both),
                )
            )
    return lines


def _seconds(timing: Timing, seeds: int) -> float:
    """Seconds of one iteration of every seed, in the median round."""
    return seeds / timing.iterations_per_second


def _over(seconds: float, alone: float | None) -> str:
    return NONE if alone is None else number(seconds / alone)


def _share(share: float) -> str:
    return f"{number(100 * share)} %"


def _memory(size: int | None) -> str:
    return "not measured" if size is None else f"{number(size / 2**20)} MiB"


def _threads(count: int) -> str:
    return "one thread" if count == 1 else f"{count} threads"


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _peak(results: Results) -> tuple[str, ...]:
    if results.peak is None:
        return ()
    peak = results.peak
    half = f", {number(peak.bfloat16_gflops)} in bfloat16" if peak.bfloat16_gflops else ""
    return (
        f"Peak in the same run: {number(peak.float32_gflops)} GFLOP/s in float32{half}, "
        f"{number(peak.copy_gb_per_second)} GB/s copied.",
    )


def _svm(results: SvmResults) -> Grid:
    best = {one.solver: one.seconds / one.fits for one in results.timings}
    rows = tuple(_svm_row(one, best) for one in results.timings)
    draws = f"{results.draws} draws of {results.n} examples" if results.draws else f"{results.n} examples"
    note = (
        f"{draws}, {results.features} features, C {', '.join(f'{cost:g}' for cost in results.costs)}; n = fits, each "
        f"of ten machines; {results.device}, {_threads(results.threads)}, load {results.load_before:g} before; "
        f"{_versions(results.versions)}. The worst excess is above a lower bound of the optimum."
    )
    header = ("solver", "n", "s a fit", "CPU s a fit", "ours ÷ LinearSVC, fits a second", "worst excess", "accuracy")
    return Grid(f"L2-SVM beside LinearSVC, {results.device}: {draws}", note, header, rows)


def _svm_row(one: SvmTiming, seconds: dict[str, float]) -> tuple[str, ...]:
    faster = NONE
    if one.solver == "ours" and "LinearSVC" in seconds:
        faster = number(seconds["LinearSVC"] / seconds["ours"])
    return (
        one.solver,
        str(one.fits),
        number(one.seconds / one.fits),
        number(one.cpu_seconds / one.fits),
        faster,
        f"{one.worst_excess:.1e}".replace("-", "−"),
        f"{one.mean_accuracy:.4f}",
    )
