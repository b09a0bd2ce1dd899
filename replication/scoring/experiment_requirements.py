"""What an experiment needs, and a cell that is scored under Inception, looked for before anything is computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from replication.config.params import BUNDLED, Cell, Params
from replication.data.reading import PreparedImages, load_images, load_split, load_toy
from replication.foundation.errors import InputError
from replication.foundation.places import DATA
from replication.models.layers.convolutional import ConvolutionalDiscriminator
from replication.scoring.left_out import INCEPTION
from replication.training.cells import builder

HELD_OUT = ("reference-points", "real-neighbours", "feature-controls", "latent-dimension", "outliers")  # of test images


@contextmanager
def within(place: str) -> Iterator[None]:
    """Name the place in the sentence of what is wrong inside."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{place}: {error}") from error


def require_experiment(params: Params, cell: Cell) -> None:
    """Look for what an experiment needs: data set, split, judge, weights, network. InputError: one is missing."""
    if cell.dataset == BUNDLED:
        return
    with within(f"Cell {cell.key}"):
        rows = load_split(DATA / cell.dataset, cell.split)
        if cell.experiment == "theory":
            load_toy(DATA / cell.dataset)
        else:
            _require_of_images(params, cell, load_images(DATA / cell.dataset), rows)
    if INCEPTION in cell.protocols:
        with within(f"Cell {cell.key}, protocol {INCEPTION}"):
            require_weights(params)


def _require_of_images(params: Params, cell: Cell, data: PreparedImages, rows: np.ndarray) -> None:
    name, background = cell.experiment, params.background
    if name in HELD_OUT and not len(data.test_images):
        raise InputError(f"data set {cell.dataset} has no test images; take the experiment out.")
    if name == "reference-points" and cell.dataset not in params.judges:
        raise InputError(f"it needs a judge of {cell.dataset}: add one to judges in params.yaml.")
    if name == "released-probe":
        _require_released(params, cell, data)
    if name == "feature-controls":
        _require_controls(params, cell, data)
    if name == "near-duplicates":
        _require_pairs(params, len(rows))
    if name == "latent-dimension":
        _require_codes(max(background.latent_dimension.widths), data.train_images[rows], "latent_dimension.widths")
    if name == "outliers":
        _require_classes(data)
        for label in range(len(data.class_names)):
            known = data.train_images[rows[data.train_labels[rows] != label]]
            _require_codes(background.outliers.width, known, "outliers.width")


def _require_controls(params: Params, cell: Cell, data: PreparedImages) -> None:
    shape, patch = data.train_images.shape[1:], params.profile.feature_controls.patch
    recipe = params.recipe(cell.model, cell.recipe, cell.variant)
    with torch.device("meta"):  # without values, whatever their size
        discriminator = builder(cell, recipe, shape, len(data.class_names))().discriminator
    if not isinstance(discriminator, ConvolutionalDiscriminator):
        raise InputError(
            f"the discriminator of {cell.recipe} has no maps of convolutions to probe: name a convolutional recipe."
        )
    if patch > min(shape[1:]):
        raise InputError(
            f"feature_controls.patch is {patch}, and the images have {shape[1]}×{shape[2]} pixels: write a smaller one."
        )


def _require_pairs(params: Params, images: int) -> None:
    options = params.profile.near_duplicates
    if (wanted := options.pairs * len(options.strengths)) > images:
        raise InputError(
            f"near_duplicates plants {options.pairs} pairs of each of {len(options.strengths)} kinds, {wanted} in all, "
            f"among {images} images: write fewer pairs, or name a larger split."
        )


def _require_codes(width: int, images: np.ndarray, option: str) -> None:
    """Codes of `width` dimensions have a density where images, and the pixels that differ, span so many."""
    if len(images) <= width:
        raise InputError(
            f"background.{option} has {width}, and there are {len(images)} images, of which codes need {width + 1}: "
            "write a smaller width, or name a larger split."
        )
    if (pixels := int((images != images[0]).any(0).sum())) < width:
        raise InputError(f"background.{option} has {width}, and {pixels} pixels differ: write a smaller width.")


def _require_classes(data: PreparedImages) -> None:
    """A class is odd beside others, of which there are images."""
    counts = np.bincount(data.test_labels, minlength=len(data.class_names))
    if len(counts) < 2 or not counts.all():
        lacking = (
            f"no test images of class {data.class_names[int(counts.argmin())]}" if len(counts) > 1 else "one class"
        )
        raise InputError(f"data set {data.name} has {lacking}, and each class is left out in turn; name another one.")


def _require_released(params: Params, cell: Cell, data: PreparedImages) -> None:
    from replication.released.probe import check_data
    from replication.released.weights import read_discriminator

    directory, probe = params.released.directory, params.profile.probe
    with within("released.directory of params.yaml"):
        released = read_discriminator(Path(directory))
        if released.network.name != cell.recipe:
            raise InputError(f"{directory} holds {released.network.name}, and the cell's recipe is {cell.recipe}.")
        limited = probe.limited_labels_of.get(cell.dataset, probe.limited_labels)
        check_data(released, data, max(*limited, params.released.per_class))


def require_weights(params: Params) -> None:
    """Look for the weights of Inception. InputError: they are missing, or what computes with them is."""
    from replication.scoring.inception import SKIPPED

    weights = params.profile.protocols.inception.weights
    if weights == SKIPPED:
        return
    if find_spec("torch_fidelity") is None:
        raise InputError("torch-fidelity is not installed; install it, or write `weights: none` under inception.")
    if lacking := _lacking_weights(weights):
        raise InputError(f"{lacking.removesuffix('.')}; or write `weights: none` under inception.")


@cache  # a download that fails may take a minute, and hashing the file a second
def _lacking_weights(weights: str) -> str:
    from replication.metrics.inception_network import inception_weights

    try:
        inception_weights(weights)
    except InputError as error:
        return str(error)
    return ""
