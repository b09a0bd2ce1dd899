"""What each cell of `paper` takes, from measured rates alone; for each number it is said whence it comes.

measured   the cell's own commands recorded it, for all of its seeds
scaled     of measured cells of the same kind: compiled toys by updates, scoring by seeds, experiments by their sort
counted    arithmetic or kernels, counted, at the rate at which a measured training of the suite did them
assumed    nothing of its sort was measured
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

from benchmarks.speed.counted import PROFILE, name_of, read_counted
from benchmarks.speed.launches import RESULT as LAUNCHES
from replication.cluster.units import parts_of
from replication.config.blocks import device_of
from replication.config.cell import Cell, seeds_in
from replication.config.params import Params
from replication.foundation.errors import InputError
from replication.foundation.foreign import read_json
from replication.foundation.places import RECORDED
from replication.training.schedule import unit_steps

Basis = Literal["measured", "scaled", "counted", "assumed"]
Bound = Literal["arithmetic", "launches", "processor"]
BY_ARITHMETIC, BY_LAUNCHES = "paper-dcgan-mnist-conditional", "paper-dcgan-mnist-gan"  # whose rates all others take
ASSUMED = 600.0  # seconds of an experiment of which nothing was measured
# Of each model the case of `launches` whose networks are nearest: (on colour images, on others).
NEAREST = {
    "gan": ("gan-mnist", "gan-mnist"),
    "dcgan": ("dcgan-cifar10", "dcgan-mnist-gan"),
    "improved_gan": ("deligan-cifar10", "improved-mnist"),
    "deligan": ("deligan-cifar10", "deligan-mnist"),
}
Clocks = Mapping[str, Mapping[str, float]]  # of cells, the seconds of each part of their work
COLOUR = ("cifar10", "svhn", "celeba", "imagenet")  # how names of data sets with colours begin


@dataclass(frozen=True)
class Rates:
    """What a measured GPU did in a second while it trained five seeds side by side."""

    gflop: float
    kernels: float


@dataclass(frozen=True)
class CellCost:
    """Seconds of all of a cell's seeds, trained and scored on one device; an experiment is all training."""

    key: str
    seeds: int
    device: str
    bound: Bound
    training: float
    training_basis: Basis
    scoring: float
    scoring_basis: Basis
    units: tuple[int, ...]  # seeds of each unit that the runner on Ray makes of the cell

    def scaled(self, factor: float) -> CellCost:
        """With all but what was measured so many times as long."""
        return replace(
            self,
            training=self.training * (1 if self.training_basis == "measured" else factor),
            scoring=self.scoring * (1 if self.scoring_basis == "measured" else factor),
        )


def costs(params: Params) -> list[CellCost]:
    """Every cell of the profile, in the order of params.yaml."""
    params = replace(params, profile=params.profiles[PROFILE])
    clocks, of_unit = _clocks(params), rates(params)
    return [_cost(params, cell, clocks, of_unit) for cell in params.profile.scored.values()]


def rates(params: Params) -> Rates:
    """From the two trainings that a GPU did: one that arithmetic bounds, and one that launches bound."""
    params = replace(params, profile=params.profiles[PROFILE])
    clocks, arithmetic, launches = _clocks(params), params.cell(BY_ARITHMETIC), params.cell(BY_LAUNCHES)
    return Rates(
        gflop=_units(params, arithmetic) * read_counted()[name_of(arithmetic)] / clocks[BY_ARITHMETIC]["duration_s"],
        kernels=_units(params, launches) * _kernels(launches, _launches()) / clocks[BY_LAUNCHES]["duration_s"],
    )


def _clocks(params: Params) -> Clocks:
    """The clocks of cells that were recorded whole, on the planned device."""
    clocks = {}
    for key, cell in params.profile.scored.items():
        path = RECORDED / key / "provenance.json"
        if path.is_file():
            provenance = read_json(path)
            whole = seeds_in(str(provenance["seeds"])) == cell.seed_numbers
            if whole and provenance["device"] == device_of(params, cell):
                clocks[key] = provenance["clock"]
    return clocks


def _units(params: Params, cell: Cell) -> float:
    """Units of all seeds."""
    recipe = params.recipe_of(cell)
    return len(cell.seed_numbers) * recipe.updates / unit_steps(recipe)


def _launches() -> dict[str, float]:
    """Kernels that a GPU starts for a unit of a seed, of five that may share a graph, by case."""
    rows = re.findall(r"^\| (\S+) \|.*\| *([\d.]+) \|$", LAUNCHES.read_text(encoding="utf-8"), re.MULTILINE)
    if not rows:
        raise InputError(f"{LAUNCHES} lists no kernels: run `uv run python -m benchmarks.speed launches`.")
    return {case: float(kernels) for case, kernels in rows}


def _kernels(cell: Cell, launches: Mapping[str, float]) -> float:
    known = f"{cell.model}-{cell.recipe}".replace("improved_gan", "improved")
    colour = cell.dataset.startswith(COLOUR) or "minibatch" in cell.recipe and cell.model == "improved_gan"
    return launches.get(known, launches[NEAREST[cell.model][0 if colour else 1]])


def _cost(params: Params, cell: Cell, clocks: Clocks, of_unit: Rates) -> CellCost:
    device, seeds, clock = device_of(params, cell), len(cell.seed_numbers), clocks.get(cell.key, {})
    if cell.experiment:
        alike = {key: 1 for key, other in params.profile.experiments.items() if other.experiment == cell.experiment}
        seconds = _of_like(clocks, "duration_s", alike)
        training, basis = _first(clock, "duration_s", (seconds, "scaled") if seconds else (ASSUMED, "assumed"))
        return CellCost(cell.key, seeds, device, "processor", training, basis, 0.0, basis, (seeds,))
    others = {key: other for key, other in params.profile.cells.items() if device_of(params, other) == device}
    bound: Bound = "processor"
    if device == "cuda":
        arithmetic = read_counted()[name_of(cell)] / of_unit.gflop
        starting = _kernels(cell, _launches()) / of_unit.kernels
        bound = "arithmetic" if arithmetic > starting else "launches"
        counted = _units(params, cell) * max(arithmetic, starting), "counted"
    else:
        units = {key: _units(params, other) for key, other in others.items() if other.model == cell.model}
        counted = _units(params, cell) * _of_like(clocks, "duration_s", units), "scaled"
    of_seed = _of_like(clocks, "scoring_s", {key: len(other.seed_numbers) for key, other in others.items()})
    training, basis = _first(clock, "duration_s", counted)
    scoring, scored = _first(clock, "scoring_s", (seeds * of_seed, "scaled"))
    units = tuple(len(part.seed_numbers) for part in parts_of(params, cell))
    return CellCost(cell.key, seeds, device, bound, training, basis, scoring, scored, units)


def _first(clock: Mapping[str, float], part: str, other: tuple[float, Basis]) -> tuple[float, Basis]:
    """What the cell's own clock says of a part of its work, else the other number."""
    return (clock[part], "measured") if part in clock else other


def _of_like(clocks: Clocks, part: str, sizes: Mapping[str, float]) -> float:
    """Seconds of a part over the size of its cell: the median of the cells that were measured; 0 without any."""
    rates = [clocks[key][part] / size for key, size in sizes.items() if part in clocks.get(key, {})]
    return median(rates) if rates else 0.0
