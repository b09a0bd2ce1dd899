"""What scoring reads of a trained cell, and how samples are drawn from its generators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file

from replication.config.blocks import device_of, precision_on
from replication.config.params import Cell, Params
from replication.foundation.errors import InputError
from replication.foundation.foreign import read_json
from replication.foundation.places import TRAINED
from replication.models.layers.networks import Networks
from replication.training.cells import params_sha256
from replication.training.state import State, bind
from replication.training.weights import HISTORY, damaged


@dataclass(frozen=True)
class TrainedCell:
    """`outputs/train/<cell>/`: the networks of every seed at each scored step, the history of losses, provenance."""

    steps: tuple[int, ...]
    states: dict[int, State]
    history: np.ndarray  # float32 [S, points, 2]
    provenance: dict[str, Any]

    def networks(self, build: Callable[[], Networks], step: int, index: int, prefix: str = "") -> Networks:
        """The networks of one seed of the block at one step; tensors kept under `prefix` too are taken from there."""
        networks = build()
        bind(networks, self.states[step], index, prefix)
        return networks


def read_trained(directory: Path) -> TrainedCell:
    """Read a trained cell. Raises InputError: it is not there, or a file of it is not what training wrote."""
    again = f"run `uv run python -m replication.train {directory.name}`"
    try:
        provenance = read_json(directory / "provenance.json")
        if wrong := damaged(directory, provenance):
            raise InputError(f"{directory / wrong} is missing or not what was trained: {again}.")
        steps = tuple(provenance["steps"])
        states = {step: load_file(directory / f"step{step}.safetensors") for step in steps}
        history = load_file(directory / HISTORY)["losses"].numpy()
    except FileNotFoundError as error:
        raise InputError(f"There is no {error.filename or directory}: {again}.") from error
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{directory} does not hold what training wrote ({error}): {again}.") from error
    return TrainedCell(steps, states, history, provenance)


def require_training_of(params: Params, cell: Cell, provenance: Mapping[str, Any]) -> None:
    """InputError where a training is of another recipe or device: nothing is shown under another's name."""
    recipe, device = params.recipe_of(cell), device_of(params, cell)
    planned = {**cell.identity, "params_sha256": params_sha256(cell, recipe)}
    planned |= {"device": device, "precision": precision_on(recipe, device)}
    other = [name for name, value in planned.items() if provenance.get(name) != value]
    if other:
        named = ", ".join("recipe" if name == "params_sha256" else name for name in other)
        raise InputError(
            f"{TRAINED / cell.folder} was trained with another {named} than params.yaml says now: "
            f"run `uv run python -m replication.train {cell.key}` first."
        )
