"""Run experiments of the profile in force, which train no GAN: `python -m replication.experiment NAME`, or `all`.

`theory` measures GAN 2014's propositions on known densities, `controls` scores real images and raw pixels. Writes
`outputs/score/<profile>/experiments/<name>/` as `replication.score` does for a trained cell.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from replication.data.reading import load_images, load_manifest, load_split, load_toy
from replication.errors import exit_clearly
from replication.params import Cell, Params, load_params
from replication.provenance import code_hash, environment, import_closure, sha256_text
from replication.runtime import Clock, prepare_device, stage_argument
from replication.score import DATA, OUTPUTS, write_scores
from replication.scoring.rows import Rows
from replication.train import builder


def run_experiment(params: Params, cell: Cell) -> None:
    """Run an experiment into `outputs/score/<profile>/experiments/<name>/`."""
    clock = Clock()
    prepare_device("cpu")
    chosen = load_split(DATA / cell.dataset, cell.split)
    rows = Rows(params.profile.name, cell, len(chosen), {})
    EXPERIMENTS[cell.experiment](rows, params)
    write_scores(OUTPUTS / cell.folder, rows, {}, _provenance(params, cell, clock))


def theory(rows: Rows, params: Params) -> None:
    """GAN 2014's propositions on the toy mixture."""
    from replication.scoring.theory import score_theory
    from replication.scoring.toy import mixture_of

    recipe = params.recipe("gan", params.theory.generator, "paper")
    build = builder(rows.cell, recipe, (2,))
    score_theory(rows, mixture_of(load_toy(DATA / rows.cell.dataset)), params.theory, build, recipe)


def controls(rows: Rows, params: Params) -> None:
    """Real images and raw pixels of an image data set."""
    from replication.judge import OUTPUTS as JUDGES
    from replication.judge import judge_options, read_judge
    from replication.scoring.controls import score_controls

    data, options = load_images(DATA / rows.cell.dataset), judge_options(params, rows.cell.dataset)
    judge = read_judge(options, data, JUDGES / rows.cell.dataset)
    score_controls(rows, data, params.profile.probe, judge, options.name)


EXPERIMENTS = {"theory": theory, "controls": controls}


def _provenance(params: Params, cell: Cell, clock: Clock) -> dict[str, Any]:
    written = {"cell": {**asdict(cell), "key": ""}, "theory": asdict(params.theory)}
    return {
        "cell": cell.key,
        "model": cell.model,
        "recipe": cell.recipe,
        "variant": cell.variant,
        "dataset": cell.dataset,
        "split": cell.split,
        "seeds": cell.seeds,
        "updates": params.theory.updates if cell.experiment == "theory" else 0,
        "code_sha256": code_hash(import_closure(Path("replication/experiment.py"))),
        "params_sha256": sha256_text(json.dumps(written, sort_keys=True)),
        "data_sha256": sha256_text(json.dumps(load_manifest(DATA / cell.dataset)["files"], sort_keys=True)),
        "environment": environment("cpu", params.profile.threads),
        "diverged_seeds": {},
        "clock": clock.read(),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the experiments that the command line names."""
    params = load_params()
    name = stage_argument("experiment", "an experiment of the profile in force, or all", arguments)
    for cell in params.profile.experiments.values() if name == "all" else [params.experiment(name)]:
        run_experiment(params, cell)


if __name__ == "__main__":
    exit_clearly(main)
