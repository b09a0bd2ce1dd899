"""How large the features are that the linear probe is held against, in a profile."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from replication.config.strict import CLOSED, Cost, Count, Samples, Size


@dataclass(frozen=True, config=CLOSED)
class FeatureControls:
    """K-means features (Coates, Ng & Lee 2011) of the experiment `feature-controls`."""

    units: tuple[Samples, ...] = (1600, 4800)  # of K-means
    patch: Size = 6
    patches: Samples = 400_000
    iterations: Count = 50
    # C of the L2-SVM on K-means features. The released code's 100 multiplies a mean over images where C multiplies a
    # sum: it is 2e-3 for 50 000 images, and 2.5e-2 for 4000.
    costs: Annotated[tuple[Cost, ...], Field(min_length=1)] = (2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2)
    storage: Literal["float16", "float32"] = "float16"

    def __post_init__(self) -> None:
        if max(self.units, default=0) > self.patches:
            raise ValueError(f"units are {list(self.units)}: each is at most patches ({self.patches})")
