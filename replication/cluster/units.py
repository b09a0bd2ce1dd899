"""Units of work: a part of a block's seeds to train or to score, an experiment, or a judge.

What a unit asks of a node, CPU threads, memory and a share of a GPU, comes from what was recorded, never from a guess.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from replication.config.blocks import device_of, written
from replication.config.params import BUNDLED, Cell, Params
from replication.experiment import run_experiment
from replication.foundation.errors import InputError
from replication.foundation.places import DATA, JUDGES, RECORDED, SCORED, TRAINED
from replication.foundation.provenance import recorded
from replication.judge import train_judge
from replication.metrics.inception_network import NAME, PLACE
from replication.score import score_cell
from replication.scoring.left_out import INCEPTION
from replication.scoring.probe import probed_data
from replication.scoring.requirements import require_cell
from replication.scoring.toy import TOGETHER
from replication.train import train_cell
from replication.training.block import Stop

Stage = Literal["judge", "train", "score", "experiment"]
# What a clock calls the peaks of each stage.
USAGE = {"judge": "usage", "train": "usage", "score": "scoring_usage", "experiment": "usage"}
UNIT_SEEDS = {"kernel": 2 * TOGETHER, "cuda": 5, "cpu": 1}  # compiled toys; side by side on a GPU; on a processor
SPARE = 1.2  # of what was recorded: another draw of a run takes a little more
PARTS = 20  # of a GPU: shares are multiples of a twentieth


@dataclass(frozen=True)
class Demand:
    """`memory` in bytes; 0 where nothing was recorded, and so nothing is asked for and nothing is limited."""

    cpus: int = 1
    gpus: float = 0.0  # share of one GPU
    memory: int = 0

    def doubled(self, had: int = 0) -> Demand | None:
        """What a unit gets that needed more: of memory twice what it asked for, or `had` without asking.

        None where it had a whole GPU, and it is not known what memory it had.
        """
        if not (self.memory or had) and self.gpus in (0.0, 1.0):
            return None
        return replace(self, gpus=min(1.0, 2 * self.gpus), memory=2 * (self.memory or had))

    @property
    def resources(self) -> dict[str, float]:
        """As options of a Ray task."""
        asked = {"num_cpus": self.cpus, "num_gpus": self.gpus, "memory": self.memory}
        return {name: value for name, value in asked.items() if value or name == "num_cpus"}

    def __str__(self) -> str:
        gpus = f", {self.gpus:g} of a GPU" if self.gpus else ""
        memory = f", {self.memory / 2**30:.2g} GiB of memory" if self.memory else ""
        return f"{self.cpus} CPU{gpus}{memory}"


@dataclass(frozen=True)
class Unit:
    """What one task of the cluster does: call `action`, which reads `inputs` and writes the folder `makes`."""

    stage: Stage
    name: str  # of the cell's part, or of the judge's data set
    action: Callable[..., object]
    arguments: tuple[Any, ...]
    makes: Path
    inputs: Mapping[Path, Path]  # where the unit looks for it → where it lies here
    demand: Demand = field(default_factory=Demand)

    @property
    def title(self) -> str:
        """As the dashboard shows it."""
        return f"{self.stage} {self.name}"

    def packed(self) -> bytes:
        """What a worker needs, pickled: functions go by name, and the worker has the same code."""
        asked = (self.action, self.arguments, self.makes, self.demand, self.stage, self.title)
        return pickle.dumps(asked)


def train_part(params: Params, cell: Cell, stop: Stop) -> None:
    """Train a part of a block on the machine that has it, once it is known to fit there."""
    require_cell(params, cell)
    train_cell(params, cell, stop)


def parts_of(params: Params, block: Cell, seeds: int = 0) -> list[Cell]:
    """A block cut into parts of `seeds` seeds, or as many as suit its device; together they are the block.

    What is computed of several seeds at once stays together: the trainings of an ensemble, and the games of toys whose
    discriminators are trained side by side.
    """
    recipe, numbers = params.recipe_of(block), block.seed_numbers
    kernel = recipe.engine == "kernel"
    together = TOGETHER if kernel else recipe.labels.trainings_per_draw if recipe.labels else 1
    size = seeds or UNIT_SEEDS["kernel" if kernel else device_of(params, block)]
    size = -(-size // together) * together
    offset = 0 if kernel else numbers[0] % together  # draws of labels are counted from seed 0
    cuts = [0, *range(size - offset, len(numbers), size), len(numbers)]
    blocks = [written(numbers[begin:end]) for begin, end in pairwise(cuts)]
    device = block.part.split("+")[0]
    return [replace(block, seeds=seeds, part=f"{device}+{seeds}") for seeds in blocks] if len(blocks) > 1 else [block]


def training_unit(params: Params, block: Cell, part: Cell) -> Unit:
    """The training of a part."""
    demand = demand_of(params, block, len(part.seed_numbers), recorded_usage(block, "train"))
    inputs = inputs_of(params, block)
    return Unit("train", part.name, train_part, (_here(params, demand), part), TRAINED / part.folder, inputs, demand)


def scoring_unit(params: Params, block: Cell, part: Cell, trained: Path) -> Unit:
    """The scoring of a part, whose training lies in the folder `trained` here."""
    demand = demand_of(params, block, len(part.seed_numbers), recorded_usage(block, "score"))
    inputs = {**inputs_of(params, block), TRAINED / part.folder: trained}
    return Unit("score", part.name, score_cell, (_here(params, demand), part), SCORED / part.folder, inputs, demand)


def experiment_unit(params: Params, block: Cell) -> Unit:
    """An experiment, which is computed as a whole."""
    demand = demand_of(params, block, len(block.seed_numbers), recorded_usage(block, "experiment"))
    arguments, inputs = (_here(params, demand), block), inputs_of(params, block)
    return Unit("experiment", block.name, run_experiment, arguments, SCORED / block.folder, inputs, demand)


def judge_unit(params: Params, dataset: str) -> Unit:
    """The training of a data set's judge."""
    demand = _demand(usage_in(JUDGES / dataset, "judge"), params.profile.device == "cuda", 1)
    inputs = {DATA / dataset: DATA / dataset}
    return Unit("judge", dataset, train_judge, (_here(params, demand), dataset), JUDGES / dataset, inputs, demand)


def with_usage(params: Params, block: Cell, unit: Unit, used: Mapping[str, Any]) -> Unit:
    """The training of a part of a block, asking for what another part of it took."""
    part: Cell = unit.arguments[1]
    demand = demand_of(params, block, len(part.seed_numbers), used)
    return replace(unit, demand=demand)


def _here(params: Params, demand: Demand) -> Params:
    """As a node needs them: it does itself what it is asked for, with no more threads than that."""
    return replace(params, profile=replace(params.profile, threads=demand.cpus, runner="local"))


def inputs_of(params: Params, cell: Cell) -> dict[Path, Path]:
    """Prepared data, judges and foreign weights that a cell's training, scoring or experiment reads."""
    names = {cell.dataset, *probed_data(cell)} - {BUNDLED}
    places = [DATA / name for name in sorted(names)]
    if cell.dataset != BUNDLED and (judge := params.judged_by(cell.dataset)):
        places += [JUDGES / judge, *([DATA / judge] if judge != cell.dataset else [])]
    if INCEPTION in cell.protocols:
        weights = params.profile.protocols.inception.weights
        places.append(Path(weights) if weights else PLACE / NAME)
    if cell.experiment == "released-probe":
        places.append(Path(params.released.directory))
    if far := [place for place in places if place.is_absolute() or ".." in place.parts]:
        raise InputError(f"{cell.key}: nodes look for {far[0]} below their own folder: put it below this one.")
    return {place: place for place in places if place.exists()}


def demand_of(params: Params, block: Cell, seeds: int, used: Mapping[str, Any]) -> Demand:
    """What a unit of so many seeds of a block takes; where no usage is recorded, a GPU is its own."""
    threads = 1 if block.experiment else params.recipe_of(block).threads
    more = max(1.0, seeds / max(1, used.get("seeds", seeds)))
    return _demand(used, device_of(params, block) == "cuda", max(params.profile.cluster.unit_cpus, threads), more)


def _demand(used: Mapping[str, Any], on_gpu: bool, cpus: int, more: float = 1.0) -> Demand:
    share = min(1.0, more * _share(used)) if on_gpu else 0.0
    return Demand(cpus, share, math.ceil(more * SPARE * used.get("memory", 0)))


def recorded_usage(block: Cell, stage: Stage) -> Mapping[str, Any]:
    """The peaks that a stage of the block recorded, with the number of its seeds; {} where none did."""
    folders = (TRAINED / block.folder, SCORED / block.folder, RECORDED / block.name, RECORDED / block.key)
    return next(filter(None, (usage_in(folder, stage) for folder in folders)), {})


def usage_in(folder: Path, stage: Stage) -> Mapping[str, Any]:
    """The peaks that a stage noted in the folder that it wrote; {} where it noted none."""
    usage = recorded(folder).get("clock", {}).get(USAGE[stage])
    return usage if isinstance(usage, dict) else {}


def _share(used: Mapping[str, Any]) -> float:
    """Of a GPU: what its memory and its load need, whichever is more; all of it where either is unknown.

    A run that had a part of a GPU says no load: that part was enough.
    """
    if not used.get("gpu_total") or not {"gpu_load", "gpu_share"} & {*used}:
        return 1.0
    busy = used["gpu_load"] if "gpu_load" in used else used["gpu_share"]
    share = max(SPARE * used["gpu_memory"] / used["gpu_total"], busy)
    return min(1.0, max(1, math.ceil(PARTS * share)) / PARTS)
