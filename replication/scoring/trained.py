"""What scoring reads of a trained cell, and how samples are drawn from its generators."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from replication.errors import InputError
from replication.models.layers import Generator, Networks
from replication.recipes import Noise, Recipe
from replication.seeding import generator as stream_of
from replication.training.draws import draw_components, draw_noise
from replication.training.state import State, bind


@dataclass(frozen=True)
class TrainedCell:
    """`outputs/train/<cell>/`: the networks of every seed at each scored step, the history of losses, provenance."""

    steps: tuple[int, ...]
    states: dict[int, State]
    history: np.ndarray  # float32 [S, points, 2]
    provenance: dict[str, Any]

    def networks(self, build: Callable[[], Networks], step: int, index: int) -> Networks:
        """The networks of one seed of the block at one step."""
        networks = build()
        bind(networks, self.states[step], index)
        return networks


def read_trained(directory: Path) -> TrainedCell:
    """Read a trained cell.

    Raises:
        InputError: it is not there, or a file of it is damaged.
    """
    again = f"run `uv run python -m replication.train {directory.name}`"
    try:
        provenance = json.loads((directory / "provenance.json").read_text(encoding="utf-8"))
        steps = tuple(provenance["steps"])
        states = {step: load_file(directory / f"step{step}.safetensors") for step in steps}
        history = load_file(directory / "history.safetensors")["losses"].numpy()
    except FileNotFoundError as error:
        raise InputError(f"There is no {error.filename or directory}: {again}.") from error
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{directory} does not hold what training wrote ({error}): {again}.") from error
    return TrainedCell(steps, states, history, provenance)


@torch.no_grad()
def draw_samples(generator: Generator, recipe: Recipe, noise: Noise, seed: int, purpose: str, count: int) -> Tensor:
    """`count` samples, in batches of the recipe's size, from a stream of the seed's own.

    Batch normalisation uses each batch's own statistics, as in training (DCGAN's released code).
    """
    stream = stream_of(seed, purpose)
    batches = -(-count // recipe.batch)
    latent = torch.from_numpy(draw_noise(noise, stream, (batches, recipe.batch, recipe.latent_dim)))
    component = torch.from_numpy(draw_components(recipe, stream, (batches, recipe.batch)))
    generator.train()
    if not any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in generator.modules()):
        return generator(latent.flatten(0, 1), component.flatten())[:count]
    return torch.cat([generator(*one) for one in zip(latent, component, strict=True)])[:count]
