"""Stages of the pipeline on a cluster: what `run`, `judge`, `train`, `score` and `experiment` call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from replication.cluster.driver import Driver
from replication.cluster.pool import Pool
from replication.cluster.units import Stage
from replication.config.params import BUNDLED, Cell, Params
from replication.foundation.errors import InputError
from replication.scoring.classifier import is_trained as is_judge_trained


def carry_out(
    params: Params,
    blocks: Sequence[Cell],
    stages: Sequence[Stage],
    stop: Callable[[], bool] = lambda: False,
    done: Callable[[Cell], object] = lambda _: None,
) -> dict[str, str]:
    """Bring blocks through stages on the cluster that the profile names, whatever of them is not done yet.

    Args:
        stop: asked every second; where it says so, what runs is ended, and a later call goes on from its checkpoints.
        done: hears of each block that is finished.

    Returns:
        A sentence on each block that failed, by its name.

    Raises:
        InputError: Ray is not installed, there is no cluster, or a judge could not be trained.
    """
    with Pool(params.profile.cluster) as pool:
        driver = Driver(params, pool, done)
        if "score" in stages:
            driver.judges(_judges(params, blocks), stop)
        driver.carry_out(blocks, stages, stop)
        return driver.failed


def train_judges(params: Params, names: Sequence[str]) -> None:
    """Train judges of data sets on the cluster.

    Raises:
        InputError: one cannot be trained.
    """
    with Pool(params.profile.cluster) as pool:
        Driver(params, pool).judges(names, lambda: False)


def stage(params: Params, blocks: Sequence[Cell], name: Stage) -> None:
    """One stage of blocks, as a stage of the pipeline calls it.

    Raises:
        InputError: some of them failed; the others are done.
    """
    failed = carry_out(params, blocks, [name])
    if failed:
        raise InputError("; ".join(f"{block}: {sentence.rstrip('.')}" for block, sentence in failed.items()) + ".")


def _judges(params: Params, blocks: Sequence[Cell]) -> list[str]:
    """Data sets whose judges the blocks are scored by, and which have none yet."""
    names = {params.judged_by(cell.dataset) for cell in blocks if cell.dataset != BUNDLED} - {""}
    return [name for name in sorted(names) if not is_judge_trained(params, name)]
