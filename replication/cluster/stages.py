"""What commands do on a cluster: `run`, `judge`, `train`, `score` and `experiment` load this by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from replication.cluster.driver import Driver
from replication.cluster.pool import Pool, require_cluster
from replication.cluster.units import Stage
from replication.config.params import BUNDLED, Cell, Params
from replication.foundation.errors import InputError
from replication.scoring.classifier import is_trained


def carry_out(
    params: Params,
    blocks: Sequence[Cell],
    stages: Sequence[Stage],
    stop: Callable[[], bool] = lambda: False,
    done: Callable[[Cell], object] = lambda _: None,
) -> dict[str, str]:
    """Bring blocks through stages on the cluster that the profile names, whatever of them is not done yet.

    `stop` is asked every second; where it says so, what runs is ended, and a later call goes on from its checkpoints.
    `done` hears of each block that is finished. Returns a sentence on each block that failed, by its name.

    Raises:
        InputError: Ray is not installed, or there is no cluster.
    """
    judged = [
        block
        for block in blocks
        if block.dataset != BUNDLED and (not block.experiment or block.experiment == "reference-points")
    ]
    judges = {block.name: params.judged_by(block.dataset) for block in judged}
    with Pool(params.profile.cluster) as pool:
        driver = Driver(params, pool, done)
        if "score" in stages:
            driver.judges([name for name in sorted({*judges.values()} - {""}) if not is_trained(params, name)], stop)
        without = {name: driver.failed[judge] for name, judge in judges.items() if judge in driver.failed}
        driver.failed = dict(without)
        driver.carry_out([block for block in blocks if block.name not in without], stages, stop)
        return driver.failed


def train_judges(params: Params, names: Sequence[str]) -> None:
    """Train judges of data sets on the cluster. Raises InputError: one cannot be trained."""
    with Pool(params.profile.cluster) as pool:
        driver = Driver(params, pool)
        driver.judges(names, lambda: False)
    _refuse(driver.failed)


def stage(params: Params, blocks: Sequence[Cell], name: Stage) -> None:
    """One stage of blocks. Raises InputError: some of them failed; the others are done."""
    _refuse(carry_out(params, blocks, [name]))


def reach(params: Params) -> None:
    """Raise InputError where Ray is not installed, or nothing answers at the cluster's address."""
    require_cluster(params.profile.cluster)


def _refuse(failed: Mapping[str, str]) -> None:
    if failed:
        raise InputError("; ".join(f"{block}: {sentence.rstrip('.')}" for block, sentence in failed.items()) + ".")
