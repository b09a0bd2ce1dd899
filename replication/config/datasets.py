"""What `params.yaml` may say about a data set and its splits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from replication.config.cell import BUNDLED
from replication.config.strict import CLOSED, Level, Name, Part, SamplesOrZero, ScaleOrZero, Seed, SizeOrZero, shown
from replication.foundation.errors import InputError
from replication.foundation.printable import is_printable

Source = Literal["digits", "toy", "mnist", "cifar10", "svhn", "celeba", "lsun", "folder"]
# Which options have an effect on which source: any other is refused, for it would be silently ignored.
OPTIONS: Mapping[Source, tuple[str, ...]] = {
    "digits": (),
    "toy": ("seed", "modes", "standard_deviation", "points_per_mode"),
    "mnist": ("root",),
    "cifar10": ("root",),
    "svhn": ("root",),
    "celeba": ("root", "image_size", "limit"),
    "lsun": ("root", "image_size", "limit"),
    "folder": ("root", "image_size", "channels", "licence"),
}
IMAGES: Mapping[str, tuple[int, int, int]] = {  # [C, H, W] of the sources whose images are all alike
    "digits": (1, 8, 8),
    "mnist": (1, 28, 28),
    "cifar10": (3, 32, 32),
    "svhn": (3, 32, 32),
}
OWN = ("outputs", "reports", ".replication", ".git", ".venv")  # folders that commands write, and replace
OPTION_NAMES = tuple(dict.fromkeys(chain.from_iterable(OPTIONS.values())))


@dataclass(frozen=True, config=CLOSED)
class Split:
    """Which training images a run sees: `n` of them, or `per_class` of each class, by `rule`."""

    rule: Literal["all", "first", "last", "random"]
    n: SamplesOrZero = 0  # 0: not by number
    per_class: SamplesOrZero = 0  # 0: not by class
    balanced: bool = False  # as many of each class; of `random` with `n` alone
    seed: Seed = 0  # 0: a seed as any other

    def __post_init__(self) -> None:
        if self.rule == "all" and (self.n or self.per_class):
            raise ValueError("rule all takes neither n nor per_class: use first, last or random")
        if self.rule != "all" and (self.n > 0) == (self.per_class > 0):
            raise ValueError(f"rule {self.rule} takes either n or per_class, at least 1, and not both")
        if self.rule != "random" and self.seed:
            raise ValueError(f"rule {self.rule} draws nothing, so it takes no seed (got {self.seed})")
        if self.balanced and (self.rule != "random" or not self.n):
            raise ValueError("balanced is of rule random with n; per_class is balanced as it is")


@dataclass(frozen=True, config=CLOSED)
class Planted:
    """An object painted into some of the images, each time at a random place."""

    share: Part  # of the training images, and of the test images
    size: Annotated[int, Field(ge=3, le=4095, multiple_of=3)]  # pixels a side
    seed: Seed = 0  # 0: a seed as any other


@dataclass(frozen=True, config=CLOSED)
class Dataset:
    """One data set of `params.yaml`; an option left at its default is unset."""

    name: Name
    source: Source
    root: str = ""  # the folder of raw files; data/raw/<name> where unset
    image_size: SizeOrZero = 0  # pixels: resize the shorter side, crop the centre; 0: as the files are
    channels: Literal[0, 1, 3] = 0  # 0: unset, which is 3
    seed: Seed = 0  # 0: a seed as any other
    # Coordinates, negative ones and 0 too.
    modes: Annotated[tuple[tuple[Level, Level], ...], Field(max_length=1000)] = ()
    standard_deviation: ScaleOrZero = 0.0  # 0: unset, which a toy refuses
    points_per_mode: SamplesOrZero = 0  # 0: unset, which a toy refuses
    limit: SamplesOrZero = 0  # read at most so many training images; 0: all
    licence: str = ""
    judged_by: str = ""  # the data set whose judge scores it, where it has none of its own
    planted: Planted | None = None
    splits: dict[Name, Split] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name == BUNDLED:
            raise ValueError(f"{BUNDLED} stands for the data sets inside scikit-learn: rename the data set")
        accepted = OPTIONS[self.source]
        for option in OPTION_NAMES:
            if getattr(self, option) and option not in accepted:
                listed = ", ".join(accepted) or "none"
                raise ValueError(f"{option} has no effect on {self.source}; accepted: {listed}")
        if "root" in accepted and (trouble := _trouble_of(str(self.raw))):
            raise ValueError(f"root {shown(str(self.raw))} {trouble}")
        if not self.splits:
            raise ValueError("there are no splits; write at least `splits: {full: {rule: all}}`")
        if self.source in ("celeba", "lsun") and not self.image_size:
            raise ValueError(f"{self.source} needs an image_size in pixels, such as 64")
        if self.source == "toy":
            for option in ("judged_by", "planted"):
                if getattr(self, option):
                    raise ValueError(f"{option} is for images, and toy makes points: leave it out")
            for option in ("modes", "standard_deviation", "points_per_mode"):
                if not getattr(self, option):
                    raise ValueError(f"toy needs {option}")
            for name, split in self.splits.items():
                if split.rule != "all":
                    raise ValueError(f"a toy set has the split rule all only, but {name} is {split.rule}")

    @property
    def raw(self) -> Path:
        """The folder of raw files."""
        return Path(self.root or f"data/raw/{self.name}")


def _trouble_of(root: str) -> str:
    """Why raw files cannot lie in a folder, as a clause; "" where they can. The archive beside it has its parent."""
    if not root.strip() or not is_printable(root):
        return "is blank or has signs that cannot be printed: write the name of a folder"
    here = Path(os.path.realpath("."))
    for place in (Path(os.path.realpath(root)), Path(os.path.abspath(root))):
        if here.is_relative_to(place):
            return "is the current folder, or holds it: name the folder that holds the raw files alone"
        for name in OWN:
            if place.is_relative_to(here / name) or place.is_relative_to(os.path.realpath(name)):
                return f"lies in {name}/, which commands write: move the raw files elsewhere"
    return ""


def sample_shape(options: Dataset) -> tuple[int, ...]:
    """(2,) for points, (C, H, W) for images; InputError where an image_size lacks and the files alone tell."""
    if options.source == "toy":
        return (2,)
    if options.source in IMAGES:
        return IMAGES[options.source]
    if not options.image_size:
        raise InputError(
            f"Data set {options.name} has no image_size, so its image files alone tell its shape: write an image_size, "
            "or name another data set."
        )
    return (options.channels or 3, options.image_size, options.image_size)


def class_count(options: Dataset) -> int:
    """Classes that labels tell apart: 0 for points, whose labels are not learnt, and for folders, which name their own.

    Photographs that are all of one kind (CelebA's faces, LSUN's bedrooms) are one class.
    """
    if options.source in IMAGES:
        return 10
    return 1 if options.source in ("celeba", "lsun") else 0
