"""Score trained cells of the profile in force: `python -m replication.score NAME [--device D] [--seeds S]`.

NAME is a model (all its cells) or one cell; the options name a block as for `replication.train`. A cell whose scores
would be the same is kept as it is. Reads `outputs/train/<profile>/<model>/<cell>/`, writes
`outputs/score/<profile>/<model>/<cell>/`: `measurements.csv` (rows of the one table that verdicts read), `samples.npz`
(what the figures show, where a cell has samples) and `provenance.json`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from replication.config.blocks import block_arguments, block_of, device_of, on_device
from replication.config.cluster import cluster_stages
from replication.config.params import Cell, Params, load_params
from replication.config.recipes import Recipe
from replication.data.reading import PreparedImages, ToyData, load_images, load_prepared, load_split
from replication.foundation.atomic import keep_only
from replication.foundation.child import in_processes
from replication.foundation.command import exit_clearly
from replication.foundation.errors import InputError
from replication.foundation.places import DATA, JUDGE_WEIGHTS, JUDGES, SCORED, TRAINED
from replication.foundation.provenance import code_hash, environment, import_closure, recorded, sha256_file, sha256_text
from replication.foundation.runtime import Clock, prepare_device
from replication.models import GAME, PARZEN, PROBE, is_scored_by, source_file
from replication.scoring.left_out import INCEPTION, left_out
from replication.scoring.probe import probed_data
from replication.scoring.requirements import require_protocols
from replication.scoring.rows import Rows, write_scores
from replication.scoring.trained import TrainedCell, read_trained, require_training_of
from replication.table.scored import holds_scores
from replication.training.cells import builder, samples_sha256, training_samples

LOSS_POINTS = 25  # of each loss and run; of cells of many seeds fewer, so that thousands of runs stay small
MANY_SEEDS, FEWER_POINTS = 50, 5
COMPUTING = ("torch", "numpy", "numba", "scipy", "scikit-learn")  # packages whose version may change a score's bits


def score_cell(params: Params, cell: Cell) -> None:
    """Score a trained cell into `outputs/score/<profile>/<model>/<cell>/`."""
    clock, place = Clock(), DATA / cell.dataset
    data, trained = load_prepared(place), read_trained(TRAINED / cell.folder)
    require_training_of(params, cell, trained.provenance)
    chosen, seeds = load_split(place, cell.split), cell.seed_numbers
    if trained.provenance["data_sha256"] != samples_sha256(training_samples(data, chosen)):
        raise InputError(f"{TRAINED / cell.folder} was trained on other data than {place} holds now: train it again.")
    device = prepare_device("cpu" if isinstance(data, ToyData) else device_of(params, cell))
    require_protocols(params, cell, data, chosen)
    key = {"scoring_sha256": scoring_key(params, cell)}  # before anything is read that may change meanwhile
    diverged = {int(seed): int(step) for seed, step in trained.provenance["diverged_seeds"].items()}
    where = trained.provenance["device"], trained.provenance["precision"]
    rows = Rows(params.profile.name, cell, len(chosen), diverged, *where)
    recipe, planned = params.recipe_of(cell), params.profile.cells.get(cell.key, cell).seed_numbers
    points = LOSS_POINTS if len(planned) <= MANY_SEEDS else FEWER_POINTS
    rows.add_losses(trained.history, seeds, trained.provenance["window"], points, recipe.batch)
    rows.add_divergence(seeds, trained.steps[-1])
    if isinstance(data, ToyData):
        # Imported where needed: what the other kind of cell imports takes seconds.
        from replication.scoring.toy import ToyCell, mixture_of, score_toy

        build, threads = builder(cell, recipe, (2,)), params.profile.threads
        components, game = params.profile.protocols.components, is_scored_by(cell.model, GAME)
        toy = ToyCell(rows, trained, build, recipe, mixture_of(data), components, planned.index(seeds[0]))
        pictures = score_toy(toy, data.points, game, threads)
    else:
        pictures = _score_images(params, rows, trained, recipe, data, chosen)
    scored_on = {"scored_on": environment(device, params.profile.threads)["device"]}
    sentence = left_out(params, cell, data)
    left = {"left_out": sentence} if sentence else {}
    provenance = {name: value for name, value in trained.provenance.items() if name not in ("window", "steps")}
    provenance["clock"] = {**provenance["clock"], "scoring_s": clock.read()["duration_s"]}
    write_scores(SCORED / cell.folder, rows, pictures, {**provenance, **scored_on, **left, **key})


def scoring_key(params: Params, cell: Cell) -> str:
    """SHA-256 of all that a block's scores depend on: its training, the code, the protocols, the data and the judge."""
    code = {*import_closure(Path("replication/score.py")), *import_closure(source_file(cell.model))}
    read = [TRAINED / cell.folder / "provenance.json", DATA / cell.dataset / "manifest.json"]
    read += [DATA / name / "manifest.json" for name in probed_data(cell)]
    judge = params.judged_by(cell.dataset)
    if judge:
        read.append(JUDGES / judge / JUDGE_WEIGHTS)
    if INCEPTION in cell.protocols and params.profile.protocols.inception.weights:
        read.append(Path(params.profile.protocols.inception.weights))
    files = {str(path): sha256_file(path) for path in read if path.is_file()}
    options = [asdict(params.profile.protocols), asdict(params.profile.probe), list(cell.protocols), cell.probe]
    options += [asdict(params.judges[judge])] if judge else []  # rows have its name
    here = environment("cpu", params.profile.threads)
    where = [device_of(params, cell), [here[name] for name in COMPUTING]]
    return sha256_text(json.dumps([code_hash(code), files, options, where], sort_keys=True))


def is_scored(params: Params, cell: Cell) -> bool:
    """Whether scoring the block again would give the same; InputError where its training is of another recipe."""
    if training := recorded(TRAINED / cell.folder):
        require_training_of(params, cell, training)
    return holds_scores(SCORED / cell.folder, lambda: {"scoring_sha256": scoring_key(params, cell)})


def _score_images(
    params: Params, rows: Rows, trained: TrainedCell, recipe: Recipe, data: PreparedImages, chosen: np.ndarray
) -> dict[str, np.ndarray]:
    from replication.scoring.classification import classify_cell
    from replication.scoring.classifier import judge_options, read_judge, recorded_accuracy
    from replication.scoring.image_cell import ImageCell
    from replication.scoring.images import score_images
    from replication.scoring.parzen import score_parzen
    from replication.scoring.probe import probe_cell
    from replication.scoring.protocols import run_protocols

    cell, threads, device = rows.cell, params.profile.threads, params.profile.device
    build = builder(cell, recipe, data.train_images.shape[1:], len(data.class_names))
    judge, name, tested = None, "", (float("nan"), 0)
    if judged_by := params.judged_by(cell.dataset):
        options = judge_options(params, judged_by)
        judge, name = read_judge(options, data, JUDGES / judged_by).to(device), options.name
        tested = recorded_accuracy(JUDGES / judged_by)
    options = params.profile.protocols
    scored = ImageCell(rows, trained, build, recipe, data, chosen, judge, name, options, threads, device, tested)
    pictures = score_images(scored) | run_protocols(scored)
    if is_scored_by(cell.model, PARZEN):
        score_parzen(scored)
    classify_cell(scored)
    probe, probed = params.profile.probe, data if cell.probe in ("own", "none") else load_images(DATA / cell.probe)
    probes = is_scored_by(cell.model, PROBE) and cell.probe != "none" and len(probed.test_images)
    if probes and len(probed.class_names) > 1:
        probe_cell(replace(scored, data=probed), probe, probed_steps(trained.steps, probe.shares))
    return pictures


def probed_steps(steps: Sequence[int], shares: Sequence[float]) -> list[int]:
    """The scored steps nearest to shares of the run, in order."""
    return sorted({min(steps, key=lambda step: abs(step - share * steps[-1])) for share in shares})


def main(arguments: Sequence[str] | None = None) -> None:
    """Score the cells that the command line names."""
    params = load_params()
    asked = block_arguments("score", "a model or a cell of the profile in force", arguments)
    cells = params.trained_cells(asked.name)
    blocks = [block_of(params, cell, asked.device, asked.seeds)[1] for cell in cells]
    params = on_device(params, asked.device)
    at_once = params.profile.threads if params.profile.device == "cpu" else 1
    if params.profile.runner == "ray":
        cluster_stages().stage(params, blocks, "score")
    else:
        with threadpool_limits(1, "blas"):  # NumPy's, as `prepare_device` does for PyTorch
            in_processes(partial(score_cell, params), [cell for cell in blocks if not is_scored(params, cell)], at_once)
    if cells[0].model == asked.name and not (asked.device or asked.seeds):
        keep_only((SCORED / cells[0].folder).parent, {cell.key for cell in cells})


if __name__ == "__main__":
    exit_clearly(main)
