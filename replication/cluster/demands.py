"""What a unit asks of a node: CPU threads, memory and a share of a GPU, from what was recorded, never from a guess."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from replication.config.blocks import device_of
from replication.config.params import Cell, Params
from replication.foundation.places import SCORED, TRAINED
from replication.foundation.provenance import recorded
from replication.report.cells import RECORDED

SPARE = 1.2  # of what was recorded: another draw of a run takes a little more
PARTS = 20  # of a GPU: shares are multiples of a twentieth


@dataclass(frozen=True)
class Demand:
    """`memory` in bytes; 0 where nothing was recorded, and so nothing is asked for and nothing is limited."""

    cpus: int = 1
    gpus: float = 0.0  # share of one GPU
    memory: int = 0

    def doubled(self) -> Demand | None:
        """What a unit gets that needed more; None where it had a whole GPU and no limit of memory."""
        if not self.memory and self.gpus in (0.0, 1.0):
            return None
        return replace(self, gpus=min(1.0, 2 * self.gpus), memory=2 * self.memory)

    @property
    def resources(self) -> dict[str, float]:
        """As options of a Ray task."""
        asked = {"num_cpus": self.cpus, "num_gpus": self.gpus, "memory": self.memory}
        return {name: value for name, value in asked.items() if value or name == "num_cpus"}

    def __str__(self) -> str:
        gpus = f", {self.gpus:g} of a GPU" if self.gpus else ""
        memory = f", {self.memory / 2**30:.2g} GiB of memory" if self.memory else ""
        return f"{self.cpus} CPU{gpus}{memory}"


def demand_of(params: Params, block: Cell, seeds: int, cpus: int = 1) -> Demand:
    """What a unit of so many seeds of a block takes: where nothing is recorded of the block, a GPU is its own."""
    on_gpu = device_of(params, block) == "cuda"
    threads = 1 if block.experiment else params.recipe_of(block).threads
    used = recorded_usage(block)
    share = _share(used) if on_gpu else 0.0
    more = max(1.0, seeds / max(1, used.get("seeds", seeds)))
    return Demand(max(cpus, threads), min(1.0, more * share), math.ceil(more * SPARE * used.get("memory", 0)))


def recorded_usage(block: Cell) -> Mapping[str, Any]:
    """The peaks that a training of the block recorded, with the number of its seeds; {} where none did."""
    for folder in (TRAINED / block.folder, SCORED / block.folder, RECORDED / block.name, RECORDED / block.key):
        provenance = recorded(folder)
        usage = provenance.get("clock", {}).get("usage")
        if isinstance(usage, dict):
            return usage
    return {}


def _share(used: Mapping[str, Any]) -> float:
    """Of a GPU: what its memory and its load need, whichever is more; all of it where either is unknown."""
    if not used.get("gpu_total") or "gpu_load" not in used:
        return 1.0
    share = max(SPARE * used["gpu_memory"] / used["gpu_total"], used["gpu_load"])
    return min(1.0, max(1, math.ceil(PARTS * share)) / PARTS)
