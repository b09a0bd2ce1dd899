"""The authors' released discriminator, as `released` in `params.yaml` has it."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from replication.config.strict import CLOSED
from replication.foundation.errors import InputError


@dataclass(frozen=True, config=CLOSED)
class Released:
    """Where the weights of the experiment `released-probe` lie, and with how many labels its probe is varied."""

    directory: str  # of the released arrays, *.npy
    per_class: int  # labels of each class, where one part of the probe is another
    selection_draws: int  # of so many labels that choose C
    draws: int  # of so many labels that are tested
    further_costs: tuple[float, ...]  # beside the grid, with so many labels; scikit-learn's default C is 1

    def __post_init__(self) -> None:
        fewest = min(self.per_class, self.selection_draws, self.draws)
        if fewest < 1 or min(self.further_costs, default=1.0) <= 0:
            raise InputError(
                f"released has per_class {self.per_class}, selection_draws {self.selection_draws}, draws {self.draws} "
                f"and further_costs {list(self.further_costs)}: give at least 1 of the first three, and costs above 0."
            )
