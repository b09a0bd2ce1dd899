"""Options of the experiment near-duplicates, a profile's `near_duplicates`; defaults are sizes for 32×32 images."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from replication.config.background import Autoencoder
from replication.config.strict import CLOSED, Kept, Samples, Scale, ScaleOrZero

Kind = Literal["shift", "brightness", "noise", "jpeg"]
STRENGTHS: dict[Kind, float] = {"shift": 1.0, "brightness": 8.0, "noise": 4.0, "jpeg": 75.0}


@dataclass(frozen=True, config=CLOSED)
class NearDuplicates:
    """A denoising autoencoder's binarised codes find planted near-duplicates (DCGAN §4.1.1)."""

    autoencoder: Autoencoder = Autoencoder(hidden=128, updates=8000, batch=128, learning_rate=1e-3)
    noise: ScaleOrZero = 0.2  # standard deviation on the input, pixels in [-1, 1]; 0: none
    keep: Kept = 0.8  # of the code's units, by dropout
    pairs: Samples = 1000  # near-duplicates planted of each kind
    # By kind: shift in pixels, brightness and noise in levels, jpeg as its quality.
    strengths: Annotated[dict[Kind, Scale], Field(min_length=1)] = field(default_factory=STRENGTHS.copy)

    def __post_init__(self) -> None:
        quality = self.strengths.get("jpeg", 1.0)
        if not 1 <= quality <= 95:
            raise ValueError(f"strengths: jpeg is {quality}; accepted: a quality from 1 to 95")
