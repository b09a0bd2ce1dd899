"""Train the judge of one data set: `python -m replication.judge DATASET [--device D]`.

Writes `outputs/judge/<dataset>/judge.safetensors` and `provenance.json`. The judge is a classifier trained on the full
training split; scores under it carry its name and are never called inception scores. A killed training goes on from
its last epoch.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save
from torch import nn

from replication.config.blocks import add_device_option, on_device
from replication.config.cluster import cluster_stages
from replication.config.params import Judge, Params, load_params
from replication.data.reading import PreparedImages, load_images
from replication.foundation.atomic import atomic_directory
from replication.foundation.command import exit_clearly
from replication.foundation.errors import InputError
from replication.foundation.places import DATA, JUDGE_WEIGHTS, JUDGES
from replication.foundation.provenance import code_hash, environment, import_closure, sha256_text
from replication.foundation.runtime import prepare_device
from replication.scoring.classifier import judge_accuracy, judge_key, judge_options, train_classifier
from replication.scoring.room import require_judge_room
from replication.training.checkpoints import TrainingClock, forget, read_state, sole_writer, write_state
from replication.training.state import State


def train_judge(params: Params, dataset: str) -> float | None:
    """Train and write a data set's judge; returns its accuracy, None without test images.

    InputError where the data set is not prepared, has no judge in params.yaml, or one class alone, or memory is short.
    """
    options, data = judge_options(params, dataset), load_images(DATA / dataset)
    if len(data.class_names) < 2:
        raise InputError(
            f"{dataset} has one class, {', '.join(data.class_names)!r}, and a judge tells classes apart: leave it out "
            "of `judges`, or sort its images into class folders."
        )
    device = prepare_device(params.profile.device)
    require_judge_room(options, dataset, data.train_images.shape[1:], len(data.class_names), device)
    key = judge_key(options, dataset)
    root = Path(__file__).parents[1]
    code = code_hash(import_closure(Path(__file__), root), root)
    with sole_writer(f"judge-{dataset}-{sha256_text(json.dumps([key, code, device]))[:16]}") as checkpoint:
        clock = TrainingClock(checkpoint)
        network = _trained(options, data, device, checkpoint, clock)
        accuracy = judge_accuracy(network, data)
        weights = save({name: tensor.cpu() for name, tensor in network.state_dict().items()})
        provenance = {
            "judge": options.name,
            "dataset": dataset,
            "test_accuracy": accuracy,
            "n_test": len(data.test_labels),
            **key,
            "weights_sha256": hashlib.sha256(weights).hexdigest(),
            "environment": environment(device, params.profile.threads),
            "clock": clock.read(),
        }
        with atomic_directory(JUDGES / dataset) as directory:
            (directory / JUDGE_WEIGHTS).write_bytes(weights)
            (directory / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")
        forget(checkpoint)
    return accuracy


def _trained(
    options: Judge, data: PreparedImages, device: str, checkpoint: Path, clock: TrainingClock
) -> nn.Sequential:
    """The judge's network, trained from the last epoch that the folder `checkpoint` holds."""

    def keep(epochs: int, state: State) -> None:
        write_state(checkpoint, "state", epochs, state)
        clock.keep()

    images, labels = torch.from_numpy(data.train_images), torch.from_numpy(data.train_labels)
    before = read_state(checkpoint, "state")
    return train_classifier(images, labels, options, len(data.class_names), device, before, keep)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the judge of the data set named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m replication.judge")
    parser.add_argument("name", metavar="NAME", help="a data set that has a judge in params.yaml")
    add_device_option(parser)
    asked = parser.parse_args(arguments)
    params = on_device(load_params(), asked.device)
    if params.profile.runner == "ray":
        cluster_stages().train_judges(params, [asked.name])
        print(f"{JUDGES / asked.name}: trained on the cluster")
        return
    accuracy = train_judge(params, asked.name)
    tested = "no test images tell its accuracy" if accuracy is None else f"test accuracy {accuracy:.3f}"
    print(f"{JUDGES / asked.name}: {tested}")


if __name__ == "__main__":
    exit_clearly(main)
