"""What a training wrote, held against the hashes that it recorded of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from replication.foundation.errors import InputError
from replication.foundation.provenance import sha256_file

HISTORY = "history.safetensors"
_STEP = re.compile("[0-9]{1,12}")


def recorded_weights(provenance: Mapping[str, Any], place: object) -> tuple[int, str]:
    """The last scored step of a training, and the SHA-256 that its provenance records of the networks there.

    Raises:
        InputError: it records none.
    """
    hashes = provenance.get("weights_sha256")
    if not isinstance(hashes, dict) or not hashes or not all(_STEP.fullmatch(step) for step in hashes):
        raise InputError(f"The provenance of {place} records no hash of weights: train and score its cell again.")
    step = max(hashes, key=int)
    return int(step), str(hashes[step])


def verified_weights(folder: Path, provenance: Mapping[str, Any]) -> Path:
    """The file of the networks of the last step in a training's folder, once its hash is the recorded one.

    Raises:
        InputError: no hash is recorded, or the file is missing or another.
    """
    step, digest = recorded_weights(provenance, folder)
    file = folder / f"step{step}.safetensors"
    if not _is_whole(file, digest):
        raise InputError(f"{file} is missing or not what was trained and scored: train and score its cell again.")
    return file


def damaged(folder: Path, provenance: Mapping[str, Any]) -> str:
    """The name of the first file of a training that is missing or not what was trained; "" where all are whole."""
    steps, written = provenance.get("steps"), provenance.get("weights_sha256")
    if not isinstance(steps, list) or not isinstance(written, dict) or not all(type(step) is int for step in steps):
        return "provenance.json"
    if steps != sorted(set(steps)) or {str(step) for step in steps} != written.keys():
        return "provenance.json"
    hashes = {f"step{step}.safetensors": digest for step, digest in written.items()}
    hashes[HISTORY] = provenance.get("history_sha256")
    for name, digest in hashes.items():
        if not _is_whole(folder / name, digest):
            return name
    return ""


def _is_whole(file: Path, digest: str | None) -> bool:
    return file.is_file() and sha256_file(file) == digest
