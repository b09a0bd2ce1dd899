"""Train, score and pack cells, in limited time if need be: `python -m replication.run CELL… [--minutes M]`.

Cells of one profile, in force or not, are trained in the order named; experiments, which train nothing, are only
scored. Each is scored in a second process while the next trains, and with `--pack DIR` packed into
`DIR/<block>.tar.gz`, which `python -m replication.record` takes in elsewhere; `--weights` adds the networks of the last
step, which `replication.load` reads. Data sets and judges that the cells need and that are absent are made first, and
so are data sets of which a raw file changed; raw files must be in place. `--device D` and `--seeds S` name a block as
for `replication.train`. DVC, Git and uv are not needed.

With `--runner ray` the work goes to a Ray cluster (`--address`, `--shared`, `--unit-seeds`, `--unit-cpus`; `runner` and
`cluster` of the profile say the same), cut into units of seeds, and the outputs are those of a local run.

Called again, the command goes on: what is done under the same key is kept. With `--minutes M`, or on SIGTERM, it stops
and leaves with status 75. A training stops at a checkpoint at the end of the stretch that is running: one piece of
every seed (`replication.training.pieces`: 50 units of the loop on a processor), or as many pieces as take about two
seconds, and the measuring of a stopping rule where one is due; compiling counts as part of the first. Whatever else is
running (data, a judge, a scoring) is ended at once and begun anew by the next call, so M must be longer than the
longest scoring. The limit counts from when the command's imports are done.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch

from replication.config.blocks import add_block_options, block_of, device_of
from replication.config.cluster import add_cluster_options, cluster_stages, with_cluster_options
from replication.config.params import BUNDLED, Cell, Params, load_params
from replication.data.listing import is_as_listed
from replication.data.writing import is_prepared
from replication.experiment import is_measured, run_experiment
from replication.foundation.capacity import require_place
from replication.foundation.child import Child, Cut, what_failed
from replication.foundation.command import exit_clearly
from replication.foundation.errors import InputError, Stopped
from replication.foundation.places import DATA, RAW
from replication.foundation.printable import printable
from replication.foundation.runtime import prepare_device
from replication.judge import train_judge
from replication.prepare import prepare_and_list
from replication.record import pack_blocks
from replication.score import is_scored, score_cell
from replication.scoring.classifier import is_trained
from replication.scoring.probe import probed_data
from replication.scoring.requirements import require_cell
from replication.train import train_cell

TIME_IS_UP = 75  # EX_TEMPFAIL: the same command goes on
Pack = Callable[[Cell], None]  # what packs a block


@dataclass
class Progress:
    """What became of each block, and when to stop."""

    stop: threading.Event
    deadline: float = float("inf")  # of the monotonic clock
    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)  # block → where it stopped

    def is_over(self, *_: int) -> bool:
        """Whether to stop now: the time is up, or a signal came."""
        return self.stop.is_set() or time.monotonic() >= self.deadline

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Note how a step of a block ended, if not well; what is wrong with one does not stop the others."""
        try:
            yield
        except Stopped as pause:
            self.left[name] = str(pause)
        except Exception as error:
            self.failed[name] = what_failed(error)


def run(params: Params, blocks: Sequence[Cell], progress: Progress, pack: Pack) -> None:
    """Train, score and pack blocks of the profile in force."""
    waiting: list[Cell] = []
    futures: dict[str, Future[None]] = {}
    with Child() as child, ThreadPoolExecutor(1) as scoring:
        try:
            for cell in blocks:
                with progress.of(cell.name):
                    _make_ready(params, cell, child, progress)
                    waiting.append(cell)
            for cell in waiting:
                with progress.of(cell.name):
                    if not cell.experiment:
                        _train(params, cell, progress)
                    futures[cell.name] = scoring.submit(_score_and_pack, params, cell, child, progress, pack)
            for name, future in futures.items():
                with progress.of(name):
                    future.result()
                    progress.done.append(name)
        except BaseException:
            progress.stop.set()  # ends the scoring that runs beside
            raise


def run_on_cluster(params: Params, blocks: Sequence[Cell], progress: Progress, pack: Pack) -> None:
    """As `run`, but what is trained and scored is so on the cluster that the profile names."""
    cluster_stages().reach(params)  # before data are prepared
    ready: list[Cell] = []
    with Child() as child:
        for cell in blocks:
            with progress.of(cell.name):
                _make_ready(params, cell, child, progress)
                ready.append(cell)

    def finish(cell: Cell) -> None:
        with progress.of(cell.name):
            pack(cell)
            progress.done.append(cell.name)

    progress.failed |= cluster_stages().carry_out(params, ready, ["train", "score"], progress.is_over, finish)


def _make_ready(params: Params, cell: Cell, child: Child, progress: Progress) -> None:
    """Make data and judge that a cell needs and lacks, and look for all else; on a cluster judges are trained there."""
    local = params.profile.runner == "local"
    if local:
        prepare_device(device_of(params, cell))
    judged = not cell.experiment or cell.experiment == "reference-points"
    judge = params.judged_by(cell.dataset) if judged and cell.dataset != BUNDLED else ""
    for name in {cell.dataset, *probed_data(cell), judge} - {BUNDLED, ""}:
        options = params.datasets[name]
        if not (is_prepared(options, DATA / name) and is_as_listed(options, RAW)):
            _step(name, "prepared", partial(child.call, progress.is_over, prepare_and_list, options))
    require_cell(params, cell)
    if local and judge and not is_trained(params, judge):
        what = f"judge of {judge}"
        _step(what, "trained", lambda: child.call(progress.is_over, train_judge, params, judge))


def _train(params: Params, cell: Cell, progress: Progress) -> None:
    if progress.is_over():
        raise Cut("not begun")
    _step(cell.name, f"trained on {device_of(params, cell)}", lambda: train_cell(params, cell, progress.is_over))
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()  # for the process that scores


def _score_and_pack(params: Params, cell: Cell, child: Child, progress: Progress, pack: Pack) -> None:
    done, score = (is_measured, run_experiment) if cell.experiment else (is_scored, score_cell)
    if done(params, cell):
        print(f"{cell.name}: kept, scored before", flush=True)
    else:
        _step(cell.name, "scored", lambda: child.call(progress.is_over, score, params, cell))
    pack(cell)


def _pack(folder: Path | None, weights: bool, cell: Cell) -> None:
    """Pack a block into a folder, if one is named, with its last networks where `weights` says so."""
    if folder is None:
        return
    target = folder / f"{cell.name}.tar.gz"
    before = target.read_bytes() if target.is_file() else b""
    pack_blocks([cell], target, weights=weights)
    outcome = "kept, packed before" if target.read_bytes() == before else f"packed into {target}"
    print(f"{cell.name}: {outcome}", flush=True)


def _step(name: str, what: str, action: Callable[[], object]) -> None:
    """Do something and print one line on it; what says that nothing was to be done was kept."""
    began = time.monotonic()
    happened = action() is not False
    seconds = time.monotonic() - began
    print(f"{name}: {what} in {seconds:.0f} s" if happened else f"{name}: kept, {what} before", flush=True)


def chosen_blocks(params: Params, keys: Sequence[str], device: str, seeds: str) -> tuple[Params, list[Cell]]:
    """The parameters with the cells' profile in force, and the block of each; InputError where no profile has all."""
    profiles = (params.profile, *params.profiles.values())
    fitting = next((profile for profile in profiles if set(keys) <= set(profile.scored)), params.profile)
    params = replace(params, profile=fitting)
    chosen = [block_of(params, params.cell(key), device, seeds) for key in dict.fromkeys(keys)]
    return chosen[0][0], [cell for _, cell in chosen]


def summary(progress: Progress, blocks: Sequence[Cell]) -> tuple[list[str], int]:
    """What is said at the end, a sentence each, and the exit status."""
    sentences = [f"{name} failed: {sentence}" for name, sentence in progress.failed.items()]
    begun = [f"{name} ({where})" for name, where in progress.left.items()]
    known = {*progress.done, *progress.failed, *progress.left}
    if left := begun + [cell.name for cell in blocks if cell.name not in known]:
        done = ", ".join(progress.done) or "nothing"
        sentences.append(f"Stopped: {done} is done; the same command goes on with {', '.join(left)}.")
    return sentences, TIME_IS_UP if left else 2 if progress.failed else 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the cells that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m replication.run", description="Train, score and pack cells.")
    parser.add_argument("cells", nargs="+", metavar="CELL", help="a cell or an experiment of one profile")
    parser.add_argument("--minutes", type=float, default=float("inf"), metavar="M", help="stop after so many minutes")
    parser.add_argument("--pack", type=Path, metavar="DIR", help="where each scored cell is packed")
    parser.add_argument("--weights", action="store_true", help="pack the networks of the last step too")
    add_block_options(parser)
    add_cluster_options(parser)
    asked = parser.parse_args(arguments)
    if not asked.minutes >= 0:  # NaN is not
        parser.error("--minutes is a number of at least 0")
    if asked.weights and asked.pack is None:
        raise InputError("--weights says what is packed: name a folder with --pack DIR too.")
    if asked.pack is not None:
        require_place(asked.pack / "block", f"--pack {asked.pack}")
    progress = Progress(threading.Event(), time.monotonic() + 60 * asked.minutes)
    signal.signal(signal.SIGTERM, lambda *_: progress.stop.set())
    params, blocks = chosen_blocks(load_params(), asked.cells, asked.device, asked.seeds)
    params = with_cluster_options(params, asked)
    carry = run_on_cluster if params.profile.runner == "ray" else run
    carry(params, blocks, progress, partial(_pack, asked.pack, asked.weights))
    sentences, status = summary(progress, blocks)
    for sentence in sentences:
        print(printable(sentence), file=sys.stderr, flush=True)
    if status:
        raise SystemExit(status)


if __name__ == "__main__":
    exit_clearly(main)
