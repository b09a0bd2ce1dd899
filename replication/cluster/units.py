"""Units of work: a part of a block's seeds to train or to score, an experiment, or a judge."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from replication.cluster.demands import Demand, demand_of
from replication.config.blocks import device_of, written
from replication.config.params import BUNDLED, Cell, Params
from replication.experiment import run_experiment
from replication.foundation.places import DATA, JUDGES, SCORED, TRAINED
from replication.judge import train_judge
from replication.metrics.inception_network import NAME, PLACE
from replication.score import score_cell
from replication.scoring.left_out import INCEPTION
from replication.scoring.probe import probed_data
from replication.scoring.requirements import require_cell
from replication.scoring.toy import TOGETHER
from replication.train import train_cell
from replication.training.block import Stop, never

Stage = Literal["judge", "train", "score", "experiment"]
UNIT_SEEDS = {
    "kernel": 2 * TOGETHER,
    "cuda": 5,
    "cpu": 1,
}  # compiled toys; side by side on a GPU; on a processor


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


def train_part(params: Params, cell: Cell, stop: Stop = never) -> None:
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
    return [_part(block, numbers[begin:end]) for begin, end in zip(cuts, cuts[1:], strict=False)]


def _part(block: Cell, seeds: tuple[int, ...]) -> Cell:
    if seeds == block.seed_numbers:
        return block
    return replace(block, seeds=written(seeds), part=f"{block.part.split('+')[0]}+{written(seeds)}")


def training_unit(params: Params, block: Cell, part: Cell, cpus: int) -> Unit:
    """The training of a part."""
    demand = demand_of(params, block, len(part.seed_numbers), cpus)
    inputs = inputs_of(params, block)
    return Unit("train", part.name, train_part, (_here(params, demand), part), TRAINED / part.folder, inputs, demand)


def scoring_unit(params: Params, block: Cell, part: Cell, trained: Path, cpus: int) -> Unit:
    """The scoring of a part, whose training lies in the folder `trained` here."""
    demand = demand_of(params, block, len(part.seed_numbers), cpus)
    inputs = {**inputs_of(params, block), TRAINED / part.folder: trained}
    return Unit("score", part.name, score_cell, (_here(params, demand), part), SCORED / part.folder, inputs, demand)


def experiment_unit(params: Params, block: Cell, cpus: int) -> Unit:
    """An experiment, which is computed as a whole."""
    demand = Demand(cpus, 1.0 if device_of(params, block) == "cuda" else 0.0)
    arguments, inputs = (_here(params, demand), block), inputs_of(params, block)
    return Unit("experiment", block.name, run_experiment, arguments, SCORED / block.folder, inputs, demand)


def judge_unit(params: Params, dataset: str) -> Unit:
    """The training of a data set's judge."""
    demand = Demand(gpus=1.0 if params.profile.device == "cuda" else 0.0)
    inputs = {DATA / dataset: DATA / dataset}
    return Unit("judge", dataset, train_judge, (_here(params, demand), dataset), JUDGES / dataset, inputs, demand)


def _here(params: Params, demand: Demand) -> Params:
    """As a node needs them: it does itself what it is asked for.

    No more threads side by side than were asked for; results do not depend on their number.
    """
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
    return {place: place for place in places if place.exists()}
