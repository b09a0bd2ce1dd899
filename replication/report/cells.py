"""Scored cells as the report takes them in: measurements, provenance and samples of one block of seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from replication.config.blocks import PART, written
from replication.config.cell import seeds_in
from replication.config.params import BUNDLED, Cell, Profile
from replication.config.strict import shown
from replication.foundation.archives import Member, opened
from replication.foundation.arrays import parse_array
from replication.foundation.errors import InputError
from replication.foundation.folders import entries_of
from replication.foundation.places import RECORDED, SCORED
from replication.report.bounds import check_rows
from replication.report.provenance import read_block, read_provenance
from replication.table.columns import WHERE
from replication.table.measurements import read_table, table_in
from replication.table.scored import damaged
from replication.table.validation import distinct, key_numbers

FILES = ("provenance.json", "samples.npz")  # beside the table
IDENTITY = ("paper", "model", "recipe", "variant", "dataset", "split")
SAMPLES: dict[str, tuple[str, int]] = {  # name → kind of its dtype, number of dimensions
    "grid": ("u", 4),
    "neighbours": ("u", 4),
    "real": ("u", 4),
    "points": ("f", 3),
    "early_points": ("f", 3),
}
POINTS = {"points", "early_points"}  # of each seed
SHEETS = {  # pictures that protocols return, by name → caption: what rows and columns show
    "walk": "straight walks between random latent points, each line from where the one above ends; the last two lines "
    "are cross-fades of training images",
    "arithmetic": "a line is one sum: exemplars that are thick and slanted, less thick and upright ones, plus thin and "
    "upright ones, which is to be thin and slanted; then the sum of their mean latents, the same twice with noise, the "
    "sum of single latents, the sum of mean pixels",
    "turn": "a line is a random sample with growing shares of a turn vector, from left-slanted to right-slanted ones, "
    "added to its latent; the last two lines have a random direction of the same length in its place",
    "filters": "a line is a filter of the discriminator's last convolution: the four held-out images that excite it "
    "most and their guided gradients (grey is zero), then the same of the untrained network",
    "forgetting": "samples with the planted object; the same noise without the second-highest maps that mark it; the "
    "same without as many random maps",
    "conditional": "samples of a conditional generator: a line is the class that it was told",
    "components": "samples by the component that they are drawn from: a line is one component, of ten at most",
}
SHEET = ("u", 5)  # of a protocol: rows × columns of pictures [C, H, W]
MOST_BYTES = 64 * 2**20  # of one array in memory: a small file may unpack into more than the machine has


@dataclass(frozen=True)
class ScoredCell:
    cell: Cell  # with the seeds of this block, and the part that its folder names
    table: pd.DataFrame
    provenance: dict[str, Any]
    samples: dict[str, np.ndarray]  # empty where the cell has none
    folder: Path
    recorded: bool  # made on another machine, and taken in by replication.record

    @property
    def device(self) -> str:
        return self.provenance["device"]

    @property
    def precision(self) -> str:
        return self.provenance["precision"]


def gather(profile: Profile) -> tuple[list[ScoredCell], list[str]]:
    """Every scored block of a profile in the order of params.yaml, and the keys that are not measured.

    Recorded blocks of a cell go before a local one of the same device, so that every clone makes the same report. The
    profile's own device comes first, then the lower seeds.

    Raises:
        InputError: a cell is missing although nothing of the profile was recorded, or one does not fit params.yaml.
    """
    measured: list[ScoredCell] = []
    missing: list[str] = []
    for key, cell in profile.scored.items():
        blocks, local = recorded_blocks(cell, profile), SCORED / cell.folder
        devices = [block.device for block in blocks]
        if table_in(local).is_file() and read_provenance(local / FILES[0]).get("device") not in devices:
            blocks.append(read_cell(local, cell, profile.name, recorded=False))
        measured += sorted(blocks, key=lambda block: (block.device != profile.device, block.cell.seed_numbers))
        if not blocks:
            missing.append(key)
    if missing and not any(cell.recorded for cell in measured):
        raise InputError(
            f"There is no {table_in(SCORED / profile.scored[missing[0]].folder)}: run `uv run dvc repro` to measure "
            f"cell {missing[0]}."
        )
    return measured, missing


def recorded_blocks(cell: Cell, profile: Profile) -> list[ScoredCell]:
    """The blocks of a cell that `replication.record` took in: parts of its seeds, also on several devices.

    Raises:
        InputError: a block does not fit params.yaml, or two have a seed in common under one device and precision.
    """
    named = entries_of(RECORDED, f"{cell.key}*")
    folders = [path for path in named if PART.fullmatch(path.name.removeprefix(cell.key))]
    blocks = [read_cell(path, cell, profile.name, recorded=True) for path in folders if table_in(path).is_file()]
    for place, block in enumerate(blocks):
        for other in blocks[:place]:
            refuse_overlap(block, other)
    return blocks


def refuse_overlap(block: ScoredCell, other: ScoredCell) -> None:
    """Raise InputError where two blocks of a cell measure a seed twice under one device and precision."""
    shared = sorted(set(block.cell.seed_numbers) & set(other.cell.seed_numbers))
    if shared and (block.device, block.precision) == (other.device, other.precision):
        raise InputError(
            f"Seeds {written(shared)} of cell {block.cell.key} on {block.device} in {block.precision} are recorded "
            f"already: remove {other.folder} to replace them."
        )


def read_cell(folder: Path, cell: Cell, profile: str, recorded: bool) -> ScoredCell:
    """Read one block's folder and hold it against the cell of params.yaml that it claims to be.

    A recorded block may hold a part of the cell's seeds.

    Raises:
        InputError: a file is missing or damaged, is of another cell, or says what no measurement can be.
    """
    where = table_in(folder)
    table, provenance = read_table(where), read_block(folder / FILES[0])
    if table.empty:
        raise InputError(f"{where} has no rows: score cell {cell.key} again.")
    expected = {"profile": profile}
    if cell.dataset != BUNDLED:
        expected["dataset"] = cell.dataset
    if not cell.experiment:  # an experiment measures runs of several recipes
        expected |= {column: str(getattr(cell, column)) for column in IDENTITY}
    _check_provenance(provenance, cell, folder / FILES[0])
    for column, wanted in (expected | {column: provenance[column] for column in WHERE}).items():
        other = sorted(set(distinct(table, column)) - {wanted})
        if other:
            raise InputError(f"{where} has {column} {other[0]!r}, but cell {cell.key} has {wanted!r}.")
    block = _block(provenance, cell, recorded, folder)
    seeds = distinct(table, "seed")
    if seeds != list(block.seed_numbers):
        raise InputError(f"{where} holds seeds {seeds}, but cell {cell.key} has {block.seeds}: score it again.")
    if ("files" in provenance or not recorded) and (changed := damaged(folder, provenance)):
        again = "take its archive in" if recorded else f"run `uv run python -m {_command(cell)}`"
        raise InputError(f"{folder / changed} is missing or not what was measured: {again} again.")
    check_rows(table, provenance, not cell.experiment, where)
    samples = read_samples(folder / FILES[1])
    _check_finite(samples, block, provenance, folder / FILES[1])
    return ScoredCell(block, table, provenance, samples, folder, recorded)


def _command(cell: Cell) -> str:
    return f"replication.experiment {cell.key}" if cell.experiment else f"replication.score {cell.key}"


def _block(provenance: Mapping[str, Any], cell: Cell, recorded: bool, folder: Path) -> Cell:
    """The cell with the seeds that its provenance names: all that are planned, or of a recorded block some."""
    named = provenance["seeds"]
    seeds = named if isinstance(named, str) else written(named) if named else ""
    measured, planned = set(seeds_in(seeds)), set(cell.seed_numbers)
    if not measured or not measured <= planned or not (recorded or measured == planned):
        raise InputError(f"{folder / FILES[0]}: seeds are {shown(named)}, but cell {cell.key} has {cell.seeds!r}.")
    return replace(cell, seeds=seeds, part=folder.name.removeprefix(cell.key) if recorded else cell.part)


def grouped(rows: pd.DataFrame, columns: Sequence[str]) -> list[tuple[tuple[str, ...], pd.DataFrame]]:
    """Rows by their values in some columns, in order; those of a group stay in the table's order."""
    numbers = key_numbers(rows, columns)
    order = np.argsort(numbers, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1) if len(order) else []
    firsts = rows.iloc[[part[0] for part in parts]]
    names = zip(*(firsts[column].tolist() for column in columns), strict=True)
    return [(name, rows.iloc[part]) for name, part in zip(names, parts, strict=True)]


def _check_provenance(provenance: Mapping[str, Any], cell: Cell, path: Path) -> None:
    expected = {"cell": cell.key, "dataset": cell.dataset, "split": cell.split}
    if not cell.experiment:
        expected |= {"model": cell.model, "recipe": cell.recipe, "variant": cell.variant}
    for field, wanted in expected.items():
        if provenance[field] != wanted:
            raise InputError(f"{path}: {field} is {shown(provenance[field])}, but cell {cell.key} has {wanted!r}.")


def read_samples(path: Path) -> dict[str, np.ndarray]:
    """Samples of a cell; {} without a file. Images uint8 [n, C, H, W], points float [seeds, n, 2] or real [n, 2]."""
    if not path.is_file():
        return {}
    with opened(path, MOST_BYTES * len((*SAMPLES, *SHEETS))) as members:
        arrays = {name: array for name, array in (_array(member, path) for member in members) if array.size}
    for name, array in arrays.items():
        kind, dimensions = SAMPLES.get(name, SHEET)
        if name == "real" and "points" in arrays:
            kind, dimensions = "f", 2
        flat = kind != "f" or array.shape[-1:] == (2,)  # points lie in a plane
        if array.dtype.kind != kind or array.ndim != dimensions or not flat:
            raise InputError(f"{path}: {name} has dtype {array.dtype} and shape {array.shape}, which is not drawn.")
    return arrays


def _check_finite(samples: Mapping[str, np.ndarray], block: Cell, provenance: Mapping[str, Any], path: Path) -> None:
    """Raise InputError where points of the data, or of a seed that did not diverge, are not finite."""
    if not np.isfinite(samples.get("real", np.empty(0))).all():
        raise InputError(f"{path}: real has points that are not finite.")
    for name in sorted(POINTS & samples.keys()):
        for seed, points in zip(block.seed_numbers, samples[name], strict=False):
            if not np.isfinite(points).all() and str(seed) not in provenance.get("diverged_seeds", {}):
                raise InputError(f"{path}: {name} of seed {seed}, which did not diverge, are not finite.")


def _array(member: Member, path: Path) -> tuple[str, np.ndarray]:
    """Name and content; a cell without samples writes an empty array."""
    name = member.name.removesuffix(".npy")
    if name not in SAMPLES and name not in SHEETS or member.open is None:
        raise InputError(f"{path} holds an array {name!r}; accepted: {', '.join((*SAMPLES, *SHEETS))}.")
    if member.size > MOST_BYTES:
        raise InputError(f"{path}: {name} unpacks to {member.size} bytes; {MOST_BYTES} at most.")
    with member.open() as stream:
        return name, parse_array(stream.read())
