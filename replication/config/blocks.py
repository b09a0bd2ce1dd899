"""What is computed of a cell, and where: the planned block of seeds, or a part of it, on a device."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import replace

from replication.config.cell import Cell, seeds_in
from replication.config.params import Params
from replication.config.recipes import Recipe
from replication.foundation.errors import InputError

DEVICES = ("cpu", "cuda")
# Experiments that see all images through something large; the others compute on the processor.
ON_DEVICE = ("reference-points", "real-neighbours", "feature-controls", "released-probe")
PART = re.compile(r"(?:@(?:cpu|cuda))?(?:\+\d+(?:-\d+)?)?")  # of a folder's name, behind the cell's key


def block_of(params: Params, cell: Cell, device: str = "", seeds: str = "") -> tuple[Params, Cell]:
    """The cell on another device and with a part of its seeds, each as planned where it is ""; params fit it.

    What differs from the plan is named in `cell.part`, and so in its folders: `@cpu`, `+0-2` or `@cpu+0-2`.

    Raises:
        InputError: the seeds are no part of the planned block.
    """
    asked = on_device(params, device)
    where, planned = device_of(asked, cell), device_of(params, cell)
    part = f"@{where}" if where != planned else ""
    if seeds:
        chosen = seeds_in(seeds)
        if not chosen or not set(chosen) <= set(cell.seed_numbers):
            raise InputError(
                f"--seeds {seeds} is no part of cell {cell.key}, whose seeds are {cell.seeds}: name some of them, as "
                f"{cell.seed_numbers[0]} or {cell.seeds}, or plan more in params.yaml."
            )
        seeds = written(chosen)
        part += f"+{seeds}" if chosen != cell.seed_numbers else ""
    return asked, replace(cell, seeds=seeds or cell.seeds, part=part)


def on_device(params: Params, device: str) -> Params:
    """The parameters with the profile in force on another device; "" leaves its own."""
    return replace(params, profile=replace(params.profile, device=device or params.profile.device))


def written(seeds: Sequence[int]) -> str:
    """(0, 1, 2) → `0-2`; (7,) → `7`."""
    return f"{seeds[0]}-{seeds[-1]}" if len(seeds) > 1 else str(seeds[0])


def key_of(name: str) -> str:
    """The cell's key in a block's name: `paper-gan-mnist@cpu+0-2` → `paper-gan-mnist`."""
    return re.split("[@+]", name, maxsplit=1)[0]


def device_of(params: Params, cell: Cell) -> str:
    """Where a cell is computed: the profile's device, but compiled toy games and small experiments on the processor."""
    if cell.experiment:
        return params.profile.device if cell.experiment in ON_DEVICE else "cpu"
    return "cpu" if params.recipe_of(cell).engine == "kernel" else params.profile.device


def precision_on(recipe: Recipe, device: str) -> str:
    """The precision that a recipe's products really have: a processor has no TF32, and compiled code float32 alone."""
    coarse = recipe.precision == "bfloat16" or device == "cuda"
    return recipe.precision if coarse and recipe.engine != "kernel" else "float32"


def block_arguments(stage: str, what: str, arguments: Sequence[str] | None) -> argparse.Namespace:
    """`name`, `device` and `seeds` of a stage's command line; "" where they are as planned."""
    parser = argparse.ArgumentParser(prog=f"python -m replication.{stage}")
    parser.add_argument("name", metavar="NAME", help=what)
    add_block_options(parser)
    return parser.parse_args(arguments)


def add_block_options(parser: argparse.ArgumentParser) -> None:
    """The two options that choose a block other than the planned one."""
    add_device_option(parser)
    parser.add_argument("--seeds", default="", metavar="S", help="a part of each cell's seeds, as 0-2 (default: all)")


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """`--device`, which every computing stage has."""
    parser.add_argument("--device", default="", choices=DEVICES, help="where to compute (default: as the profile says)")
