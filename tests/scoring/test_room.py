"""What trainings take of memory and disk is known before they begin, and no more is asked for than they take."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from replication.config.params import Cell, Params
from replication.config.recipes import Recipe
from replication.foundation import capacity
from replication.foundation.errors import InputError
from replication.foundation.places import TRAINED
from replication.scoring import room
from replication.scoring.room import require_room
from replication.training.cells import builder

SHAPE, CLASSES = (1, 8, 8), 10


def weights_of(cell: Cell, recipe: Recipe) -> int:
    """Bytes of the networks of all seeds, with their values."""
    networks = builder(cell, recipe, SHAPE, CLASSES)()
    tensors = (*networks.generator.state_dict().values(), *networks.discriminator.state_dict().values())
    return len(cell.seed_numbers) * sum(tensor.nbytes for tensor in tensors if tensor.dtype == torch.float32)


def require(cell: Cell, recipe: Recipe) -> None:
    require_room(cell, recipe, builder(cell, recipe, SHAPE, CLASSES), "cpu")


@pytest.mark.parametrize(("key", "copies"), [("cpu-dcgan-digits", 4), ("paper-gan-mnist", 3)])
def test_memory_is_asked_for_weights_gradients_and_moments(
    params: Params, key: str, copies: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = params.profiles[key.split("-")[0]].cells[key]
    recipe = params.recipe_of(cell)
    assert copies == (4 if recipe.adam else 3)
    needed = copies * weights_of(cell, recipe)
    monkeypatch.setattr(room, "memory", lambda: int(1.01 * needed))
    require(cell, recipe)
    monkeypatch.setattr(room, "memory", lambda: int(0.99 * needed))
    with pytest.raises(InputError, match=f"Cell {key}.*memory"):
        require(cell, recipe)


def test_what_lies_on_the_disk_already_needs_no_place(
    params: Params, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    cell = params.cell("cpu-dcgan-digits")
    recipe = params.recipe_of(cell)
    free = weights_of(cell, recipe) * len(recipe.scored_shares)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    with pytest.raises(InputError, match="Cell cpu-dcgan-digits.*the disk"):
        require(cell, recipe)
    (TRAINED / cell.folder).mkdir(parents=True)
    (TRAINED / cell.folder / "step1.safetensors").write_bytes(bytes(8 * weights_of(cell, recipe)))
    require(cell, recipe)


def test_networks_of_any_size_are_counted_without_their_values(params: Params) -> None:
    cell = params.cell("cpu-gan-digits")
    recipe = params.recipe_of(cell)
    wide = replace(recipe, network={**recipe.network, "generator_hidden": [2**16, 2**16, 2**16]})
    with pytest.raises(InputError, match="Cell cpu-gan-digits.*GiB of memory"):
        require(cell, wide)


def test_a_container_may_have_less_memory_than_its_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(capacity, "LIMITS", (limit,))
    whole = capacity.memory()
    limit.write_text("max\n")
    assert capacity.memory() == whole
    limit.write_text("4096\n")
    assert capacity.memory() == 4096
