"""Train cells of the profile in force: `python -m replication.train NAME [--device D] [--seeds S]`.

NAME is a model (all its cells) or one cell. Writes `outputs/train/<profile>/<model>/<cell>/`: `step<n>.safetensors`
(the networks of every seed, stacked, at each scored step), `history.safetensors` (losses) and `provenance.json`. A
cell whose code, parameters and data are those of its output is kept as it is; a killed run goes on from its
checkpoint, on any device of the same kind. A part of the seeds, or another device than the profile's, has a folder of
its own: `outputs/train/<profile>-parts/<model>/<cell>@cpu+0-2/`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from replication.config.blocks import block_arguments, block_of, device_of
from replication.config.cluster import cluster_stages
from replication.config.params import Cell, Params, load_params
from replication.data.reading import load_prepared, load_split
from replication.foundation.atomic import keep_only
from replication.foundation.command import exit_clearly
from replication.foundation.places import DATA, TRAINED
from replication.foundation.provenance import environment, sha256_text
from replication.foundation.runtime import prepare_device
from replication.foundation.usage import measured
from replication.scoring.requirements import require_cell, require_protocols
from replication.training.block import Outcome, Stop, never, train_block
from replication.training.cells import builder, cell_key, class_count, training_samples, training_values
from replication.training.checkpoints import TrainingClock, forget, note_environment, sole_writer
from replication.training.weights import is_trained, write_trained


def train_cell(params: Params, cell: Cell, stop: Stop = never) -> bool:
    """Train a block into its folder of `outputs/train`, unless a finished output of the same key is there: False then.

    Raises:
        InputError: the data are not prepared, or what the cell's protocols need is not there.
        Paused: `stop` said so; the checkpoint holds all that was trained.
    """
    recipe = params.recipe_of(cell)
    data, rows = load_prepared(DATA / cell.dataset), load_split(DATA / cell.dataset, cell.split)
    require_protocols(params, cell, data, rows)
    samples = training_samples(data, rows)
    device, threads = prepare_device(device_of(params, cell), training=True), params.profile.threads
    here = environment(device, recipe.threads)
    key = cell_key(cell, recipe, samples, device, here)
    output = TRAINED / cell.folder
    with sole_writer(cell.key + "-" + sha256_text(json.dumps(key))[:16]) as directory:
        wanted = not is_trained(output, key)
        if wanted:
            clock = TrainingClock(directory)
            provenance = {**key, "environment": note_environment(directory, here)}
            build = builder(cell, recipe, tuple(samples.values.shape[1:]), class_count(data))
            held_out = training_samples(data, np.setdiff1d(np.arange(len(training_values(data))), rows)).values
            seeds = cell.seed_numbers
            with measured(device) as usage:
                outcome = train_block(
                    build, recipe, seeds, samples, directory, device, threads, cell.name, held_out, stop, clock
                )
            provenance |= _summary(cell, outcome)
            provenance |= {"sample_shape": list(samples.values.shape[1:]), "classes": class_count(data)}
            provenance["clock"] = {**clock.read(), "usage": {**usage, "seeds": len(seeds)}}
            write_trained(output, outcome.snapshots, outcome.history, provenance)
        forget(directory)
    return wanted


def _summary(cell: Cell, outcome: Outcome) -> dict[str, Any]:
    diverged = {str(s): step for s, step in zip(cell.seed_numbers, outcome.diverged, strict=True) if step >= 0}
    selected = dict(zip(map(str, cell.seed_numbers), outcome.selected, strict=False))
    choice = {"selected_steps": selected} if selected else {}
    return {"diverged_seeds": diverged, "window": outcome.window, "steps": sorted(outcome.snapshots), **choice}


def train_model(params: Params, name: str, device: str = "", seeds: str = "") -> None:
    """Train every cell of a model; with all seeds on the planned device, remove what cells that are gone left."""
    cells = params.trained_cells(name)
    blocks = [block_of(params, cell, device, seeds) for cell in cells]
    for block in blocks:  # before hours of training, not after
        require_cell(*block)
    if params.profile.runner == "ray":
        cluster_stages().stage(blocks[0][0], [block for _, block in blocks], "train")
    else:
        for block in blocks:
            train_cell(*block)
    if cells[0].model == name and not (device or seeds):
        keep_only((TRAINED / cells[0].folder).parent, {cell.key for cell in cells})


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the cells that the command line names."""
    asked = block_arguments("train", "a model or a cell of the profile in force", arguments)
    train_model(load_params(), asked.name, asked.device, asked.seeds)


if __name__ == "__main__":
    exit_clearly(main)
