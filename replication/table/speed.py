"""What `python -m benchmarks.speed` writes and the report shows: a closed schema, one file a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Literal

from pydantic.dataclasses import dataclass

from replication.config.strict import CLOSED, strict
from replication.foundation.errors import InputError
from replication.foundation.foreign import read_json
from replication.foundation.provenance import PACKAGES

Arm = Literal["ours", "plain", "plain, one thread", "plain, TF32"]
Bound = Literal["arithmetic", "bandwidth"]
PROCESSOR = "cores)"  # how the name of a processor ends in `replication.foundation.provenance.environment`


@dataclass(frozen=True, config=CLOSED)
class Machine:
    device: str
    kind: Literal["cpu", "cuda"]
    threads: int
    system: str
    load_before: float  # of the last minute, before anything was measured
    versions: dict[str, str]


@dataclass(frozen=True, config=CLOSED)
class Peak:
    """What the device attained in the same run, the best of several times."""

    float32_gflops: float  # of a product of square matrices, without TF32
    bfloat16_gflops: float | None  # None where it is not measured
    copy_gb_per_second: float  # read and written


@dataclass(frozen=True, config=CLOSED)
class Timing:
    """One arm of a case: `seconds` of each round, for `iterations` of every seed."""

    arm: Arm
    iterations: int
    seconds: tuple[float, ...]
    warm_up_seconds: float  # until the first iteration of every seed is done: building, compiling, capturing
    iterations_per_second: float  # of all seeds together, in the median round
    images_per_second: float  # real images or points of the discriminator's minibatches
    peak_memory_bytes: int | None  # allocated on the device; None on the CPU, where both arms share one process
    share_of_peak: float  # needed arithmetic a second, of what a matrix product attains in the arm's precision
    share_of_roofline: float  # time that arithmetic or memory traffic needs at the peak, of the time taken


@dataclass(frozen=True, config=CLOSED)
class Ratio:
    """How many times as many iterations a second ours makes: the median round, the least and the greatest."""

    against: Arm
    median: float
    low: float
    high: float


@dataclass(frozen=True, config=CLOSED)
class Training:
    case: str
    recipe: str
    data: str
    n_train: int
    batch: int
    precision: str  # of ours
    seeds: int
    gflop_per_iteration: float  # that one seed needs
    megabytes_per_iteration: float  # that its operations read and write, each on its own
    bound_by: Bound  # which of both takes longer at the device's peak
    timings: tuple[Timing, ...]  # ours first
    ratios: tuple[Ratio, ...]

    def __post_init__(self) -> None:
        if not self.timings or self.timings[0].arm != "ours":
            raise ValueError("timings begin with those of ours")
        for timing in self.timings:
            expected = rate(self.seeds * timing.iterations, timing.seconds)
            if not math.isclose(timing.iterations_per_second, expected, rel_tol=1e-6):
                raise ValueError(f"{timing.iterations_per_second} iterations a second do not follow from the seconds")
        if list(self.ratios) != [ratio_of(self.timings[0], other) for other in self.timings[1:]]:
            raise ValueError("the ratios do not follow from the seconds")


@dataclass(frozen=True, config=CLOSED)
class Results:
    benchmark: Literal["training"]
    command: str
    date: str
    code_sha256: str
    machine: Machine
    rounds: int
    round_seconds: float  # that a round was meant to take
    notes: tuple[str, ...]
    peak: Peak | None = None
    training: tuple[Training, ...] = ()


@dataclass(frozen=True, config=CLOSED)
class SvmTiming:
    solver: str
    fits: int
    seconds: float
    cpu_seconds: float
    worst_excess: float
    mean_accuracy: float


@dataclass(frozen=True, config=CLOSED)
class SvmResults:
    """One JSON object of `python -m benchmarks.speed svm`, its versions put together."""

    benchmark: Literal["svm"]
    n: int
    features: int
    draws: int
    costs: tuple[float, ...]
    device: str
    threads: int
    system: str
    load_before: float
    versions: dict[str, str]
    timings: tuple[SvmTiming, ...]

    @property
    def kind(self) -> str:
        return "cpu" if self.device.endswith(PROCESSOR) else "cuda"


def rate(count: int, seconds: Sequence[float]) -> float:
    """How many a second, in the median round of `count` each."""
    return count / median(seconds)


def ratio_of(ours: Timing, other: Timing) -> Ratio:
    """Ours over another arm, round by round: a drift of the machine is in both."""
    scale = ours.iterations / other.iterations
    ratios = [scale * theirs / here for here, theirs in zip(ours.seconds, other.seconds, strict=True)]
    return Ratio(other.arm, median(ratios), min(ratios), max(ratios))


def read_results(path: Path) -> Results | SvmResults:
    """One file of `benchmarks/speed/results/`.

    Raises:
        InputError: it is not JSON, or not what one of the benchmarks writes.
    """
    try:
        written = read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no JSON file ({error}): run `python -m benchmarks.speed` again.") from error
    named = written.get("benchmark") if isinstance(written, dict) else None
    if named == "svm":
        versions = {name: written.pop(name) for name in ("python", *PACKAGES) if name in written}
        return strict(SvmResults, {**written, "versions": versions}, str(path))
    if named != "training":
        raise InputError(f"{path}: benchmark is {named!r}; accepted: training, svm.")
    return strict(Results, written, str(path))
