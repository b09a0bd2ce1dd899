"""A minute that says whether a device computes rightly: `python -m benchmarks.speed smoke --device cuda`.

Captured units are compared with eager ones, and samples of many batches at once with one batch after another. Random
images stand for MNIST. The status is 1 where a number is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from benchmarks.speed.cases import Case, Work, prepare_case
from benchmarks.speed.counting import clock
from replication.config.params import load_params
from replication.foundation.runtime import prepare_device
from replication.scoring.quick_generators import batch_by_batch
from replication.training.sampling import draw_samples
from replication.training.schedule import SIDES
from replication.training.state import initial_state
from replication.training.trainer import seed_trainings

CASES = {
    "mnist-conditional": Case("dcgan", "mnist-conditional", "mnist", 1000, "code"),
    "gan-mnist": Case("gan", "mnist", "mnist", 1000, "code"),
    "deligan-mnist": Case("deligan", "mnist", "mnist", 1000, "code"),
    "improved-mnist": Case("improved_gan", "mnist-100", "mnist", 1000, "code"),
}
CLASSES = 10
UNITS = {"cpu": 1, "cuda": 8}  # compared: a game amplifies, from unit to unit, what two kernels round differently


@contextmanager
def strict_arithmetic() -> Iterator[None]:
    """No TF32, no search for algorithms, and none that gives other bits at another call."""
    cudnn = torch.backends.cudnn
    before = cudnn.benchmark, cudnn.deterministic
    torch.backends.cuda.matmul.allow_tf32 = cudnn.allow_tf32 = False
    cudnn.benchmark, cudnn.deterministic = False, True
    try:
        yield
    finally:
        cudnn.benchmark, cudnn.deterministic = before


def captured_difference(work: Work, device: str) -> float:
    """How far captured units are from eager ones, in losses and in how weights moved, as a share of what is allowed.

    Allowed is ten times what a change of all weights by 1e-6 makes of eager units (a loss near a threshold may decide
    otherwise for a last digit), at least a thousandth of a loss and a hundredth of the way that weights moved.
    """
    ways = (("reference", 0.0), ("reference", 1e-6), ("captured", 0.0))
    (eager, path), *others = (
        _trained(replace(work, recipe=replace(work.recipe, precision="float32")), *way, device) for way in ways
    )
    far, off = zip(*(((loss - eager).abs().amax(dim=1), (moved - path).norm()) for loss, moved in others), strict=True)
    of_losses = far[1] / (10 * far[0].cummax(dim=0).values).maximum(1e-3 * eager.abs().amax(dim=1))
    return float(torch.maximum(of_losses.max(), off[1] / (10 * off[0]).maximum(0.01 * path.norm())))


def _trained(work: Work, way: str, change: float, device: str) -> tuple[Tensor, Tensor]:
    """Losses [units, 2] of seed 0, its weights first multiplied by 1 + `change` · N(0, 1), and how these moved."""
    state, stream = initial_state(work.build, work.recipe, (0,), work.data), torch.Generator().manual_seed(0)
    weights = [name for name, t in state.items() if name.startswith(SIDES) and t.is_floating_point()]
    for name in weights if change else ():
        state[name] *= 1 + change * torch.randn(state[name].shape, generator=stream)
    before = torch.cat([state[name].flatten() for name in weights])
    (seed,) = seed_trainings(way, work.build, work.recipe, (0,), work.data, device, state)
    clock(device)  # waits: a seed reads on a stream of its own what was copied on another
    losses = seed.advance(0, UNITS[device]).losses.reshape(-1, 2)  # of seeds that share a graph, one is there
    seed.keep()
    clock(device)
    return losses.cpu(), torch.cat([state[name].cpu().flatten() for name in weights]) - before


def batches_difference(work: Work, device: str) -> float:
    """Samples of several batches at once, each under its own statistics, against one batch after another."""
    recipe = work.recipe
    torch.manual_seed(0)
    apart = work.build().generator.to(device)
    together, count = batch_by_batch(apart, recipe.batch), 4 * recipe.batch
    expected = draw_samples(apart, recipe, recipe.noise, 0, "smoke", count, CLASSES)[0]
    drawn = draw_samples(together, recipe, recipe.noise, 0, "smoke", count, CLASSES, together=3)[0]
    return float(((drawn - expected).abs().max() / expected.abs().max()).detach())


def check(name: str, difference: Callable[[], float], allowed: float) -> bool:
    """Measure a difference, print it, and say whether it is allowed; an error, or no number, is not."""
    try:
        with strict_arithmetic():
            value = difference()
        right, result = value <= allowed, f"{value:9.1e} of {allowed:g} allowed"
    except Exception as error:  # whatever a device may say: the rest is checked all the same
        right, result = False, f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"[:200]
    print(f"{name:50}  {result}{'' if right else '  WRONG'}", flush=True)
    return right


def main(arguments: Sequence[str]) -> None:
    """Run the smoke check of the command line; raises SystemExit 1 where a number is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed smoke", description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    device, params = prepare_device(parser.parse_args(arguments).device, training=True), load_params()
    works = [prepare_case(name, params, cases=CASES) for name in CASES]
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    print(f"{name}, torch {torch.__version__}; {UNITS[device]} units compared")
    right = [check(f"{work.title}: captured", partial(captured_difference, work, device), 1.0) for work in works]
    right.append(check("batches at once", partial(batches_difference, works[0], device), 1e-4))
    sys.exit(int(not all(right)))
