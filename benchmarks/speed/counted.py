"""`python -m benchmarks.speed counted`: arithmetic of one unit of every recipe that `paper` trains on a GPU.

Products and convolutions are counted, with those of their gradients, on tensors without contents, so that nothing is
computed. Of a balanced minibatch each step judges once and updates one of both networks, here half of each. What is
counted goes to `benchmarks/speed/counted.json`, which `scale` reads.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from replication.config.blocks import device_of
from replication.config.cell import Cell
from replication.config.datasets import class_count, sample_shape
from replication.config.params import Params, load_params
from replication.config.recipes import Recipe
from replication.foundation.atomic import write_atomically
from replication.foundation.errors import InputError, chosen
from replication.foundation.foreign import read_json
from replication.models import load
from replication.models.layers.networks import Networks
from replication.training.objectives import named
from replication.training.schedule import SIDES, turns

PROFILE = "paper"
RESULT = Path("benchmarks/speed/counted.json")


def name_of(cell: Cell) -> str:
    """A cell's recipe, as the file names it."""
    return f"{cell.model}.{cell.recipe}.{cell.variant}"


def cells_on_gpu(params: Params) -> dict[str, Cell]:
    """A cell of each recipe that the profile trains on a GPU."""
    params = replace(params, profile=params.profiles[PROFILE])
    return {name_of(cell): cell for cell in params.profile.cells.values() if device_of(params, cell) == "cuda"}


def gflop_of_unit(params: Params, cell: Cell) -> float:
    """Arithmetic that one unit of a cell's recipe needs."""
    recipe, options = params.recipe_of(cell), params.datasets[cell.dataset]
    shape = sample_shape(options)
    built = load(cell.model).build(recipe.network, recipe.prior, recipe.latent_dim, shape, class_count(options))
    networks = Networks(built.generator.to("meta"), built.discriminator.to("meta"))
    needed = {side: _of_update(networks, recipe, shape, side) for side in (*SIDES, "judge")}
    if recipe.schedule == "balanced":
        return recipe.inner_steps * (needed["judge"] + sum(needed[side] for side in SIDES) / 2)
    return sum(needed[side] for turn in turns(recipe) for side in turn.sides)


def _of_update(networks: Networks, recipe: Recipe, shape: Sequence[int], side: str) -> float:
    """GFLOP of one update of a side, or of the generator's loss alone."""
    (generator, discriminator), batch = networks, recipe.batch
    labels = torch.zeros(batch, dtype=torch.int64, device="meta")
    latent = (torch.empty(batch, recipe.latent_dim, device="meta"), labels, labels)

    def judged(samples: Tensor) -> Tensor:
        return discriminator(samples, labels, None).source.sum()

    with FlopCounterMode(display=False) as counted:
        real = torch.empty(batch, *shape, device="meta")
        if side == SIDES[1]:
            with torch.no_grad():
                fake = generator(*latent)
            seen = (real, fake, *([real] if recipe.labels else []))
            _gradient(torch.stack([judged(samples) for samples in seen]).sum(), discriminator)
        else:
            total = judged(generator(*latent))
            if side == SIDES[0]:
                _gradient(total, generator)
                if named(recipe.objective).sees_real:
                    judged(real)
    return counted.get_total_flops() / 1e9


def _gradient(total: Tensor, network: torch.nn.Module) -> None:
    torch.autograd.grad(total, [weight for weight in network.parameters() if weight.requires_grad], allow_unused=True)


def read_counted() -> dict[str, float]:
    """GFLOP of a unit by recipe.

    Raises:
        InputError: the file is missing or holds something else.
    """
    try:
        return {name: float(gflop) for name, gflop in read_json(RESULT).items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        sentence = f"{RESULT} holds no counts ({error}): run `uv run python -m benchmarks.speed counted`."
        raise InputError(sentence) from error


def main(arguments: Sequence[str]) -> None:
    """Count every recipe and replace the kept file, or print those that `--recipe` names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed counted", description=__doc__)
    parser.add_argument("--recipe", action="append", default=[], metavar="MODEL.RECIPE.VARIANT")
    asked = parser.parse_args(arguments).recipe
    params = load_params()
    known = cells_on_gpu(params)
    counts = {}
    for name in asked or known:
        counts[name] = round(gflop_of_unit(params, chosen(known, name, "recipe on a GPU")), 6)
        print(f"{name}: {counts[name]:.4g} GFLOP a unit", flush=True)
    if not asked:
        write_atomically(RESULT, json.dumps(counts, indent=1) + "\n")
