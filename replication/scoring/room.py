"""Whether a cell's trainings fit the machine, known before any of them begins."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path

import torch

from replication.config.cell import Cell
from replication.config.protocols import Judge
from replication.config.recipes import Recipe
from replication.foundation.capacity import memory, require
from replication.foundation.places import TRAINED
from replication.models.layers.networks import Networks
from replication.scoring.classifier import build_classifier
from replication.training.checkpoints import ROOT

VALUE = 4  # bytes of a float32
DRAWN = 2 * VALUE  # bytes of a sample's number as it is drawn: what the network gave, and the same once finite


def require_room(
    cell: Cell, recipe: Recipe, build: Callable[[], Networks], device: str, shape: tuple[int, ...]
) -> None:
    """Raise InputError where the block cannot fit into memory, or what it leaves on the disk.

    It counts what exists at once at least: weights, gradients and the optimiser's state of every seed in memory, or one
    seed's samples of `shape` as they are drawn; the networks of every scored step and two checkpoints on the disk, less
    what lies there already. Activations, data and libraries come on top. Networks are built without values.
    """
    with torch.device("meta"):
        networks = build()
    both = (networks.generator, networks.discriminator)
    values = sum(tensor.numel() for each in both for tensor in (*each.parameters(), *each.buffers()))
    weights = VALUE * len(cell.seed_numbers) * values
    state = 3 if recipe.adam else 2  # weights, and two moments or one
    what = f"Cell {cell.key}: the networks of {len(cell.seed_numbers)} seeds"
    mend = "make its networks smaller, or name fewer seeds (--seeds)"
    require(what, weights * (state + 1), _memory(device), "memory", mend)
    drawn = DRAWN * recipe.n_samples * prod(shape)
    require(f"Cell {cell.key}: {recipe.n_samples} samples", drawn, _memory(device), "memory", "ask for fewer n_samples")
    left = weights * (len(recipe.scored_shares) + 2 * state) - _held(TRAINED / cell.folder, *ROOT.glob(f"{cell.key}-*"))
    place = next(parent for parent in (TRAINED.absolute(), *TRAINED.absolute().parents) if parent.exists())
    require(what, left, shutil.disk_usage(place).free, f"the disk ({place})", "free some space")


def require_judge_room(options: Judge, dataset: str, shape: Sequence[int], classes: int, device: str) -> None:
    """Raise InputError where a judge's weights, gradients and two moments do not fit into memory."""
    with torch.device("meta"):
        network = build_classifier(shape, options.channels, classes, options.convolutions)
    needed = 4 * VALUE * sum(weights.numel() for weights in network.parameters())
    mend = f"write fewer or smaller judges.{dataset}.channels"
    require(f"The network and moments of the judge of {dataset}", needed, _memory(device), "memory", mend)


def _memory(device: str) -> int:
    """Of the device; where there is no GPU, `prepare_device` says so."""
    cuda = device == "cuda" and torch.cuda.is_available()
    return torch.cuda.mem_get_info()[1] if cuda else memory()


def _held(*folders: Path) -> int:
    return sum(path.stat().st_size for folder in folders for path in folder.glob("*") if path.is_file())
