"""Train the judge of one data set: `python -m replication.judge DATASET [--device D]`.

Writes `outputs/judge/<dataset>/judge.safetensors` and `provenance.json`. The judge is a classifier trained on the full
training split; scores under it carry its name and are never called inception scores.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from replication.atomic import atomic_directory
from replication.blocks import add_device_option, on_device
from replication.data.reading import PreparedImages, load_images, load_manifest
from replication.errors import InputError, exit_clearly
from replication.metrics.classifier import build_classifier, classify, train_classifier
from replication.params import Judge, Params, load_params
from replication.provenance import environment
from replication.runtime import Clock, prepare_device

DATA = Path("outputs/data")
OUTPUTS = Path("outputs/judge")


def train_judge(params: Params, dataset: str) -> float | None:
    """Train and write the judge of a data set; returns its accuracy on the test images, None where there are none."""
    options, data, clock = judge_options(params, dataset), load_images(DATA / dataset), Clock()
    device = prepare_device(params.profile.device)
    network = train_classifier(
        torch.from_numpy(data.train_images),
        torch.from_numpy(data.train_labels),
        options.channels,
        len(data.class_names),
        options.epochs,
        options.batch,
        options.learning_rate,
        options.seed,
        device,
        options.convolutions,
        options.shift,
        options.flip,
    )
    accuracy = judge_accuracy(network, data)
    provenance = {
        "judge": options.name,
        "dataset": dataset,
        "test_accuracy": accuracy,
        "n_test": len(data.test_labels),
        **_key(options, dataset),
        "environment": environment(device, params.profile.threads),
        "clock": clock.read(),
    }
    with atomic_directory(OUTPUTS / dataset) as directory:
        save_file(
            {name: tensor.cpu() for name, tensor in network.state_dict().items()}, directory / "judge.safetensors"
        )
        (directory / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")
    return accuracy


def is_trained(params: Params, dataset: str) -> bool:
    """Whether the data set's judge is there, and of the options and data that it would be trained with."""
    path, key = OUTPUTS / dataset / "provenance.json", _key(judge_options(params, dataset), dataset)
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {name: known.get(name) for name in key} == key


def _key(options: Judge, dataset: str) -> dict[str, object]:
    """What a judge is made of, as its provenance holds it."""
    arrays = {name: digest for name, digest in load_manifest(DATA / dataset)["files"].items() if name.endswith(".npy")}
    return {"options": json.loads(json.dumps(asdict(options))), "arrays": arrays}


def judge_options(params: Params, dataset: str) -> Judge:
    """The judge that `params.yaml` describes for a data set.

    Raises:
        InputError: it describes none.
    """
    if dataset not in params.judges:
        raise InputError(f"params.yaml has no judge for {dataset!r}; known: {', '.join(params.judges)}.")
    return params.judges[dataset]


def read_judge(options: Judge, data: PreparedImages, directory: Path) -> nn.Module:
    """The trained judge.

    Raises:
        InputError: it is not there, is damaged, or was trained with other options.
    """
    path = directory / "judge.safetensors"
    again = f"run `uv run python -m replication.judge {directory.name}`"
    shape, classes = data.train_images.shape[1:], len(data.class_names)
    network = build_classifier(shape, options.channels, classes, options.convolutions)
    try:
        network.load_state_dict(load_file(path))
    except FileNotFoundError as error:
        raise InputError(f"There is no judge at {path}: {again}.") from error
    except (SafetensorError, RuntimeError) as error:
        raise InputError(f"{path} is not the judge that params.yaml describes: {again}.") from error
    return network.eval()


def recorded_accuracy(directory: Path) -> tuple[float, int]:
    """The accuracy that a judge had on its data set's test images when it was trained, and how many there were.

    Without test images the accuracy is NaN, and the number 0.
    """
    recorded = json.loads((directory / "provenance.json").read_text(encoding="utf-8"))
    accuracy = recorded["test_accuracy"]
    return float("nan") if accuracy is None else float(accuracy), int(recorded["n_test"])


def judge_accuracy(network: nn.Module, data: PreparedImages) -> float | None:
    """Share of test images that the judge classifies correctly; None where there are none."""
    if not len(data.test_images):
        return None
    predicted = classify(network, torch.from_numpy(data.test_images)).argmax(1).numpy()
    return float((predicted == data.test_labels).mean())


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the judge of the data set named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m replication.judge")
    parser.add_argument("name", metavar="NAME", help="a data set that has a judge in params.yaml")
    add_device_option(parser)
    asked = parser.parse_args(arguments)
    accuracy = train_judge(on_device(load_params(), asked.device), asked.name)
    tested = "no test images tell its accuracy" if accuracy is None else f"test accuracy {accuracy:.3f}"
    print(f"{OUTPUTS / asked.name}: {tested}")


if __name__ == "__main__":
    exit_clearly(main)
