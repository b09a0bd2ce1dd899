"""The papers' networks, one file a paper. A model is loaded by name, so that an edit re-runs its own cells alone."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

from replication.foundation.errors import InputError

MODELS = {
    "gan": "replication.models.gan",
    "dcgan": "replication.models.dcgan",
    "improved_gan": "replication.models.improved_gan",
    "deligan": "replication.models.deligan",
}


def load(model: str) -> ModuleType:
    """The module of a model; it offers `build(network, prior, latent_dim, shape, classes) -> Networks`.

    Raises:
        InputError: no model has this name.
    """
    return import_module(_name(model))


def source_file(model: str) -> Path:
    """The model's own file, relative to the repository's root: part of a cell's key and of its stage's `deps`."""
    return Path(*_name(model).split(".")).with_suffix(".py")


def _name(model: str) -> str:
    if model not in MODELS:
        raise InputError(f"There is no model {model!r}; accepted: {', '.join(MODELS)}.")
    return MODELS[model]
