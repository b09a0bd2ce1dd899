"""Run experiments of the profile in force, which train no GAN: `python -m replication.experiment NAME`, or `all`.

`--device D` and `--seeds S` name a block as for `replication.train`.

`theory` measures GAN 2014's propositions on known densities,
`reference-points` scores real images and a generator that repeats its own under every score of images,
`real-neighbours` training images in place of samples, under 1-NN and a Parzen window,
`feature-controls` pixels, an untrained discriminator and K-means features under the linear probe,
`released-probe` the discriminator that DCGAN's authors released, and
`near-duplicates` finds planted ones by DCGAN's codes. The others run what the papers take as known:
`generative-discriminative` naive Bayes against logistic regression, `latent-dimension` PCA against an autoencoder,
`outliers` either on a class that it never saw. Writes
`outputs/score/<profile>/experiments/<name>/` as `replication.score` does for a trained cell.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from replication.config.blocks import block_arguments, block_of, device_of, on_device
from replication.config.cluster import cluster_stages
from replication.config.params import BUNDLED, Cell, Params, load_params
from replication.data.bundled import load_bundled
from replication.data.reading import PreparedImages, load_images, load_manifest, load_split, load_toy
from replication.foundation.atomic import keep_only
from replication.foundation.child import in_processes
from replication.foundation.command import exit_clearly
from replication.foundation.places import DATA, JUDGE_WEIGHTS, JUDGES, SCORED
from replication.foundation.provenance import code_hash, environment, import_closure, sha256_file, sha256_text
from replication.foundation.runtime import prepare_device
from replication.scoring.experiment_requirements import require_experiment
from replication.scoring.rows import Rows, Steps, write_scores
from replication.table.scored import holds_scores
from replication.training.cells import builder
from replication.training.checkpoints import TrainingClock, forget, sole_writer


def run_experiment(params: Params, cell: Cell) -> None:
    """Run an experiment into `outputs/score/<profile>/experiments/<name>/`, from the steps that a killed run kept."""
    device = prepare_device(device_of(params, cell))
    require_experiment(params, cell)
    trained_on = 0 if cell.dataset == BUNDLED else len(load_split(DATA / cell.dataset, cell.split))
    key = experiment_key(params, cell)
    with sole_writer(f"{cell.key}-{sha256_text(json.dumps(key))[:16]}") as directory:
        clock = TrainingClock(directory)
        rows = Rows(params.profile.name, cell, trained_on, {}, device, steps=Steps(directory, clock))
        with threadpool_limits(1, "blas"):  # NumPy's, as `prepare_device` has done for PyTorch
            EXPERIMENTS[cell.experiment][0](rows, params)
        rest = {"environment": environment(device, params.profile.threads), "diverged_seeds": {}, "clock": clock.read()}
        write_scores(SCORED / cell.folder, rows, {}, {**key, **rest})
        forget(directory)


def is_measured(params: Params, cell: Cell) -> bool:
    """Whether the experiment's rows are those that running it again would give."""
    return holds_scores(SCORED / cell.folder, lambda: experiment_key(params, cell))


def _images(cell: Cell) -> tuple[PreparedImages, np.ndarray]:
    """The images that an experiment reads, and the rows of the training images that its split names."""
    return load_images(DATA / cell.dataset), load_split(DATA / cell.dataset, cell.split)


def _theory(rows: Rows, params: Params) -> None:
    from replication.experiments.theory import score_theory
    from replication.scoring.toy import mixture_of

    recipe = params.recipe("gan", params.theory.generator, "paper")
    build = builder(rows.cell, recipe, (2,))
    score_theory(rows, mixture_of(load_toy(DATA / rows.cell.dataset)), params.theory, build, recipe)


def _reference_points(rows: Rows, params: Params) -> None:
    from replication.experiments.reference_points import score_reference_points
    from replication.scoring.classifier import judge_options, read_judge

    (data, chosen), device = _images(rows.cell), device_of(params, rows.cell)
    profile, options = params.profile, judge_options(params, data.name)
    judge = read_judge(options, data, JUDGES / data.name).to(device)
    score_reference_points(rows, data, chosen, judge, options.name, profile.protocols, profile.threads, device)


def _real_neighbours(rows: Rows, params: Params) -> None:
    from replication.experiments.real_neighbours import score_real_neighbours

    profile, device = params.profile, device_of(params, rows.cell)
    score_real_neighbours(rows, *_images(rows.cell), profile.real_neighbours, profile.threads, device)


def _feature_controls(rows: Rows, params: Params) -> None:
    from replication.experiments.feature_controls import score_feature_controls

    data, profile, device = load_images(DATA / rows.cell.dataset), params.profile, device_of(params, rows.cell)
    recipe = params.recipe("dcgan", rows.cell.recipe, rows.cell.variant)
    build = builder(rows.cell, recipe, data.train_images.shape[1:], len(data.class_names))
    score_feature_controls(rows, data, profile.probe, profile.feature_controls, build, device, _threads(params))


def _released_probe(rows: Rows, params: Params) -> None:
    from replication.experiments.released_probe import score_released_probe
    from replication.released.weights import read_discriminator

    data, device = load_images(DATA / rows.cell.dataset), device_of(params, rows.cell)
    released, threads = read_discriminator(Path(params.released.directory)), _threads(params) if device == "cpu" else 1
    score_released_probe(rows, released, data, params.profile.probe, params.released, device, threads)


def _near_duplicates(rows: Rows, params: Params) -> None:
    from replication.experiments.near_duplicates import score_near_duplicates

    score_near_duplicates(rows, *_images(rows.cell), params.profile.near_duplicates, params.profile.threads)


def _generative_discriminative(rows: Rows, params: Params) -> None:
    from replication.experiments.generative_discriminative import score_generative_discriminative

    options = params.background.generative_discriminative
    score_generative_discriminative(rows, [load_bundled(name) for name in options.datasets], options)


def _latent_dimension(rows: Rows, params: Params) -> None:
    from replication.experiments.latent_dimension import score_latent_dimension

    score_latent_dimension(rows, *_images(rows.cell), params.background.latent_dimension, params.profile.threads)


def _outliers(rows: Rows, params: Params) -> None:
    from replication.experiments.latent_dimension import score_outliers

    score_outliers(rows, *_images(rows.cell), params.background.outliers, params.profile.threads)


# Of each experiment: what runs it, and the part of params.yaml that it reads.
EXPERIMENTS: Mapping[str, tuple[Callable[[Rows, Params], None], Callable[[Params], Any]]] = {
    "theory": (_theory, lambda params: params.theory),
    "reference-points": (_reference_points, lambda params: params.profile.protocols),
    "real-neighbours": (_real_neighbours, lambda params: params.profile.real_neighbours),
    "feature-controls": (_feature_controls, lambda params: params.profile.feature_controls),
    "released-probe": (_released_probe, lambda params: params.released),
    "near-duplicates": (_near_duplicates, lambda params: params.profile.near_duplicates),
    "generative-discriminative": (_generative_discriminative, lambda p: p.background.generative_discriminative),
    "latent-dimension": (_latent_dimension, lambda params: params.background.latent_dimension),
    "outliers": (_outliers, lambda params: params.background.outliers),
}


def _threads(params: Params) -> int:
    """No more than there are cores: a thread of the L2-SVM holds the features of a draw."""
    return min(params.profile.threads, os.cpu_count() or 1)


def experiment_key(params: Params, cell: Cell) -> dict[str, Any]:
    """All that an experiment's rows depend on, as its provenance holds it."""
    options = EXPERIMENTS[cell.experiment][1](params)
    if cell.dataset == BUNDLED:
        files = {name: load_bundled(name).sha256 for name in params.background.generative_discriminative.datasets}
    else:
        files = load_manifest(DATA / cell.dataset)["files"]
    weights = {}
    if cell.experiment == "released-probe":
        from replication.released.weights import read_discriminator

        released = read_discriminator(Path(params.released.directory))
        weights = {"released": released.name, "weights_sha256": released.sha256}
    judge = JUDGES / cell.dataset / JUDGE_WEIGHTS
    if cell.experiment == "reference-points" and judge.is_file():
        weights = {"judge_sha256": sha256_file(judge)}
    return {
        **cell.identity,
        "updates": getattr(getattr(options, "autoencoder", options), "updates", 0),  # of its networks, if any
        "code_sha256": code_hash(import_closure(Path("replication/experiment.py"))),
        "params_sha256": options_sha256(params, cell, weights.get("judge_sha256", "")),
        "data_sha256": sha256_text(json.dumps(files, sort_keys=True)),
        **weights,
        "device": device_of(params, cell),
        "precision": "float32",
    }


def options_sha256(params: Params, cell: Cell, judge: str) -> str:
    """SHA-256 of what params.yaml says of an experiment, and of the hash of its judge where it has one."""
    options = asdict(EXPERIMENTS[cell.experiment][1](params))
    written: dict[str, Any] = {"cell": {**asdict(cell), "key": ""}, "options": options}
    if cell.experiment == "feature-controls":
        recipe = params.recipe(cell.model, cell.recipe, cell.variant)
        written |= {"probe": asdict(params.profile.probe), "recipe": asdict(recipe)}
    if cell.experiment == "released-probe":
        written |= {"probe": asdict(params.profile.probe), "options": {**options, "directory": ""}}
    if judge:
        written |= {"judge": judge, "judge options": asdict(params.judges[cell.dataset])}
    return sha256_text(json.dumps(written, sort_keys=True))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the experiments that the command line names."""
    params = load_params()
    asked = block_arguments("experiment", "an experiment of the profile in force, or all", arguments)
    cells = list(params.profile.experiments.values()) if asked.name == "all" else [params.experiment(asked.name)]
    blocks = [block_of(params, cell, asked.device, asked.seeds)[1] for cell in cells]
    params = on_device(params, asked.device)
    at_once = params.profile.threads if params.profile.device == "cpu" else 1
    (SCORED / params.profile.name / "experiments").mkdir(parents=True, exist_ok=True)  # also of a profile without any
    if params.profile.runner == "ray":
        cluster_stages().stage(params, blocks, "experiment")
    else:
        unmeasured = [cell for cell in blocks if not is_measured(params, cell)]
        in_processes(partial(run_experiment, params), unmeasured, at_once)
    if asked.name == "all" and not (asked.device or asked.seeds):
        keep_only(SCORED / params.profile.name / "experiments", params.profile.experiments)


if __name__ == "__main__":
    exit_clearly(main)
