"""What scoring costs as samples grow: drawing, judging, 1-NN, a Parzen window: `python -m benchmarks.speed scoring`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.speed.cases import CASES, Work, prepare_case
from benchmarks.speed.counting import clock
from benchmarks.speed.options import Options
from benchmarks.speed.writing import results_of
from replication.config.params import Judge, load_params
from replication.foundation.seeding import torch_seed
from replication.metrics.nearest_generated import nearest_labels
from replication.metrics.parzen import log_likelihoods
from replication.models.layers.samples import as_images
from replication.scoring.classifier import build_classifier, judged
from replication.scoring.judges import judge_options
from replication.table.speed import Results, Scoring, rate
from replication.training.initialise import real_samples
from replication.training.sampling import draw_samples

SIZES = (1000, 4000, 16_000)  # samples
POINTS = 500  # that 1-NN and the window are asked about
SIGMA = 0.2
CLASSES = 10
NOTES = (
    "Networks as they start: what weights hold changes nothing of the speed.",
    f"1-NN and the Parzen window are asked about {POINTS} points; a second counts samples, not pairs.",
    "Each call after one that is not timed.",
)


def measure_scoring(options: Options) -> Results:
    """Every step of scoring, of every case and size."""
    params, found = load_params(), []
    torch.set_num_threads(1)  # as every stage has it
    for name in tqdm(options.cases, desc="scoring", unit="case", disable=None):
        work, judge = prepare_case(name, params), judge_options(params, CASES[name].dataset)
        for measure, what, run in steps(work, judge, options.device, max(SIZES)):
            for size in SIZES:
                run(size)
                seconds = tuple(_seconds(run, size, options.device) for _ in range(options.rounds))
                found.append(Scoring(measure, what, size, seconds, rate(size, seconds)))
    machine = replace(options.machine, threads=1)
    return results_of(replace(options, machine=machine), NOTES, scoring=tuple(found))


def steps(work: Work, options: Judge, device: str, largest: int) -> Iterator[tuple[str, str, Callable[[int], object]]]:
    """Name, what it works on, and the step as a function of how many samples."""
    recipe, shape = work.recipe, tuple(work.data.values.shape[1:])
    with torch_seed(0, "benchmark"):
        generator = work.build().generator.to(device)
        judge = build_classifier(shape, options.channels, CLASSES, options.convolutions).to(device).eval()

    def draw(count: int) -> Tensor:
        return draw_samples(generator, recipe, recipe.noise, 0, "benchmark", count, CLASSES)

    samples = draw(largest)
    images, rows = as_images(samples, recipe.pixels), samples.flatten(1)
    labels = torch.arange(largest, device=device) % CLASSES
    points = real_samples(work.data.values[:POINTS], recipe).flatten(1).to(device)
    size = "×".join(map(str, shape))
    yield "samples drawn", f"{work.title}, {size}", draw
    yield "judge logits", f"{options.name}, {size}", lambda count: judged(judge, images[:count].cpu().numpy())
    yield "1-NN", size, lambda count: nearest_labels(points, [(rows[:count], labels[:count])], [count])
    yield "Parzen window", size, lambda count: log_likelihoods(rows[:count], points, SIGMA)


def _seconds(run: Callable[[int], object], size: int, device: str) -> float:
    start = clock(device)
    run(size)
    return clock(device) - start
