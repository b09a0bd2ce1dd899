"""What provenance.json has to say: of a block of seeds, which strangers hand over, and of a report, which has many.

Keys that are unknown here may stand beside: they are passed on, and no page reads them.
"""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass

from replication.config.strict import Natural, Seed, check_plain, strict
from replication.foundation.errors import InputError
from replication.foundation.foreign import read_json
from replication.table.provenance import OPEN, Clock, Device, Identity, SeedKey, Sha256


@dataclass(config=OPEN, frozen=True)
class Block(Identity):
    cell: str
    seeds: str | list[Seed]
    code_sha256: Sha256
    params_sha256: Sha256
    data_sha256: str | dict[str, str]
    device: Device
    precision: str
    environment: dict[str, str | int | float]
    clock: Clock
    updates: Natural | None = None
    diverged_seeds: dict[SeedKey, Natural] = field(default_factory=dict)
    selected_steps: dict[SeedKey, Natural] = field(default_factory=dict)
    left_out: str = ""
    scored_on: str = ""
    released: str = ""


@dataclass(config=OPEN, frozen=True, kw_only=True)
class ReportedBlock(Block):
    seeds: list[Seed]
    recorded: bool
    measurements_sha256: Sha256
    measures: list[Identity] = field(default_factory=list)


@dataclass(config=OPEN, frozen=True)
class Drawn:
    """A figure; `name` is its path in figures/ without the suffix."""

    name: str
    kind: str  # forest, curves, arms, points, grid or sheet
    paper: str  # "" for the figure of all claims
    title: str
    alt: str
    vector: bool  # an SVG stands beside the PNG


@dataclass(config=OPEN, frozen=True)
class Report:
    profile: str
    device: Device
    not_measured: list[str]
    cells: dict[str, ReportedBlock]
    recipes: dict[str, dict[str, dict[str, Any]]]
    figures: list[Drawn]
    files: dict[str, Sha256]


def read_provenance(path: Path) -> dict[str, Any]:
    """A provenance file: one JSON object.

    Raises:
        InputError: there is none, or it holds something else.
    """
    try:
        written = read_json(path)
    except FileNotFoundError as error:
        raise InputError(f"There is no {path}: a measurement without provenance is not taken.") from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}).") from error
    if not isinstance(written, dict):
        raise InputError(f"{path} holds no JSON object but {type(written).__name__}.")
    return written


def read_block(path: Path) -> dict[str, Any]:
    """The provenance of a block of seeds, as it was written.

    Raises:
        InputError: as `read_provenance`, or something lacks, has another type, or is no finite number.
    """
    written = read_provenance(path)
    check_plain(written, str(path))
    strict(Block, written, str(path))
    return written


def read_report(path: Path) -> dict[str, Any]:
    """The provenance of a report, as it was written.

    Raises:
        InputError: as `read_provenance`, or something lacks or has another type.
    """
    written = read_provenance(path)
    try:
        strict(Report, written, str(path))
    except InputError as error:
        raise InputError(f"{error} Run `uv run dvc repro` to make that report again.") from error
    return written
