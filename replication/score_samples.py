"""Score a generator of your own: `python -m replication.score_samples SAMPLES --dataset NAME`.

SAMPLES is a folder of images, a `.npy` file (uint8 [n, C, H, W] or [n, H, W, C]; floats with `--range LOW HIGH`), or
`package.module:callable`, a function `draw(n: int, seed: int) -> array` of such samples (`-n N`, `--seed S`). NAME is a
prepared data set of params.yaml, and `--split` names the part of it that the generator was trained on (default: full).

Prints every score that needs samples alone beside those of the papers' models in the reports: scores and distances
under the data set's judge, under Inception where its weights are in data/weights (`--inception download` fetches them,
`none` goes without), duplicates, distances to training images, memorisation, and with `--labels LABELS.npy` the test
error of 1-NN on the samples. `--json` prints the rows for a program, `--out FOLDER` writes them as a table of
measurements with provenance, `--name MODEL/RECIPE` says what they are called.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replication.config.blocks import add_device_option, on_device
from replication.config.cell import OWN, Cell
from replication.config.params import Params, load_params
from replication.config.strict import SEEDS
from replication.data.reading import load_images, load_split
from replication.data.sample_sources import read_labels, read_samples
from replication.foundation.capacity import require_place
from replication.foundation.command import exit_clearly
from replication.foundation.errors import InputError, chosen
from replication.foundation.places import DATA, JUDGES

if TYPE_CHECKING:  # torch and pandas take seconds to import, and a wrong argument is said at once
    from replication.data.reading import PreparedImages
    from replication.scoring.rows import Rows
    from replication.scoring.sample_set import JudgeOfSamples, SampleSet

COUNT = 1000  # samples that a callable is asked for
INCEPTION = ("there", "download", "none")
_NAME = re.compile(r"\w[\w-]{0,99}(/\w[\w-]{0,99})?")


@dataclass(frozen=True)
class Scored:
    """Rows of a set of samples, what was left out and why, and what it all depends on."""

    rows: Rows
    notes: list[str]
    provenance: dict[str, Any]


def score(params: Params, asked: argparse.Namespace) -> Scored:
    """Score the samples that the command line names; InputError where data, judge or samples lack or do not fit."""
    chosen(params.datasets, asked.dataset, "data set of params.yaml")
    data, rows_of_split = load_images(DATA / asked.dataset), load_split(DATA / asked.dataset, asked.split)
    images = read_samples(asked.samples, data.train_images.shape[1:], asked.range, asked.n, asked.seed)
    labels = read_labels(asked.labels, len(images), len(data.class_names)) if asked.labels else None

    from replication.foundation.runtime import Clock, prepare_device
    from replication.scoring.rows import Rows
    from replication.scoring.sample_set import SampleSet, score_sample_set

    clock, device = Clock(), prepare_device(params.profile.device)
    judge, notes = _judge(params, asked.dataset, data, device)
    options, under_inception, note = _inception(params, asked.inception)
    samples = SampleSet(asked.seed, images, labels)
    rows = Rows(params.profile.name, _cell(asked), len(rows_of_split), {}, device)
    protocols = replace(params.profile.protocols, inception=options)
    score_sample_set(rows, samples, data, rows_of_split, judge, protocols, under_inception, device)
    notes += [*note, *_notes(samples, data, judge)]
    return Scored(rows, notes, _provenance(params, asked, samples, data, device) | {"clock": clock.read()})


def _cell(asked: argparse.Namespace) -> Cell:
    model, _, recipe = asked.name.partition("/")
    names = {"paper": OWN, "model": model, "recipe": recipe or "samples", "variant": OWN}
    return Cell(**names, dataset=asked.dataset, split=asked.split, seeds=str(asked.seed), key=f"{OWN}-samples")


def _judge(params: Params, dataset: str, data: PreparedImages, device: str) -> tuple[JudgeOfSamples | None, list[str]]:
    """The data set's judge, or why there is none."""
    from replication.scoring.classifier import is_trained, judge_options, read_judge, recorded_accuracy
    from replication.scoring.sample_set import JudgeOfSamples

    name = params.judged_by(dataset)
    if not name:
        return None, [f"Scores under a judge are left out: params.yaml has no judge of {dataset} under judges."]
    options = judge_options(params, name)
    network = read_judge(options, data, JUDGES / name).to(device)
    if not is_trained(params, name):
        raise InputError(
            f"The judge of {name} is of other data or options: run `uv run python -m replication.judge {name}`."
        )
    return JudgeOfSamples(network, options.name, recorded_accuracy(JUDGES / name)), []


def _inception(params: Params, wish: str) -> tuple[Any, bool, list[str]]:
    """Options of the protocol, whether it is run, and what to say where it is not."""
    from replication.metrics.inception_network import ADDRESS, NAME, PLACE, inception_weights

    options = params.profile.protocols.inception
    options = replace(options, weights="" if options.weights == "none" else options.weights)
    file = Path(options.weights) if options.weights else PLACE / NAME
    if wish == "none":
        return options, False, []
    if wish == "there" and not file.is_file():
        how = f"fetch them with --inception download, or put {NAME} from {ADDRESS} there"
        return options, False, [f"Inception score, FID and KID are left out: there are no weights at {file}; {how}."]
    inception_weights(options.weights)
    return options, True, []


def _notes(samples: SampleSet, data: PreparedImages, judge: JudgeOfSamples | None) -> list[str]:
    """What a reader of the scores has to know, a sentence each."""
    from replication.scoring.classifier import judged
    from replication.scoring.sample_set import sorted_by_class

    notes = []
    if not len(data.test_images):
        held_out = "1-NN on labelled samples, the judge's accuracy and distances to held-out images"
        notes.append(f"{data.name} has no test images, so {held_out} are left out.")
    labels = samples.labels
    if labels is None and judge is not None:
        labels = judged(judge.network, samples.images).classes
    if labels is not None and sorted_by_class(labels):
        notes.append("The samples are sorted by class, so scores over contiguous splits are too low: shuffle them.")
    return notes


def _provenance(
    params: Params, asked: argparse.Namespace, samples: SampleSet, data: PreparedImages, device: str
) -> dict[str, Any]:
    from replication.foundation.provenance import code_hash, environment, import_closure

    return {
        "samples": asked.samples,
        "samples_sha256": hashlib.sha256(samples.images.tobytes()).hexdigest(),
        "n_samples": len(samples.images),
        "seed": asked.seed,
        "dataset": asked.dataset,
        "split": asked.split,
        "data_files": data.manifest["files"],
        "code_sha256": code_hash(import_closure(Path("replication/score_samples.py"))),
        "environment": environment(device, params.profile.threads),
    }


def for_a_program(scored: Scored, tables: Sequence[Any]) -> dict[str, Any]:
    """All of it as plain values; a value that is not finite is null."""
    rows = [dict(vars(row)) for row in scored.rows.collected]
    for row in rows:
        row["class"] = row.pop("class_")
        row["value"] = row["value"] if math.isfinite(row["value"]) else None
    beside = [{"title": grid.title, "header": grid.header, "rows": grid.rows} for grid in tables]
    return {**scored.provenance, "notes": scored.notes, "measurements": rows, "beside": beside}


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    about = "Score samples of a generator of your own."
    parser = argparse.ArgumentParser(prog="python -m replication.score_samples", description=about)
    parser.add_argument("samples", metavar="SAMPLES", help="a folder, a .npy file, or package.module:callable")
    parser.add_argument("--dataset", required=True, metavar="NAME", help="a prepared data set, such as digits")
    parser.add_argument("--split", default="full", metavar="SPLIT", help="what the generator was trained on (full)")
    parser.add_argument("--name", default="own/samples", metavar="MODEL/RECIPE", help="what the rows are called")
    parser.add_argument("--labels", type=Path, metavar="LABELS.npy", help="whole numbers, one for each sample")
    parser.add_argument("--range", type=float, nargs=2, metavar=("LOW", "HIGH"), help="black and white of floats")
    parser.add_argument("-n", type=int, default=COUNT, metavar="N", help=f"samples to ask a callable for ({COUNT})")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="what a callable draws from (0)")
    parser.add_argument("--inception", choices=INCEPTION, default="there", help="which weights to use (there)")
    parser.add_argument("--json", action="store_true", help="print the result for a program")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write the rows and their provenance there")
    add_device_option(parser)
    asked = parser.parse_args(arguments)
    if asked.range and not -math.inf < asked.range[0] < asked.range[1] < math.inf:
        parser.error("--range is LOW HIGH, finite numbers, LOW below HIGH, such as -1 1")
    if not 0 <= asked.seed < SEEDS:
        parser.error(f"--seed is at least 0 and below {SEEDS}")
    if not _NAME.fullmatch(asked.name):
        parser.error("--name is such as my-model/recipe-1, of at most 100 signs each")
    if asked.out is not None:
        if asked.out.exists():
            parser.error(f"--out {asked.out} exists: remove it or name another folder")
        require_place(asked.out, f"--out {asked.out}")
    return asked


def main(arguments: Sequence[str] | None = None) -> None:
    """Score the samples that the command line names, and print them beside the reports' runs."""
    asked = _arguments(arguments)
    scored = score(on_device(load_params(), asked.device), asked)

    from replication.report.sample_tables import as_text, committed_rows, side_by_side
    from replication.table.measurements import to_table

    measured = to_table(scored.rows.collected)
    tables = side_by_side(measured, committed_rows(measured))
    if asked.out is not None:
        from replication.scoring.rows import write_scores

        write_scores(asked.out, scored.rows, {}, {**scored.provenance, "notes": scored.notes})
    if asked.json:
        print(json.dumps(for_a_program(scored, tables), indent=1, ensure_ascii=False, allow_nan=False))
        return
    about = (
        f"{scored.provenance['n_samples']} samples of {asked.samples} on {asked.dataset}, split {asked.split}. Runs of "
        "the reports are mean ± standard deviation over their seeds, at the last step.\n"
        "Distances, recall and duplicates depend on the number of samples n: compare lines of like n."
    )
    print("\n\n".join([about, *map(as_text, tables), *scored.notes]))


if __name__ == "__main__":
    exit_clearly(main)
