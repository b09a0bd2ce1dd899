"""Options of the experiment near-duplicates, a profile's `near_duplicates`; defaults are sizes for 32×32 images."""

from __future__ import annotations

from dataclasses import field

from pydantic.dataclasses import dataclass

from replication.config.background import Autoencoder
from replication.config.strict import CLOSED
from replication.foundation.errors import InputError


@dataclass(frozen=True, config=CLOSED)
class NearDuplicates:
    """A denoising autoencoder's binarised codes find planted near-duplicates (DCGAN §4.1.1)."""

    autoencoder: Autoencoder = Autoencoder(hidden=128, updates=8000, batch=128, learning_rate=1e-3)
    noise: float = 0.2  # standard deviation on the input, pixels in [-1, 1]
    keep: float = 0.8  # of the code's units, by dropout
    pairs: int = 1000  # near-duplicates planted of each kind
    # By kind: shift in pixels, brightness and noise in levels, jpeg as its quality.
    strengths: dict[str, float] = field(
        default_factory=lambda: {"shift": 1.0, "brightness": 8.0, "noise": 4.0, "jpeg": 75.0}
    )

    def __post_init__(self) -> None:
        if self.noise < 0 or not 0 < self.keep <= 1 or self.pairs < 1 or not self.strengths:
            raise InputError(
                f"near_duplicates has noise {self.noise}, keep {self.keep}, pairs {self.pairs} and strengths "
                f"{dict(self.strengths)}: noise is at least 0, keep above 0 and at most 1, pairs at least 1, and one "
                "kind at least has a strength."
            )
