"""How large the features are that the linear probe is held against, in a profile."""

from __future__ import annotations

from typing import Literal

from pydantic.dataclasses import dataclass

from replication.config.strict import CLOSED
from replication.foundation.errors import InputError


@dataclass(frozen=True, config=CLOSED)
class FeatureControls:
    """K-means features (Coates, Ng & Lee 2011) of the experiment `feature-controls`."""

    units: tuple[int, ...] = (1600, 4800)  # of K-means
    patch: int = 6
    patches: int = 400_000
    iterations: int = 50
    # C of the L2-SVM on K-means features. The released code's 100 multiplies a mean over images where C multiplies a
    # sum: it is 2e-3 for 50 000 images, and 2.5e-2 for 4000.
    costs: tuple[float, ...] = (2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2)
    storage: Literal["float16", "float32"] = "float16"

    def __post_init__(self) -> None:
        sizes = {"patch": self.patch, "patches": self.patches, "iterations": self.iterations}
        for name, size in sizes.items():
            if size < 1:
                raise InputError(f"feature_controls.{name} is {size}: give a number of at least 1.")
        if not all(1 <= units <= self.patches for units in self.units):
            raise InputError(
                f"feature_controls.units are {list(self.units)}: each must be at least 1 and at most patches "
                f"({self.patches})."
            )
        if not self.costs or min(self.costs) <= 0:
            raise InputError(f"feature_controls.costs are {list(self.costs)}: give at least one, all above 0.")
