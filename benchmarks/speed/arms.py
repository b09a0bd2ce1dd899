"""Both ways to train the same seeds of the same case, each of which says how long its iterations take."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from benchmarks.speed.cases import Work
from benchmarks.speed.counting import clock
from benchmarks.speed.plain import PlainTraining, Source
from replication.foundation.seeding import torch_seed
from replication.table.speed import Arm
from replication.training.initialise import initialise_networks
from replication.training.trainer import Trainer


class Ours:
    """All seeds at once, as a cell trains them; `run` takes a number of iterations and returns seconds."""

    name: Arm = "ours"

    def __init__(self, work: Work, seeds: Sequence[int], device: str, threads: int) -> None:
        self._device, self._done = device, 0
        start = clock(device)
        with PeakMemory(device) as memory:
            torch.set_num_threads(1)  # as every stage has it; the trainer gives operations the recipe's threads
            self._trainer = Trainer(work.build, work.recipe, seeds, work.data, device, threads)
            self.run(1)
        self.warm_up_seconds, self.peak_memory = clock(device) - start, memory.peak

    def run(self, iterations: int) -> float:
        torch.set_num_threads(1)
        start = clock(self._device)
        self._trainer.advance(self._done, iterations)
        self._done += iterations
        return clock(self._device) - start


class Plain:
    """One seed after another, each in the loop of `benchmarks.speed.plain`; every seed keeps its networks.

    `peak_memory` is what the first of them needs, as they follow each other.
    """

    def __init__(self, work: Work, seeds: Sequence[int], device: str, threads: int, name: Arm = "plain") -> None:
        self.name: Arm = name
        self._device, self._tf32 = device, name == "plain, TF32"
        self._threads = 1 if name == "plain, one thread" else threads
        self._loops: list[PlainTraining] = []
        self.peak_memory: int | None = None
        self._set()
        start = clock(device)
        for seed in seeds:
            with PeakMemory(device) as memory:
                self._loops.append(plain_training(work, seed, device))
                self._loops[-1].step()
            self.peak_memory = self.peak_memory or memory.peak
        self.warm_up_seconds = clock(device) - start

    def run(self, iterations: int) -> float:
        self._set()
        start = clock(self._device)
        for loop in self._loops:
            for _ in range(iterations):
                loop.step()
        elapsed = clock(self._device) - start
        torch.backends.cudnn.allow_tf32 = False
        return elapsed

    def _set(self) -> None:
        torch.set_num_threads(self._threads)
        torch.backends.cudnn.allow_tf32 = self._tf32


class PeakMemory:
    """Bytes allocated on the device at most while the context lasts, beyond those before; None on the CPU."""

    def __init__(self, device: str) -> None:
        self.peak: int | None = None
        self._cuda = device == "cuda"

    def __enter__(self) -> PeakMemory:
        if self._cuda:
            torch.cuda.reset_peak_memory_stats()
            self._before = torch.cuda.memory_allocated()
        return self

    def __exit__(self, *_: object) -> None:
        if self._cuda:
            torch.cuda.synchronize()
            self.peak = torch.cuda.max_memory_allocated() - self._before


def plain_training(work: Work, seed: int, device: str, frugal: bool = False) -> PlainTraining:
    """The plain loop of one seed, from the weights that ours starts from."""
    with torch_seed(seed, "initial"):
        networks = work.build()
        initialise_networks(networks, work.recipe, seed, work.data)
    for network in networks:
        network.to(device)
    torch.manual_seed(seed)
    return PlainTraining(networks, work.recipe, Source(work.recipe, work.data, seed, device), frugal)


def length_of_round(run: Callable[[int], float], seconds: float) -> int:
    """Iterations that take about `seconds`, tried until a trial is long enough to tell; at least one."""
    iterations = 1
    while True:
        elapsed = run(iterations)
        if elapsed >= seconds:
            return iterations
        if elapsed >= seconds / 4:
            return max(1, round(iterations * seconds / elapsed))
        iterations = max(iterations + 1, min(8 * iterations, round(iterations * seconds / 2 / max(elapsed, 1e-9))))
