"""List scheduling: jobs in an order, each started as soon as a place for it is free, and what that takes."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Place = Literal["gpu", "half a gpu", "cpu"]
SLOTS = 8  # jobs on processors beside each GPU
NEEDS: Mapping[Place, tuple[str, int]] = {"gpu": ("halves", 2), "half a gpu": ("halves", 1), "cpu": ("slots", 1)}


@dataclass(frozen=True)
class Job:
    """A block of seeds that is trained, or a cell that is scored once all its blocks are; `chain` names the cell."""

    chain: str
    seconds: float
    place: Place
    last: bool = False  # scored after all others of its chain


@dataclass(frozen=True)
class Outcome:
    """What a schedule comes to, in seconds."""

    makespan: float
    busy: float  # GPU-seconds: half of a GPU counts half


def chains(jobs: Iterable[Job]) -> dict[str, float]:
    """The least seconds that each cell takes however many GPUs there are: its longest block, and its scoring."""
    longest: dict[tuple[str, bool], float] = defaultdict(float)
    for job in jobs:
        longest[job.chain, job.last] = max(longest[job.chain, job.last], job.seconds)
    return {chain: longest.get((chain, False), 0.0) + longest.get((chain, True), 0.0) for chain, _ in longest}


def simulated(jobs: Sequence[Job], gpus: int, longest_first: bool = True) -> Outcome:
    """Run jobs on so many GPUs: those of the longest chains first, or in their order.

    Free halves count together, as if work had been packed anew.
    """
    lengths = chains(jobs)
    order = sorted(jobs, key=lambda job: (-lengths[job.chain], -job.seconds)) if longest_first else jobs
    left = Counter(job.chain for job in jobs if not job.last)
    waiting: dict[Place, list[tuple[int, Job]]] = {place: [] for place in NEEDS}  # heaps: the first in order is next
    finals: dict[str, list[tuple[int, Job]]] = defaultdict(list)
    for number, job in enumerate(order):
        (finals[job.chain] if job.last and left[job.chain] else waiting[job.place]).append((number, job))
    free = {"halves": 2 * gpus, "slots": SLOTS * gpus}
    running: list[tuple[float, int, Job]] = []
    now = busy = 0.0
    while running or any(waiting.values()):
        while startable := [
            waiting[place][0] for place, (kind, count) in NEEDS.items() if waiting[place] and count <= free[kind]
        ]:
            number, job = min(startable)
            heapq.heappop(waiting[job.place])
            kind, count = NEEDS[job.place]
            free[kind] -= count
            busy += job.seconds * count / 2 if kind == "halves" else 0.0
            heapq.heappush(running, (now + job.seconds, number, job))
        now, _, job = heapq.heappop(running)
        kind, count = NEEDS[job.place]
        free[kind] += count
        if not job.last:
            left[job.chain] -= 1
            for final in () if left[job.chain] else finals.pop(job.chain, ()):
                heapq.heappush(waiting[final[1].place], final)
    return Outcome(now, busy)
