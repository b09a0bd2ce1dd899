"""The papers' networks, one file a paper. A model is loaded by name, so that an edit re-runs its own cells alone."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

from replication.foundation.errors import InputError, chosen

MODELS = {
    "gan": "replication.models.gan",
    "dcgan": "replication.models.dcgan",
    "improved_gan": "replication.models.improved_gan",
    "deligan": "replication.models.deligan",
}
# What a paper may be scored by that others are not: a linear probe on D's features, the likelihood of test images under
# a Parzen window on samples, and on points D and the value of the game.
PROTOCOLS = PROBE, PARZEN, GAME = "probe", "parzen", "game"


def load(model: str) -> ModuleType:
    """The module of a model, which registers its objectives and optimisers (`models.registry`).

    It offers `build(network, prior, latent_dim, shape, classes) -> Networks`, which raises InputError where a key of
    `network` is unknown or wrong, or it does not fit prior, samples and classes. InputError: no model has this name.
    """
    return import_module(chosen(MODELS, model, "model"))


def is_scored_by(model: str, protocol: str) -> bool:
    """Whether a model's file names a protocol in `SCORED_BY`, those beside what every model is scored by.

    InputError: no model has this name, or its file names a protocol that there is not.
    """
    named = getattr(load(model), "SCORED_BY", ())
    if unknown := set(named) - set(PROTOCOLS):
        raise InputError(f"SCORED_BY of model {model} has {sorted(unknown)}; accepted: {', '.join(PROTOCOLS)}.")
    return protocol in named


def source_file(model: str) -> Path:
    """The model's own file, relative to the repository's root: part of a cell's key and of its stage's `deps`."""
    return Path(*chosen(MODELS, model, "model").split(".")).with_suffix(".py")
