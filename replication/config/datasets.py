"""What `params.yaml` may say about a data set and its splits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from pydantic.dataclasses import dataclass

from replication.config.strict import CLOSED
from replication.foundation.errors import InputError

RULES = ("all", "first", "last", "random")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_UNSET: Mapping[str, object] = {
    "root": "",
    "image_size": 0,
    "channels": 0,
    "seed": 0,
    "modes": (),
    "standard_deviation": 0.0,
    "points_per_mode": 0,
    "limit": 0,
    "licence": "",
}
# Which options have an effect on which source: any other is refused, for it would be silently ignored.
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "digits": (),
    "toy": ("seed", "modes", "standard_deviation", "points_per_mode"),
    "mnist": ("root",),
    "cifar10": ("root",),
    "svhn": ("root",),
    "celeba": ("root", "image_size", "limit"),
    "lsun": ("root", "image_size", "limit"),
    "folder": ("root", "image_size", "channels", "licence"),
}


@dataclass(frozen=True, config=CLOSED)
class Split:
    """Which training images a run sees: `n` of them, or `per_class` of each class, by `rule`."""

    rule: str
    n: int = 0
    per_class: int = 0
    balanced: bool = False  # as many of each class; of `random` with `n` alone
    seed: int = 0

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise InputError(f"A split's rule is {self.rule!r}; accepted: {', '.join(RULES)}.")
        if min(self.n, self.per_class, self.seed) < 0:
            raise InputError(
                f"n, per_class and seed of a split are at least 0, not {self.n, self.per_class, self.seed}."
            )
        if self.rule == "all" and (self.n or self.per_class):
            raise InputError("A split by rule all takes neither n nor per_class: use first, last or random.")
        if self.rule != "all" and (self.n > 0) == (self.per_class > 0):
            raise InputError(f"A split by rule {self.rule} takes either n or per_class, at least 1, and not both.")
        if self.rule != "random" and self.seed:
            raise InputError(f"A split by rule {self.rule} draws nothing, so it takes no seed (got {self.seed}).")
        if self.balanced and (self.rule != "random" or not self.n):
            raise InputError("Only a split by rule random with n can be balanced; per_class is balanced as it is.")


@dataclass(frozen=True, config=CLOSED)
class Planted:
    """An object painted into some of the images, each time at a random place."""

    share: float  # of the training images, and of the test images
    size: int  # pixels a side, a multiple of 3
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share < 1 or self.size < 3 or self.size % 3 or self.seed < 0:
            raise InputError(
                f"planted has share {self.share}, size {self.size} and seed {self.seed}: the share lies between 0 and "
                "1, the size is a multiple of 3 pixels, and the seed is at least 0."
            )


@dataclass(frozen=True, config=CLOSED)
class Dataset:
    """One data set of `params.yaml`; an option left at its default is unset."""

    name: str
    source: str
    root: str = ""  # the folder of raw files; data/raw/<name> where unset
    image_size: int = 0  # pixels: resize the shorter side, crop the centre
    channels: int = 0  # 1 or 3; 3 where unset
    seed: int = 0
    modes: tuple[tuple[float, ...], ...] = ()
    standard_deviation: float = 0.0
    points_per_mode: int = 0
    limit: int = 0  # read at most so many training images
    licence: str = ""
    judged_by: str = ""  # the data set whose judge scores it, where it has none of its own
    planted: Planted | None = None
    splits: dict[str, Split] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.source not in OPTIONS:
            raise InputError(f"Data set {self.name}: source {self.source!r}; accepted: {', '.join(OPTIONS)}.")
        for kind, name in (("data set", self.name), *(("split", split) for split in self.splits)):
            if not _NAME.fullmatch(name):
                raise InputError(
                    f"The {kind} name {name!r} names files: use letters, digits, dots, dashes and underscores."
                )
        accepted = OPTIONS[self.source]
        for option, unset in _UNSET.items():
            if getattr(self, option) != unset and option not in accepted:
                listed = ", ".join(accepted) or "none"
                raise InputError(f"Data set {self.name}: {option} has no effect on {self.source}; accepted: {listed}.")
        if not self.splits:
            raise InputError(f"Data set {self.name} has no splits; write at least `splits: {{full: {{rule: all}}}}`.")
        self._check_values()

    def _check_values(self) -> None:
        where = f"Data set {self.name}:"
        if self.image_size < 0 or self.limit < 0 or self.seed < 0:
            raise InputError(f"{where} image_size, limit and seed are at least 0.")
        if self.judged_by and self.source == "toy":
            raise InputError(f"{where} judged_by is for images, and toy makes points: leave it out.")
        if self.channels not in (0, 1, 3):
            raise InputError(f"{where} channels is {self.channels}; accepted: 1, 3.")
        if self.planted and self.source == "toy":
            raise InputError(f"{where} planted paints into images, and toy makes points: leave it out.")
        if self.source in ("celeba", "lsun") and not self.image_size:
            raise InputError(f"{where} {self.source} needs an image_size in pixels, such as 64.")
        if self.source != "toy":
            return
        if not self.modes or any(len(mode) != 2 for mode in self.modes):
            raise InputError(f"{where} modes is a list of points [x, y], not {[list(mode) for mode in self.modes]}.")
        if self.standard_deviation <= 0 or self.points_per_mode < 1:
            raise InputError(f"{where} standard_deviation is above 0 and points_per_mode at least 1.")
        other = [name for name, split in self.splits.items() if split.rule != "all"]
        if other:
            raise InputError(
                f"{where} a toy set has the split rule all only, but {other[0]} is {self.splits[other[0]].rule}."
            )

    @property
    def raw(self) -> Path:
        """The folder of raw files."""
        return Path(self.root or f"data/raw/{self.name}")
