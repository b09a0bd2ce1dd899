"""What a cell's protocols need beside its training, looked for before anything is computed.

Without its input a protocol would stop a scoring after hours. What few protocols use is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from replication.config.blocks import device_of
from replication.config.params import Cell, Params
from replication.config.recipes import Recipe
from replication.data.reading import PreparedImages, ToyData, load_manifest, load_prepared, load_split
from replication.foundation.errors import InputError
from replication.foundation.places import DATA
from replication.metrics.inception import SPLITS
from replication.models import PROBE, is_scored_by, load
from replication.models.layers.convolutional import ConvolutionalDiscriminator, ConvolutionalGenerator
from replication.models.layers.networks import Networks
from replication.scoring.experiment_requirements import require_experiment, require_weights, within
from replication.scoring.left_out import INCEPTION, left_out, say_once
from replication.scoring.probe import probed_data
from replication.scoring.room import require_room
from replication.training.cells import builder, class_count, training_samples, training_values
from replication.training.effects import check_objectives, check_training


@dataclass(frozen=True)
class Planned:
    """A cell of images before it is trained, as its protocols will find it."""

    params: Params
    cell: Cell
    recipe: Recipe
    data: PreparedImages
    rows: np.ndarray  # of the training images that are trained on

    @property
    def networks(self) -> Networks:
        with torch.device("meta"):  # without values, whatever their size
            return builder(self.cell, self.recipe, self.data.train_images.shape[1:], class_count(self.data))()

    def require(self, holds: object, lacking: str, mend: str = "") -> None:
        """Raise InputError unless `holds`; the usual mend is to take the protocol out."""
        if not holds:
            raise InputError(f"{lacking}; {mend or 'take the protocol out of the cell'}.")

    def require_judge(self) -> None:
        name = self.cell.dataset
        lacking = f"no judge tells the classes of {name} apart"
        self.require(self.params.judged_by(name), lacking, "add one to judges in params.yaml")

    def require_test_images(self, fewest: int = 1) -> None:
        count = len(self.data.test_images)
        lacking = f"{count} test images, and it needs {fewest}" if count else "no test images"
        self.require(count >= fewest, f"data set {self.data.name} has {lacking}")


def require_cell(params: Params, cell: Cell) -> None:
    """Raise InputError where a cell lacks its data, its split, room on the machine, or what its protocols need."""
    if cell.experiment:
        require_experiment(params, cell)
        return
    folder, recipe = DATA / cell.dataset, params.recipe_of(cell)
    data, rows = load_prepared(folder), load_split(folder, cell.split)
    if isinstance(data, PreparedImages):
        _require_counted(data)
    require_protocols(params, cell, data, rows)
    samples, held_out = training_samples(data, rows), len(training_values(data)) - len(rows)
    build = builder(cell, recipe, tuple(samples.values.shape[1:]), class_count(data))
    if params.profile.runner == "local":  # else a node looks
        require_room(cell, recipe, build, device_of(params, cell), tuple(samples.values.shape[1:]))
    check_training(build, recipe, samples, held_out, f"Cell {cell.key}")


def _require_counted(data: PreparedImages) -> None:
    """The names of classes have no hash: they differ, and the manifest counts as many labels of each as there are."""
    names, parts = data.class_names, {"train": data.train_labels, "test": data.test_labels}
    counts = {part: np.bincount(labels, minlength=len(names)).tolist() for part, labels in parts.items()}
    written = {part: list(data.manifest["counts"].get(part, {}).get("per_class", {}).items()) for part in parts}
    if len({*names}) < len(names) or written != {part: list(zip(names, counts[part], strict=True)) for part in parts}:
        raise InputError(
            f"{DATA / data.name / 'manifest.json'} counts other classes than the labels have: run `uv run python -m "
            f"replication.prepare {data.name}` to make it again."
        )


def require_protocols(params: Params, cell: Cell, data: PreparedImages | ToyData, rows: np.ndarray) -> None:
    """Look for what every protocol of a cell trained on `rows` needs; print once what the lack of test images costs.

    Raises:
        InputError: something is missing; the sentence names cell, protocol and mend.
    """
    load(cell.model)
    recipe = params.recipe_of(cell)
    check_objectives(recipe, f"Cell {cell.key}")
    with within(f"Cell {cell.key}"), torch.device("meta"):
        builder(cell, recipe, training_values(data).shape[1:], class_count(data))()
    if isinstance(data, ToyData) and cell.protocols:
        raise InputError(f"Cell {cell.key} names protocols of images, and {data.name} has none: take them out.")
    if isinstance(data, ToyData):
        return
    planned = Planned(params, cell, recipe, data, rows)
    varied = any((data.train_images[row] != data.train_images[rows[0]]).any() for row in rows)
    planned.require(varied, f"the training images of cell {cell.key} are all alike", "put others into its data set")
    if params.judged_by(cell.dataset):
        lacking = f"cell {cell.key} has n_samples {recipe.n_samples}, and its judge's score has {SPLITS} splits"
        planned.require(recipe.n_samples >= SPLITS, lacking, "ask its recipe for as many samples or more")
        _judge(planned)
    for name in (*cell.protocols, *([PROBE] if cell.probe != "none" and is_scored_by(cell.model, PROBE) else [])):
        with within(f"Cell {cell.key}, protocol {name}"):
            NEEDS.get(name, lambda _: None)(planned)
    say_once(left_out(params, cell, data))


def _judge(planned: Planned) -> None:
    """The judge of another data set is asked about images and classes as it knows; those may lie elsewhere."""
    name, data = planned.params.judged_by(planned.cell.dataset), planned.data
    if name == data.name or not (DATA / name / "manifest.json").is_file():
        return
    known, seen = _described(load_manifest(DATA / name)), _described(data.manifest)
    lacking = f"cell {planned.cell.key}: the judge of {name} knows {known}, and data set {data.name} has {seen}"
    planned.require(known == seen, lacking, f"name another judge at datasets.{data.name}.judged_by, or none")


def _described(manifest: Mapping[str, Any]) -> str:
    sides = "×".join(map(str, manifest["image_shape"])) if "image_shape" in manifest else "points"
    return f"{sides} of {len(manifest['class_names'])} classes"


def _components(planned: Planned) -> None:
    planned.require(planned.recipe.prior.components, "the prior of its recipe has no components")
    planned.require_judge()


def _forgetting(planned: Planned) -> None:
    from replication.metrics.forgetting import takes_second_highest

    data = planned.data
    has_object = data.train_places is not None and data.test_places is not None
    planned.require(has_object, f"data set {data.name} has no planted object")
    generator = planned.networks.generator
    planned.require(isinstance(generator.body, ConvolutionalGenerator), "its generator is not convolutional")
    takes_second_highest(generator)


def _filters(planned: Planned) -> None:
    planned.require_test_images(20)  # of which it looks at a twentieth
    convolutional = isinstance(planned.networks.discriminator, ConvolutionalDiscriminator)
    planned.require(convolutional, "its discriminator has no maps of convolutions")


def _nearest_generated(planned: Planned) -> None:
    planned.require_test_images()
    labelled = planned.networks.generator.conditional and len(planned.data.class_names) > 1
    planned.require(labelled, "its samples have no labels")


def _latent_walk(planned: Planned) -> None:
    if planned.params.judged_by(planned.cell.dataset):
        planned.require_test_images()  # that tell the judge what is plausible


def _latent_arithmetic(planned: Planned) -> None:
    from replication.metrics.arithmetic import require_strokes

    require_strokes(planned.data.train_images[planned.rows], planned.data.name)
    planned.require_judge()
    planned.require_test_images()


def _memorisation(planned: Planned) -> None:
    from replication.scoring.memorisation import FEWEST

    if len(planned.data.train_images) - len(planned.rows) < FEWEST:  # are left out
        planned.require_test_images(2)  # one half stands in for samples


def _probe(planned: Planned) -> None:
    """The linear probe: so many labels of each class, and held-out images where another data set is named.

    A discriminator without maps has no probe, nor has a cell on a data set of its own without test images.
    """
    if not isinstance(planned.networks.discriminator, ConvolutionalDiscriminator):
        return
    name = next(iter(probed_data(planned.cell)), planned.cell.dataset)
    manifest, options = load_manifest(DATA / name), planned.params.profile.probe
    if len(manifest["class_names"]) < 2:
        return
    counts, mend = manifest["counts"], "write `probe: none` in the cell, or the name of another data set"
    shape, seen = manifest["image_shape"], list(planned.data.train_images.shape[1:])
    lacking = f"data set {name} has images of {shape}, and the discriminator takes {seen}"
    planned.require(shape == seen, lacking, mend)
    if not counts.get("test", {}).get("total"):
        planned.require(name == planned.cell.dataset, f"data set {name} has no test images", mend)
        return  # the features of such a cell are not probed, as `left_out` says
    fewest = min(counts["train"]["per_class"].values()) * (1 - options.validation_share)
    wanted = max(options.limited_labels_of.get(name, options.limited_labels), default=0)
    planned.require(
        fewest >= wanted,
        f"a class of {name} has about {fewest:.0f} images that are not held out, and limited_labels asks for {wanted}",
        f"ask for fewer, or {mend}",
    )


NEEDS: dict[str, Callable[[Planned], None]] = {
    "nearest-generated": _nearest_generated,
    "latent-walk": _latent_walk,
    "latent-arithmetic": _latent_arithmetic,
    "components": _components,
    "filters": _filters,
    "memorisation": _memorisation,
    "forgetting": _forgetting,
    INCEPTION: lambda planned: require_weights(planned.params),
    PROBE: _probe,
}
