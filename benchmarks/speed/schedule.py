"""List scheduling: jobs in an order, each started as soon as a place for it is free, and what that takes."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Place = Literal["gpu", "half a gpu", "cpu"]
SLOTS = 8  # jobs on processors beside each GPU


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


@dataclass
class _Machines:
    """Which GPUs are free: whole ones, and those of which half is."""

    whole: int
    slots: int
    halves: int = 0

    def fits(self, place: Place) -> bool:
        if place == "half a gpu":
            return self.halves + self.whole > 0
        return (self.slots if place == "cpu" else self.whole) > 0

    def take(self, place: Place) -> None:
        if place == "cpu":
            self.slots -= 1
        elif place == "half a gpu" and self.halves:
            self.halves -= 1
        else:
            self.whole -= 1
            self.halves += place == "half a gpu"

    def give(self, place: Place) -> None:
        """A half that is given back is joined with another free one, as if work had been packed together."""
        if place == "cpu":
            self.slots += 1
        elif place == "half a gpu" and not self.halves:
            self.halves += 1
        else:
            self.whole += 1
            self.halves -= place == "half a gpu"


def chains(jobs: Iterable[Job]) -> dict[str, float]:
    """The least seconds that each cell takes however many GPUs there are: its longest block, and its scoring."""
    longest: dict[str, float] = {}
    after: dict[str, float] = {}
    for job in jobs:
        held = after if job.last else longest
        held[job.chain] = max(held.get(job.chain, 0.0), job.seconds)
    return {chain: longest.get(chain, 0.0) + after.get(chain, 0.0) for chain in {**longest, **after}}


def simulated(jobs: Sequence[Job], gpus: int, longest_first: bool = True) -> Outcome:
    """Run jobs on so many GPUs: those of the longest chains first, or in their order."""
    lengths = chains(jobs)
    order = sorted(jobs, key=lambda job: (-lengths[job.chain], -job.seconds)) if longest_first else jobs
    rank = {id(job): place for place, job in enumerate(order)}
    left = dict.fromkeys(lengths, 0)
    finals: dict[str, list[Job]] = {}
    queue: list[tuple[int, Job]] = []
    for job in order:
        if job.last:
            finals.setdefault(job.chain, []).append(job)
        else:
            left[job.chain] += 1
            queue.append((rank[id(job)], job))
    for chain, last in finals.items():
        if not left[chain]:
            queue += [(rank[id(job)], job) for job in last]
    return _run(queue, left, finals, rank, _Machines(gpus, SLOTS * gpus))


def _run(
    queue: list[tuple[int, Job]],
    left: dict[str, int],
    finals: dict[str, list[Job]],
    rank: dict[int, int],
    machines: _Machines,
) -> Outcome:
    waiting: dict[Place, list[tuple[int, Job]]] = {"gpu": [], "half a gpu": [], "cpu": []}
    for place, job in queue:
        heapq.heappush(waiting[job.place], (place, job))
    running: list[tuple[float, int, Job]] = []
    now = busy = 0.0
    while running or any(waiting.values()):
        while startable := [held[0] for place, held in waiting.items() if held and machines.fits(place)]:
            number, job = min(startable, key=lambda one: one[0])
            heapq.heappop(waiting[job.place])
            machines.take(job.place)
            heapq.heappush(running, (now + job.seconds, number, job))
            busy += job.seconds * {"gpu": 1.0, "half a gpu": 0.5, "cpu": 0.0}[job.place]
        now, _, job = heapq.heappop(running)
        machines.give(job.place)
        if not job.last:
            left[job.chain] -= 1
            if not left[job.chain]:
                for last in finals.get(job.chain, ()):
                    heapq.heappush(waiting[last.place], (rank[id(last)], last))
    return Outcome(now, busy)
