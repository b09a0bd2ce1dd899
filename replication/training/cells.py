"""What a cell trains: its data, its networks, and the key that says whether a training is still the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from replication.config.blocks import precision_on
from replication.config.params import Cell
from replication.config.recipes import Recipe
from replication.data.reading import PreparedImages, ToyData
from replication.foundation.provenance import code_hash, sha256_text
from replication.models import load
from replication.models.layers.networks import Build
from replication.training.code import training_code
from replication.training.initialise import Samples

COMPUTING = ("torch", "numpy", "numba")  # packages whose version may change a training's bits


def training_values(data: PreparedImages | ToyData) -> np.ndarray:
    """All training images uint8 [n, C, H, W], or points float32 [n, 2]."""
    return data.points if isinstance(data, ToyData) else data.train_images


def training_samples(data: PreparedImages | ToyData, rows: np.ndarray) -> Samples:
    """The images or points of a split, with the labels of images."""
    labels = None if isinstance(data, ToyData) else torch.from_numpy(data.train_labels[rows])
    return Samples(torch.from_numpy(training_values(data)[rows]), labels)


def class_count(data: PreparedImages | ToyData) -> int:
    """How many classes the labels of a data set tell apart; 0 for points."""
    return 0 if isinstance(data, ToyData) else len(data.class_names)


def builder(cell: Cell, recipe: Recipe, shape: tuple[int, ...], classes: int = 0) -> Build:
    """Builds a cell's networks for samples of `shape`."""
    model = load(cell.model)
    return lambda: model.build(recipe.network, recipe.prior, recipe.latent_dim, shape, classes)


def cell_key(cell: Cell, recipe: Recipe, samples: Samples, device: str, where: Mapping[str, object]) -> dict[str, Any]:
    """All that the result depends on; of the machine the kind of device and versions, so that another one may go on."""
    return {
        **cell.identity,
        "updates": recipe.updates,
        "code_sha256": code_hash(training_code(cell.model)),
        "params_sha256": params_sha256(cell, recipe),
        "data_sha256": samples_sha256(samples),
        "device": device,
        "precision": precision_on(recipe, device),
        "versions": {name: where[name] for name in COMPUTING},
    }


def params_sha256(cell: Cell, recipe: Recipe) -> str:
    """SHA-256 of what params.yaml says of a training, without the cell's key, which another block may have."""
    written = {"recipe": asdict(recipe), "cell": {**cell.identity, "cell": ""}}
    return sha256_text(json.dumps(written, sort_keys=True))


def samples_sha256(samples: Samples) -> str:
    """SHA-256 of shape, type and content of the values, and of the labels where there are any."""
    digest = hashlib.sha256()
    for tensor in samples:
        if tensor is not None:
            digest.update(f"{tuple(tensor.shape)} {tensor.dtype} ".encode())
            digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
