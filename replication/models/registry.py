"""What a paper's model file may bring besides networks: objectives and optimisers, entered as it is imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from torch import Tensor

from replication.config.recipes import Recipe
from replication.foundation.errors import InputError
from replication.models.layers.networks import Judged

MOST_MOMENTS = 3


class Objective(NamedTuple):
    """The losses of both sides, scalars, from what the discriminator says of real and of generated samples."""

    generator: Callable[[Judged | None, Judged, Recipe], Tensor]  # of real samples where it `sees_real`, else None
    discriminator: Callable[[Judged, Judged, Recipe], Tensor]  # training multiplies it by `discriminator_scale`
    words: Callable[[Recipe], tuple[str, str]]  # what the generator and the discriminator descend
    sees_real: bool = False  # whether the generator's loss compares with real samples
    smooths: bool = False  # whether the discriminator's loss reads `real_target`
    on_device: bool = True  # always the same operations, and no look at a value: a CUDA graph can record it


class Step(NamedTuple):
    """What one update of a side is made from; its tensors are changed in place."""

    side: str  # generator or discriminator
    parameters: list[Tensor]
    gradients: list[Tensor]
    moments: list[list[Tensor]]  # each as the parameters are, and zero before the first update
    number: Tensor  # int64 [], from 1
    learning_rate: Tensor  # float64 []
    momentum: Tensor  # float64 [], of key sgd
    skip: Tensor | None = None  # float32 []: where it is 1 nothing may change, for an optimiser that `skips`


class Optimiser(NamedTuple):
    """How gradients change parameters, under options that are a dataclass with `learning_rate`."""

    options: type
    moments: int  # how many tensors it keeps for each parameter
    step: Callable[[Any, Step], None]
    words: Callable[[Any], str]  # of the options
    skips: Callable[[Any], bool] = lambda options: False  # whether it heeds `Step.skip`, so that nobody restores
    by_element: bool = False  # each number on its own: parameters of several seeds may lie stacked
    on_device: bool = True  # as of an objective


OBJECTIVES: dict[str, Objective] = {}
OPTIMISERS: dict[str, Optimiser] = {}
Entry = TypeVar("Entry", Objective, Optimiser)


def register(registry: dict[str, Entry], name: str, entry: Entry) -> None:
    """Enter an objective or an optimiser for recipes; InputError: the name is taken, or it keeps too many moments."""
    if name in registry:
        raise InputError(f"{name!r} is registered twice; give one of both another name.")
    if isinstance(entry, Optimiser) and entry.moments > MOST_MOMENTS:
        raise InputError(f"Optimiser {name!r} keeps {entry.moments} moments; a state holds {MOST_MOMENTS} at most.")
    registry[name] = entry
