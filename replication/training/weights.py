"""The folder that a training leaves: networks of every scored step, losses, and provenance with their hashes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field
from pydantic.dataclasses import dataclass

from replication.config.cell import seeds_in
from replication.config.strict import Count, Natural, strict
from replication.foundation.atomic import atomic_directory
from replication.foundation.errors import InputError
from replication.foundation.provenance import changed_file, is_whole, recorded, sha256_file
from replication.table.provenance import OPEN, Clock, Device, Identity, SeedKey, Sha256

if TYPE_CHECKING:  # who only verifies a folder need not wait for torch
    import numpy as np

    from replication.training.state import State

HISTORY = "history.safetensors"
_STEP = re.compile("[0-9]{1,12}")


@dataclass(config=OPEN, frozen=True)
class Training(Identity):
    """What the provenance of a training says; `weights_sha256` is by step."""

    cell: str
    seeds: str
    updates: Count
    code_sha256: Sha256
    params_sha256: Sha256
    data_sha256: Sha256
    device: Device
    precision: str
    environment: dict[str, str | int | float]
    clock: Clock
    diverged_seeds: dict[SeedKey, Natural]
    window: Count
    steps: Annotated[list[Natural], Field(min_length=1)]
    sample_shape: list[Count]
    classes: Natural
    weights_sha256: dict[str, Sha256]
    history_sha256: Sha256

    def __post_init__(self) -> None:
        seeds = seeds_in(self.seeds)
        if not all(int(seed) in seeds and step <= self.updates for seed, step in self.diverged_seeds.items()):
            raise ValueError(f"diverged_seeds are not of seeds {self.seeds} and {self.updates} updates")
        if self.steps != sorted({*self.steps}) or {str(step) for step in self.steps} != {*self.weights_sha256}:
            raise ValueError("weights_sha256 are not of its steps")


def write_trained(
    output: Path, snapshots: Mapping[int, State], history: np.ndarray, provenance: Mapping[str, Any]
) -> None:
    """Write a training's folder: networks by step, losses float32 [S, points, 2], and provenance with their SHA-256."""
    import torch
    from safetensors.torch import save_file

    with atomic_directory(output) as directory:
        hashes = {}
        for step, state in snapshots.items():
            place = directory / f"step{step}.safetensors"
            save_file(state, place)
            hashes[str(step)] = sha256_file(place)
        save_file({"losses": torch.from_numpy(history)}, directory / HISTORY)
        written = {**provenance, "weights_sha256": hashes, "history_sha256": sha256_file(directory / HISTORY)}
        (directory / "provenance.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


def is_trained(folder: Path, key: Mapping[str, Any]) -> bool:
    """Whether this very training is there and whole: what was damaged since is trained again, never hashed anew."""
    before = recorded(folder)
    return {name: before.get(name) for name in key} == key and not damaged(folder, before)


def recorded_weights(provenance: Mapping[str, Any], place: object) -> tuple[int, str]:
    """The last scored step of a training, and the SHA-256 recorded of the networks there; InputError: there is none."""
    hashes = provenance.get("weights_sha256")
    if not isinstance(hashes, dict) or not hashes or not all(_STEP.fullmatch(step) for step in hashes):
        raise InputError(f"The provenance of {place} records no hash of weights: train and score its cell again.")
    step = max(hashes, key=int)
    return int(step), str(hashes[step])


def verified_weights(folder: Path, provenance: Mapping[str, Any]) -> Path:
    """The file of the networks of the last step; InputError: no hash of it is recorded, or it has another."""
    step, digest = recorded_weights(provenance, folder)
    file = folder / f"step{step}.safetensors"
    if not is_whole(file, digest):
        raise InputError(f"{file} is missing or not what was trained and scored: train and score its cell again.")
    return file


def damaged(folder: Path, provenance: Mapping[str, Any]) -> str:
    """The name of the first file of a training that is missing or not what was trained; "" where all are whole."""
    try:
        training = strict(Training, provenance, "provenance.json")
    except InputError:
        return "provenance.json"
    hashes = {f"step{step}.safetensors": digest for step, digest in training.weights_sha256.items()}
    hashes[HISTORY] = training.history_sha256
    return changed_file(folder, hashes)
