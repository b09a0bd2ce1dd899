"""The trainings that are timed: recipes of params.yaml, on data of the right shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from replication.config.datasets import class_count, sample_shape
from replication.config.params import Params
from replication.config.recipes import Recipe
from replication.data.embedded import draw_points, read_digits
from replication.foundation.errors import InputError, chosen
from replication.foundation.seeding import generator
from replication.models import load
from replication.models.layers.networks import Networks
from replication.training.initialise import Samples


@dataclass(frozen=True)
class Case:
    """`n` random images stand for a data set that is not inside the repository's libraries; 0 takes the real one."""

    model: str
    recipe: str
    dataset: str
    n: int
    variant: str = "paper"


CASES = {
    "dcgan-64": Case("dcgan", "celeba", "celeba", 4096),
    "dcgan-32": Case("dcgan", "cifar10", "cifar10", 10_000),
    "mnist-conditional": Case("dcgan", "mnist-conditional", "mnist", 10_000),
    "gan-mnist": Case("gan", "mnist", "mnist", 10_000, "code"),
    "improved-mnist": Case("improved_gan", "mnist-100", "mnist", 10_000, "code"),
    "improved-cifar10": Case("improved_gan", "cifar10-4000", "cifar10", 10_000),
    "deligan-mnist": Case("deligan", "mnist", "mnist", 500),  # as many as its paper trains on
    "digits-gan": Case("gan", "digits", "digits", 0),
    "digits-dcgan": Case("dcgan", "digits", "digits", 0),
    "toy": Case("deligan", "toy", "toy-bimodal", 0),
}
# What is measured on a device unless cases are chosen: on a processor, what takes minutes there.
USUAL = {
    "cpu": ("toy", "digits-gan", "digits-dcgan", "gan-mnist", "improved-mnist", "deligan-mnist", "mnist-conditional"),
    "cuda": tuple(name for name in CASES if name != "toy"),
}


@dataclass(frozen=True)
class Work:
    """A case ready to be trained."""

    name: str
    title: str  # model, recipe and variant
    recipe: Recipe
    build: Callable[[], Networks]
    data: Samples  # on the CPU
    data_name: str  # what the data are


def chosen_cases(names: Sequence[str], device: str) -> tuple[str, ...]:
    """The cases asked for, or those that are usually measured on the device.

    Raises:
        InputError: there is no such case, or it cannot be measured on the device.
    """
    for name in names:
        chosen(CASES, name, "case")
        if name == "toy" and device == "cuda":
            raise InputError("Case toy trains in compiled loops on the processor: time it with --device cpu.")
    return tuple(dict.fromkeys(names)) or USUAL[device]


def prepare_case(name: str, params: Params, precision: str = "float32", cases: Mapping[str, Case] = CASES) -> Work:
    """The case's recipe, networks and data."""
    case = chosen(cases, name, "case")
    recipe = replace(params.recipe(case.model, case.recipe, case.variant), precision=precision)
    options = params.datasets[case.dataset]
    model, shape, classes = load(case.model), sample_shape(options), class_count(options)
    data_name = f"random uint8 images in place of {case.dataset}" if case.n else case.dataset
    if case.n:  # speed does not depend on what images show; labels take turns
        images = generator(0, "benchmark").integers(0, 256, (case.n, *shape), dtype=np.uint8)
        data = Samples(torch.from_numpy(images), torch.arange(case.n) % max(classes, 1))
    elif options.source == "toy":
        drawn = draw_points(options.modes, options.standard_deviation, options.points_per_mode, options.seed)
        data = Samples(torch.from_numpy(drawn.points))
    else:
        digits = read_digits()
        data = Samples(torch.from_numpy(digits.train_images), torch.from_numpy(digits.train_labels))

    def build() -> Networks:
        return model.build(recipe.network, recipe.prior, recipe.latent_dim, shape, classes)

    return Work(name, f"{case.model} {case.recipe} ({case.variant})", recipe, build, data, data_name)
