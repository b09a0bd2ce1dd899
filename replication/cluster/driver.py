"""Blocks on the cluster: which units each needs, in which order, and the outputs that come of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from replication.cluster.goods import write_content
from replication.cluster.joining import cut_training, join_scored, join_trained
from replication.cluster.pool import Pool
from replication.cluster.screen import Screen
from replication.cluster.units import (
    Demand,
    Stage,
    Unit,
    experiment_unit,
    judge_unit,
    parts_of,
    recorded_usage,
    scoring_unit,
    training_unit,
    usage_in,
    with_usage,
)
from replication.cluster.worker import Result
from replication.config.blocks import device_of
from replication.config.params import Cell, Params
from replication.data.reading import load_prepared, load_split
from replication.experiment import is_measured
from replication.foundation.child import what_failed
from replication.foundation.errors import InputError
from replication.foundation.places import DATA, SCORED, TRAINED
from replication.foundation.provenance import environment, sha256_text
from replication.score import COMPUTING, is_scored, scoring_key
from replication.training.cells import cell_key, training_samples
from replication.training.weights import is_trained

UNITS = Path(".replication/units")  # folders of finished units, until their block is whole
LOOK_SECONDS = 1.0


@dataclass
class Course:
    """A block on its way: the stages before it, and the units of the present one that are not finished."""

    block: Cell
    stages: list[Stage]
    parts: list[Cell] = field(default_factory=list)
    waiting: dict[str, Path] = field(default_factory=dict)  # title of a unit → where its folder comes to lie here
    folders: list[Path] = field(default_factory=list)  # of every part, in order
    held: list[Unit] = field(default_factory=list)  # until it is known what the others take of a GPU


class Driver:
    """Carries blocks through their stages. `done(block)` hears of each that is finished."""

    def __init__(self, params: Params, pool: Pool, done: Callable[[Cell], object] = lambda _: None) -> None:
        self._params, self._pool, self._options, self._done = params, pool, params.profile.cluster, done
        self._courses: dict[str, Course] = {}  # title of a unit → the course that waits for it
        self._keys: dict[str, dict[str, object]] = {}  # of trainings, by block: data are read and hashed for them
        self._announced: set[str] = set()  # demands that no node meets
        self._lost: set[str] = set()  # units whose process was lost again and again, and that were given more once
        self.failed: dict[str, str] = {}

    def judges(self, names: Sequence[str], stop: Callable[[], bool]) -> None:
        """Train judges of data sets; sentences on those that failed are in `failed`."""
        for name in names:
            self._submit(judge_unit(self._params, name))
        self._attend(stop)

    def carry_out(self, blocks: Sequence[Cell], stages: Sequence[Stage], stop: Callable[[], bool]) -> None:
        """Train, score or measure blocks, whatever of it is not done; sentences on what failed are in `failed`."""
        for block in blocks:
            ahead: list[Stage] = ["experiment"] if block.experiment else [s for s in stages if s != "experiment"]
            with self._noting(block.name):
                self._begin(Course(block, ahead))
        self._attend(stop)

    def _attend(self, stop: Callable[[], bool]) -> None:
        """Wait for units and follow them up, until none is left or `stop` says so."""
        with Screen(self._pool) as screen:
            while self._pool.running and not stop():
                for unit, result in self._pool.finished(LOOK_SECONDS):
                    screen.ended(unit, result)
                    self._follow(unit, result)
                screen.show()
        self._pool.cancel()

    def _begin(self, course: Course) -> None:
        """Submit the units of the first stage that is not done yet; a block without one left is done."""
        params, block = self._params, course.block
        while course.stages and self._is_done(course.stages[0], block):
            course.stages.pop(0)
        if not course.stages:
            self._done(block)
            return
        stage = course.stages[0]
        if stage == "experiment":
            self._await(course, [(experiment_unit(params, block), SCORED / block.folder)])
            return
        course.parts = parts = parts_of(params, block, self._options.unit_seeds)
        key = self._training_key(block) if stage == "train" else scoring_key(params, block)
        # Not that of another state of the code, the data or the parameters.
        state = sha256_text(json.dumps(key, sort_keys=True))[:16]
        course.folders = [UNITS / f"{stage}-{part.name}-{state}" for part in parts]
        absent = {part: place for part, place in zip(parts, course.folders, strict=True) if not place.exists()}
        units = self._units(stage, block, list(absent))
        self._await(course, list(zip(units, absent.values(), strict=True)))
        if not absent:
            self._whole(course)

    def _units(self, stage: Stage, block: Cell, parts: Sequence[Cell]) -> list[Unit]:
        params = self._params
        if stage == "train":
            return [training_unit(params, block, part) for part in parts]
        whole = TRAINED / block.folder
        cuts = {part: UNITS / f"cut-{part.name}" for part in parts if part != block}
        if cuts:
            cut_training(whole, block, cuts, params)
        return [scoring_unit(params, block, part, cuts.get(part, whole)) for part in parts]

    def _await(self, course: Course, units: Sequence[tuple[Unit, Path]]) -> None:
        for unit, folder in units:
            course.waiting[unit.title] = folder
            self._courses[unit.title] = course
        waiting = [unit for unit, _ in units]
        at_once = self._at_once(course, waiting)
        course.held = waiting[at_once:]
        for unit in waiting[:at_once]:
            self._submit(unit)

    def _at_once(self, course: Course, units: Sequence[Unit]) -> int:
        """How many units to submit now: of trainings of which nothing was recorded no more than there are GPUs."""
        known = course.stages[0] != "train" or recorded_usage(course.block, "train")
        return len(units) if known or not any(unit.demand.gpus for unit in units) else max(1, self._pool.gpus())

    def _submit(self, unit: Unit) -> None:
        if not self._pool.fits(unit) and str(unit.demand) not in self._announced:
            self._announced.add(str(unit.demand))
            print(f"{unit.title} waits for a node with {unit.demand}; none that is there has it.", flush=True)
        self._pool.submit(unit)

    def _follow(self, unit: Unit, result: Result) -> None:
        """What comes after a unit: the next stage of its block, the unit again with more, or a sentence."""
        if result.needs_more:
            if more := self._more(unit, result):
                print(f"{unit.title} needs more than {unit.demand}: again with {more}.", flush=True)
                self._submit(replace(unit, demand=more))
                return
            lacking = f"It needs more than {unit.demand}, and no node has twice as much: make its batch smaller."
            result = replace(result, error=result.error or lacking)
        course = self._courses.pop(unit.title, None)
        with self._noting(course.block.name if course else unit.name):
            if error := result.error or _other_packages(result):
                raise InputError(error)
            self._take(unit, result, course)

    def _more(self, unit: Unit, result: Result) -> Demand | None:
        """Twice of what a unit had; None where no node has that, or where a lost process was given it before."""
        if result.error and unit.title in self._lost:
            return None
        self._lost |= {unit.title} if result.error else set()
        more = unit.demand.doubled(self._pool.memory_of(unit.demand.cpus))
        return more if more and self._pool.fits(replace(unit, demand=more)) else None

    def _take(self, unit: Unit, result: Result, course: Course | None) -> None:
        """Keep what a unit made, and go on with its block."""
        folder = course.waiting.pop(unit.title) if course else unit.makes
        write_content(result.content, folder, result.digest)
        if course and course.held:
            held, course.held, used = course.held, [], usage_in(folder, unit.stage)
            for waiting in held:
                self._submit(with_usage(self._params, course.block, waiting, used))
        if course and not course.waiting and course.block.name not in self.failed:
            self._whole(course)

    def _whole(self, course: Course) -> None:
        """Join the parts of a stage, and begin the next."""
        block, stage = course.block, course.stages.pop(0)
        parts = (*course.folders, *(UNITS / f"cut-{part.name}" for part in course.parts))
        try:
            if stage == "train":
                join_trained(course.folders, self._training_key(block), TRAINED / block.folder)
            elif stage == "score":
                key = scoring_key(self._params, block)
                join_scored(course.folders, TRAINED / block.folder, key, SCORED / block.folder)
        except InputError:
            _remove(parts)  # another call would refuse them again
            raise
        _remove(parts)
        self._begin(course)

    def _is_done(self, stage: Stage, block: Cell) -> bool:
        if stage == "train":
            return is_trained(TRAINED / block.folder, self._training_key(block))
        return is_scored(self._params, block) if stage == "score" else is_measured(self._params, block)

    def _training_key(self, block: Cell) -> dict[str, object]:
        if block.name not in self._keys:
            recipe, place = self._params.recipe_of(block), DATA / block.dataset
            samples = training_samples(load_prepared(place), load_split(place, block.split))
            here = environment("cpu", recipe.threads)  # of which the key has the versions
            self._keys[block.name] = cell_key(block, recipe, samples, device_of(self._params, block), here)
        return self._keys[block.name]

    @contextmanager
    def _noting(self, name: str) -> Iterator[None]:
        """Note the first error of a block, or of a judge; it does not stop the others."""
        try:
            yield
        except Exception as error:
            self.failed.setdefault(name, what_failed(error))


def _remove(folders: Sequence[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _other_packages(result: Result) -> str:
    """What is wrong with a node that computes with other packages than this machine; "" where nothing is."""
    here = environment("cpu", 1)
    there = {name: result.versions[name] for name in COMPUTING if result.versions.get(name, here[name]) != here[name]}
    if not there:
        return ""
    named = ", ".join(f"{name} {version} where this machine has {here[name]}" for name, version in there.items())
    return f"The node {result.host} has {named}: install the same packages on every node."
