"""Our trainer beside the plain loop on the same device, round by round: `python -m benchmarks.speed training`."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from statistics import median

import pandas as pd
import torch
from tqdm import tqdm

from benchmarks.speed.arms import Ours, Plain, length_of_round, plain_training
from benchmarks.speed.cases import Work, prepare_case
from benchmarks.speed.counting import Need, measure_peak, needs
from benchmarks.speed.options import Options, benchmark_hash, read_options
from replication.config.params import load_params
from replication.config.recipes import Recipe
from replication.foundation.atomic import write_atomically
from replication.table.speed import Arm, Bound, Peak, Results, Timing, Training, rate, ratio_of
from replication.table.speed_tables import grids
from replication.training.schedule import minibatches_of_unit

NOTES = (
    "Plain is the loop of benchmarks/speed/plain.py under torch's defaults: a DataLoader without workers, eager "
    "float32, torch.optim, .item() of both losses at every step, one seed after another.",
    "An iteration is one turn of the recipe's schedule. Speed does not depend on what images show, so random ones "
    "stand for data sets that must be downloaded.",
    "Arithmetic counts products and convolutions that an iteration needs; bytes, what its operations read and write "
    "one by one, so that a share of the roofline above 100 % means values kept in caches.",
    "Memory of the CPU is not measured: both arms share one process, which keeps what it was given.",
)
ON_DEVICE = {
    "cpu": "Plain computes on as many threads as torch chooses; beside it stands the same loop on one thread.",
    "cuda": "TF32 is off in ours and plain; beside them stands the plain loop with TF32 convolutions, torch's default. "
    "Toys train in compiled loops on the processor, whatever else a profile trains on, and are timed there.",
}
LOADED = "Other work ran on the machine: measure again where the load is low."
QUIET = 0.25  # processes a core in the minute before
COUNTED = 8  # iterations under a balanced schedule, whose turns differ


def measure_training(options: Options) -> Results:
    """Every case at every number of seeds."""
    params, peak = load_params(), measure_peak(options.device, options.threads)
    trainings = []
    for name in tqdm(options.cases, desc="training", unit="case", disable=None):
        work = prepare_case(name, params, options.precision)
        need = iteration_needs(work, options.device, options.threads)
        trainings += [time_case(work, tuple(range(count)), need, peak, options) for count in options.seeds]
    loaded = options.machine.load_before > QUIET * (os.cpu_count() or 1)
    return Results(
        benchmark="training",
        command=options.command,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        code_sha256=benchmark_hash(),
        machine=options.machine,
        rounds=options.rounds,
        round_seconds=options.seconds,
        notes=(*NOTES, ON_DEVICE[options.device], *([LOADED] if loaded else [])),
        peak=peak,
        training=tuple(trainings),
    )


def time_case(work: Work, seeds: Sequence[int], need: Need, peak: Peak, options: Options) -> Training:
    """One case with these seeds: both arms in turn, each first in every other round."""
    gc.collect()  # what an earlier case leaves is not this one's memory
    device, threads = options.device, options.torch_threads
    beside: list[Arm] = ["plain"]
    if device == "cuda" or threads > 1:
        beside.append("plain, TF32" if device == "cuda" else "plain, one thread")
    arms: list[Ours | Plain] = [
        Ours(work, seeds, device, options.threads),
        *(Plain(work, seeds, device, threads, name) for name in beside),
    ]
    iterations = [length_of_round(arm.run, options.seconds) for arm in arms]
    seconds: list[list[float]] = [[] for _ in arms]
    for turn in range(options.rounds):
        for index in sorted(range(len(arms)), reverse=bool(turn % 2)):
            seconds[index].append(arms[index].run(iterations[index]))
    timings = tuple(
        _timing(arm, count, elapsed, work.recipe, len(seeds), need, peak)
        for arm, count, elapsed in zip(arms, iterations, seconds, strict=True)
    )
    bound_by, _ = roofline(need, peak, work.recipe.precision)
    return Training(
        case=work.name,
        recipe=work.title,
        data=work.data_name,
        n_train=len(work.data.values),
        batch=work.recipe.batch,
        precision=work.recipe.precision,
        seeds=len(seeds),
        gflop_per_iteration=need.flop / 1e9,
        megabytes_per_iteration=need.bytes / 1e6,
        bound_by=bound_by,
        timings=timings,
        ratios=tuple(ratio_of(timings[0], other) for other in timings[1:]),
    )


def _timing(
    arm: Ours | Plain, iterations: int, seconds: list[float], recipe: Recipe, seeds: int, need: Need, peak: Peak
) -> Timing:
    each = seeds * iterations / median(seconds)
    precision = recipe.precision if arm.name == "ours" else "float32"
    _, least = roofline(need, peak, precision)
    return Timing(
        arm=arm.name,
        iterations=iterations,
        seconds=tuple(seconds),
        warm_up_seconds=arm.warm_up_seconds,
        iterations_per_second=rate(seeds * iterations, seconds),
        images_per_second=each * recipe.batch * minibatches_of_unit(recipe),
        peak_memory_bytes=arm.peak_memory,
        share_of_peak=each * need.flop / (1e9 * gflops(peak, precision)),
        share_of_roofline=each * least,
    )


def gflops(peak: Peak, precision: str) -> float:
    """The attained rate of a precision; float32's where bfloat16 was not measured."""
    return peak.bfloat16_gflops if precision == "bfloat16" and peak.bfloat16_gflops else peak.float32_gflops


def roofline(need: Need, peak: Peak, precision: str) -> tuple[Bound, float]:
    """Which of arithmetic and bandwidth an iteration waits for at the device's peak, and the seconds that it takes."""
    computing = need.flop / (1e9 * gflops(peak, precision))
    moving = need.bytes / (1e9 * peak.copy_gb_per_second)
    return ("arithmetic" if computing >= moving else "bandwidth"), max(computing, moving)


def iteration_needs(work: Work, device: str, threads: int) -> Need:
    """Counted over the plain loop of one seed, without the gradients that it throws away."""
    torch.set_num_threads(threads)
    loop = plain_training(work, 0, device, frugal=True)
    return needs(loop.step, COUNTED if work.recipe.schedule == "balanced" else 1)


def main(arguments: Sequence[str]) -> None:
    """Measure as the command line says; print tables or JSON, and write the file that the options name."""
    options = read_options(arguments)
    results = measure_training(options)
    text = json.dumps(asdict(results), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if options.as_json:
        print(text, end="")
    else:
        for grid in grids(results):
            table = pd.DataFrame(grid.rows, columns=[*grid.header]).to_string(index=False)
            print(f"{grid.title}\n{grid.note}\n\n{table}")
    if options.out:
        write_atomically(options.out, text)
        if not options.as_json:
            print(f"written: {options.out}")
