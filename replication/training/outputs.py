"""The folder that a training leaves: networks of every scored step, losses, and provenance with their hashes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from replication.foundation.atomic import atomic_directory
from replication.foundation.provenance import recorded, sha256_file
from replication.training.state import State
from replication.training.weights import HISTORY, damaged


def write_trained(
    output: Path, snapshots: Mapping[int, State], history: np.ndarray, provenance: Mapping[str, Any]
) -> None:
    """Write a training's folder: networks by step, losses float32 [S, points, 2], and provenance with their SHA-256."""
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
