"""The authors' released discriminator, as `released` in `params.yaml` has it."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from replication.config.strict import CLOSED, Cost, Count, Samples


@dataclass(frozen=True, config=CLOSED)
class Released:
    """Where the weights of the experiment `released-probe` lie, and with how many labels its probe is varied."""

    directory: str  # of the released arrays, *.npy
    per_class: Samples  # labels of each class, where one part of the probe is another
    selection_draws: Count  # of so many labels that choose C
    draws: Count  # of so many labels that are tested
    further_costs: tuple[Cost, ...]  # beside the grid, with so many labels; scikit-learn's default C is 1
