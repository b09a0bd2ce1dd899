"""What training costs as seeds and training samples grow, ours alone: `python -m benchmarks.speed stages`."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

from tqdm import tqdm

from benchmarks.speed.arms import Ours, length_of_round
from benchmarks.speed.cases import Work, prepare_case, repeated
from benchmarks.speed.options import Options
from benchmarks.speed.writing import results_of
from replication.config.params import load_params
from replication.table.speed import Growth, Results

TIMES = (1, 10, 100)  # as many training samples, for one seed
NOTES = (
    "Seeds train together; data sets are made larger by repeating them, which a trainer does not see.",
    "Building and compiling are left out.",
)


def measure_stages(options: Options) -> Results:
    """Every case at every number of seeds, and at the first of them with more training samples."""
    params, found = load_params(), []
    for name in tqdm(options.cases, desc="stages", unit="case", disable=None):
        work = prepare_case(name, params)
        found += [grown(work, seeds, options) for seeds in options.seeds]
        found += [grown(_larger(work, times), options.seeds[0], options) for times in TIMES[1:]]
    return results_of(options, NOTES, growth=tuple(found))


def grown(work: Work, seeds: int, options: Options) -> Growth:
    """One case with the first so many seeds."""
    arm = Ours(work, range(seeds), options.device, options.threads)
    iterations = length_of_round(arm.run, options.seconds)
    seconds = tuple(arm.run(iterations) for _ in range(options.rounds))
    thousand = 1000 * median(seconds) / iterations
    return Growth(work.name, seeds, len(work.data.values), iterations, seconds, thousand)


def _larger(work: Work, times: int) -> Work:
    return replace(work, data=repeated(work.data, times * len(work.data.values)))
