"""A cell of `params.yaml`: one recipe on one data set with a block of seeds, or an experiment that trains no GAN."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from pydantic.dataclasses import dataclass

from replication.config.strict import CLOSED, DIFFERENT, SEEDS

OWN = "own"  # the paper of what is nobody's: a data set or a generator that a reader brings
BUNDLED = "bundled"  # the data set of a cell that reads those inside scikit-learn, and names them in its rows

EXPERIMENTS = "experiments"  # the folder beside those of models
PARTS = "-parts"  # what the folder of a profile's parts ends in
KEY = "[a-z0-9][a-z0-9-]{0,99}"  # the pattern of a cell's key and of a profile's name, which name folders
MOST_SEEDS = 10_000  # a block is trained and drawn together
# The model and the recipe that an experiment's rows go under, by which claims find them; None: the cell names a recipe.
LABELS: Mapping[str, tuple[str, str | None]] = {
    "theory": ("gan", "theory"),
    "reference-points": ("real", "test"),
    "real-neighbours": ("real", "train"),
    "feature-controls": ("dcgan", None),  # of whose discriminator an untrained one is measured
    "released-probe": ("released", None),  # the released network's name
    "near-duplicates": ("autoencoder", "near-duplicates"),
    "generative-discriminative": ("naive-bayes", "ng-jordan"),
    "latent-dimension": ("autoencoder", "latent-dimension"),
    "outliers": ("autoencoder", "outliers"),
}


def seeds_in(text: str) -> tuple[int, ...]:
    """The seeds of a block as it is written: `0-4` → (0, 1, 2, 3, 4); `7` → (7,); none where it is no block."""
    match = re.fullmatch(r"([0-9]{1,10})(?:-([0-9]{1,10}))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
    return tuple(range(first, last + 1)) if last < SEEDS and last - first < MOST_SEEDS else ()


@dataclass(frozen=True, config=CLOSED)
class Cell:
    """A block of seeds of one recipe. `part` names what `blocks` made of the planned block; "" is all."""

    paper: str
    model: str
    recipe: str
    dataset: str
    split: str
    variant: str
    seeds: str
    experiment: str = ""  # one of LABELS where the cell is no GAN training
    probe: str = "own"  # whose images features are probed on: those of the data set trained on, of another, or none
    # Of replication.scoring.protocols, run beside what every cell is scored by.
    protocols: Annotated[tuple[str, ...], DIFFERENT] = ()
    key: str = ""
    profile: str = ""
    part: str = ""

    def __post_init__(self) -> None:
        if not self.seed_numbers:
            raise ValueError(
                f"seeds is {self.seeds!r}: write a block such as 0-4, or one as 7, of {MOST_SEEDS} seeds at most that "
                f"lie below {SEEDS}"
            )

    @property
    def seed_numbers(self) -> tuple[int, ...]:
        """The seeds of the block."""
        return seeds_in(self.seeds)

    @property
    def identity(self) -> dict[str, Any]:
        """What names the cell in every provenance."""
        names = ("model", "recipe", "variant", "dataset", "split", "seeds")
        return {"cell": self.key, **{name: getattr(self, name) for name in names}}

    @property
    def line(self) -> str:
        """The cell with all fields that a user may write, as a line of YAML."""
        fields = {key: value for key, value in asdict(self).items() if key not in ("key", "profile", "part")}
        return f"{self.key}: {json.dumps(fields)}"

    @property
    def folder(self) -> str:
        """The block's place under `outputs/train` and `outputs/score`: beside the others that one stage scores.

        A part, or a block of another device, lies apart: DVC deletes and keeps the planned folders as it needs to.
        """
        beside = PARTS if self.part else ""
        return f"{self.profile}{beside}/{EXPERIMENTS if self.experiment else self.model}/{self.name}"

    @property
    def name(self) -> str:
        """How the block's folders and archives are called: the cell's key, or `<key>@cpu+0-2` of a part."""
        return self.key + self.part
