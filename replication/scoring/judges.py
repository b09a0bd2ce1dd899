"""Trained judges: the classifiers that stand in for Inception, as `replication.judge` writes them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from replication.config.params import Judge, Params
from replication.data.reading import PreparedImages, load_manifest
from replication.foundation.errors import InputError
from replication.foundation.places import DATA, JUDGES
from replication.foundation.provenance import recorded
from replication.scoring.classifier import build_classifier, judged


def is_trained(params: Params, dataset: str) -> bool:
    """Whether the data set's judge is there, and of the options and data that it would be trained with."""
    key, known = judge_key(judge_options(params, dataset), dataset), recorded(JUDGES / dataset)
    return {name: known.get(name) for name in key} == key


def judge_key(options: Judge, dataset: str) -> dict[str, object]:
    """What a judge is made of, as its provenance holds it."""
    arrays = {name: digest for name, digest in load_manifest(DATA / dataset)["files"].items() if name.endswith(".npy")}
    return {"options": json.loads(json.dumps(asdict(options))), "arrays": arrays}


def judge_options(params: Params, dataset: str) -> Judge:
    """The judge that `params.yaml` describes for a data set."""
    if dataset not in params.judges:
        raise InputError(f"params.yaml has no judge for {dataset!r}; known: {', '.join(params.judges)}.")
    return params.judges[dataset]


def read_judge(options: Judge, data: PreparedImages, directory: Path) -> nn.Module:
    """The trained judge."""
    path = directory / "judge.safetensors"
    again = f"run `uv run python -m replication.judge {directory.name}`"
    shape, classes = data.train_images.shape[1:], len(data.class_names)
    network = build_classifier(shape, options.channels, classes, options.convolutions)
    if not path.is_file():  # a pipe would be waited for
        raise InputError(f"There is no judge at {path}: {again}.")
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        raise InputError(f"{path} is not the judge that params.yaml describes: {again}.") from error
    return network.eval()


def recorded_accuracy(directory: Path) -> tuple[float, int]:
    """The accuracy that a judge had on its data set's test images when it was trained, and how many there were.

    Without test images the accuracy is NaN, and the number 0.
    """
    written = recorded(directory)
    accuracy, n_test = written.get("test_accuracy"), written.get("n_test")
    if type(n_test) is not int or not (accuracy is None or type(accuracy) is float and 0.0 <= accuracy <= 1.0):
        again = f"run `uv run python -m replication.judge {directory.name}`"
        raise InputError(f"{directory / 'provenance.json'} does not say how accurate the judge is: {again}.")
    return float("nan") if accuracy is None else accuracy, n_test


def judge_accuracy(network: nn.Module, data: PreparedImages) -> float | None:
    """Share of test images that the judge classifies correctly; None where there are none."""
    if not len(data.test_images):
        return None
    return float((judged(network, data.test_images).classes == data.test_labels).mean())
