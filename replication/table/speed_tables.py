"""How fast the suite is: tables of what `python -m benchmarks.speed` measured, one a file, each with its machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from replication.foundation.folders import entries_of
from replication.table.grids import NONE, Grid, number
from replication.table.speed import Machine, Results, SvmResults, Timing, Training, read_results

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
    results = [read_results(path) for path in entries_of(folder, "*.json")]
    results.sort(key=lambda file: list(KINDS).index(file.benchmark))
    measured = {(file.benchmark, file.kind if isinstance(file, SvmResults) else file.machine.kind) for file in results}
    missing = [(name, device) for name in KINDS for device in DEVICES if (name, device) not in measured]
    return Performance(
        tuple(grid for file in results for grid in grids(file)),
        tuple(f"{KINDS[name]} on {DEVICES[device]}" for name, device in missing),
    )


def grids(results: Results | SvmResults) -> tuple[Grid, ...]:
    """The tables of one file."""
    if isinstance(results, SvmResults):
        return (_svm(results),)
    machine, peak, title = results.machine, results.peak, KINDS[results.benchmark].capitalize()
    facts = (
        f"n = {results.rounds} rounds of about {results.round_seconds:g} s",
        _hardware(machine),
        f"{results.date[:10]}, {results.command}, code {results.code_sha256[:12]}",
    )
    notes = [f"{'; '.join(facts)}.", *results.notes]
    if peak is not None:
        half = f", {number(peak.bfloat16_gflops)} in bfloat16" if peak.bfloat16_gflops else ""
        notes.append(
            f"Peak in the same run: {number(peak.float32_gflops)} GFLOP/s in float32{half}, "
            f"{number(peak.copy_gb_per_second)} GB/s copied."
        )
    return (Grid(f"{title}, {machine.device}", " ".join(notes), TRAINING, tuple(_training(results.training))),)


def _hardware(machine: Machine | SvmResults) -> str:
    """Device, threads, load and versions."""
    threads = "one thread" if machine.threads == 1 else f"{machine.threads} threads"
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return f"{machine.device}, {threads}, load {machine.load_before:g} before; {versions}"


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


def _training(cases: Sequence[Training]) -> Iterator[tuple[str, ...]]:
    """One line a case, number of seeds and plain arm."""
    alone = {
        (case.case, timing.arm): _seconds(timing, 1) for case in cases if case.seeds == 1 for timing in case.timings
    }
    for case in cases:
        ours = case.timings[0]
        for plain, ratio in zip(case.timings[1:], case.ratios, strict=True):
            both, beside = (ours, plain), "" if plain.arm == "plain" else f" beside {plain.arm}"
            over = (_over(_seconds(timing, case.seeds), alone.get((case.case, timing.arm))) for timing in both)
            attained, bound = (
                "; ".join(f"{number(100 * getattr(timing, share))} %" for timing in both)
                for share in ("share_of_peak", "share_of_roofline")
            )
            yield (
                f"{case.case}, {case.precision}{beside}",
                f"{case.recipe}, n = {case.n_train} of {case.data}, batch {case.batch}",
                str(case.seeds),
                number(ours.iterations_per_second),
                number(plain.iterations_per_second),
                f"{number(ratio.median)} [{number(ratio.low)}, {number(ratio.high)}]",
                number(ours.images_per_second),
                "; ".join(over) if case.seeds > 1 else NONE,
                f"{attained} of arithmetic, {bound} of the {case.bound_by} bound",
                "; ".join(_memory(timing.peak_memory_bytes) for timing in both),
                "; ".join(f"{number(timing.warm_up_seconds)} s" for timing in both),
            )


def _seconds(timing: Timing, seeds: int) -> float:
    """Seconds of one iteration of every seed, in the median round."""
    return seeds / timing.iterations_per_second


def _over(seconds: float | None, other: float | None) -> str:
    return NONE if seconds is None or other is None else number(seconds / other)


def _memory(size: int | None) -> str:
    return "not measured" if size is None else f"{number(size / 2**20)} MiB"


def _svm(results: SvmResults) -> Grid:
    seconds = {timing.solver: timing.seconds / timing.fits for timing in results.timings}
    rows = tuple(
        (
            timing.solver,
            str(timing.fits),
            number(timing.seconds / timing.fits),
            number(timing.cpu_seconds / timing.fits),
            _over(seconds.get("LinearSVC"), seconds["ours"]) if timing.solver == "ours" else NONE,
            f"{timing.worst_excess:.1e}".replace("-", "−"),
            f"{timing.mean_accuracy:.4f}",
        )
        for timing in results.timings
    )
    draws = f"{results.draws} draws of {results.n} examples" if results.draws else f"{results.n} examples"
    note = (
        f"{draws}, {results.features} features, C {', '.join(f'{cost:g}' for cost in results.costs)}; n = fits, each "
        f"of ten machines; {_hardware(results)}. The worst excess is above a lower bound of the optimum."
    )
    header = ("solver", "n", "s a fit", "CPU s a fit", "ours ÷ LinearSVC, fits a second", "worst excess", "accuracy")
    return Grid(f"L2-SVM beside LinearSVC, {results.device}: {draws}", note, header, rows)
