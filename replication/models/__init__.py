"""The papers' networks, one file a paper. A model is loaded by name, so that an edit re-runs its own cells alone."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from replication.errors import InputError

MODELS = {
    "gan": "replication.models.gan",
    "dcgan": "replication.models.dcgan",
    "deligan": "replication.models.deligan",
}


def load(model: str) -> ModuleType:
    """The module of a model; it offers `build(network, prior, latent_dim, shape) -> Networks`.

    Raises:
        InputError: no model has this name.
    """
    if model not in MODELS:
        raise InputError(f"There is no model {model!r}; accepted: {', '.join(MODELS)}.")
    return import_module(MODELS[model])
