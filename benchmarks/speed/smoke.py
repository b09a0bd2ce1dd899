"""A minute that says whether a device computes rightly, and how fast: `python -m benchmarks.speed smoke --device cuda`.

Numbers are checked first: captured units against eager ones, L1 distances against their definition, samples of many
batches at once against one batch after another. Then units are timed. Random images stand for MNIST. The status is 1
where a number is wrong, never where something is slow. It stops after `--limit` seconds, and says what it left out.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from threading import Timer
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.speed.arms import Ours, length_of_round
from benchmarks.speed.cases import Work
from benchmarks.speed.counting import clock
from replication.config.params import Params, load_params
from replication.foundation.runtime import prepare_device
from replication.foundation.seeding import generator
from replication.models import load
from replication.models.layers.minibatch import SELF, MinibatchDiscrimination, MinibatchForm
from replication.models.layers.networks import Networks
from replication.scoring.quick_generators import batch_by_batch
from replication.training.initialise import Samples
from replication.training.sampling import draw_samples
from replication.training.schedule import SIDES
from replication.training.state import initial_state
from replication.training.trainer import seed_trainings

RECIPES = (("dcgan", "mnist-conditional"), ("gan", "mnist"), ("deligan", "mnist"), ("improved_gan", "mnist-100"))
SHAPE, CLASSES, IMAGES = (1, 28, 28), 10, 1000
UNITS = {"cpu": 1, "cuda": 8}  # compared: a game amplifies, from unit to unit, what two kernels round differently
SECONDS = {"cpu": 1e-3, "cuda": 0.4}  # of a timing, at least
SEEDS = (1, 5)
FORMS: tuple[MinibatchForm, ...] = ("paper", "code", "normalised")


class Task(NamedTuple):
    """A check, which finds a difference that is at most `allowed`; or a timing, in milliseconds a unit of all seeds."""

    name: str
    measure: Callable[[], float]
    allowed: float | None = None


def tasks_of(works: Sequence[Work], device: str, threads: int) -> list[Task]:
    """Everything that the smoke check does, in order."""
    drawn = next(work for work in works if work.build().generator.conditional)
    checks = [
        *(Task(f"{work.title}: captured", partial(captured_difference, work, device), 1.0) for work in works),
        Task("L1 distances as differences", partial(distance_difference, device), 1e-4),
        *(Task(f"minibatch layer, {form}", partial(layer_difference, form, device), 1e-4) for form in FORMS),
        Task(f"{drawn.title}: batches at once", partial(batches_difference, drawn, device), 1e-4),
    ]
    timings = []
    for work in works:
        for precision in dict.fromkeys(("float32", work.recipe.precision)):
            timed = with_precision(work, precision)
            for count in SEEDS:
                name = f"{work.title}: {count} seed{'s' * (count > 1)}, {precision}"
                timings.append(Task(name, partial(unit_milliseconds, timed, count, device, threads)))
    return [*checks, *timings]


def work_of(model: str, name: str, params: Params) -> Work:
    """The recipe as released, on random images of MNIST's shape."""
    recipe, networks = params.recipe(model, name, "code"), load(model)
    images = generator(0, "benchmark").integers(0, 256, (IMAGES, *SHAPE), dtype=np.uint8)
    data = Samples(torch.from_numpy(images), torch.arange(IMAGES) % CLASSES)

    def build() -> Networks:
        return networks.build(recipe.network, recipe.prior, recipe.latent_dim, SHAPE, CLASSES)

    return Work(model, f"{model} {name}", recipe, build, data, "random uint8 images")


def with_precision(work: Work, precision: str) -> Work:
    """The same work, computed in another precision."""
    return replace(work, recipe=replace(work.recipe, precision=precision))


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
    (eager, path), *others = (_trained(with_precision(work, "float32"), *way, device) for way in ways)
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


def distance_difference(device: str) -> float:
    """L1 distances [kernels, B, B] and their gradient, from differences against `torch.cdist`."""
    rows = _normal((50, 100, 5), device).requires_grad_()
    weights = _normal((50, 100, 100), device)
    differences = (rows[:, :, None] - rows[:, None]).abs().sum(3)
    distances = torch.cdist(rows, rows, p=1.0)
    slopes = [torch.autograd.grad((found * weights).sum(), rows)[0] for found in (differences, distances)]
    return max(_difference(differences, distances), _difference(slopes[0], slopes[1]))


def layer_difference(form: MinibatchForm, device: str) -> float:
    """What the layer adds to its features, and the gradients of both, against `torch.cdist` and the layer's formula."""
    torch.manual_seed(0)
    layer = MinibatchDiscrimination(200, 50, 5, form).to(device)
    features = (0.3 * _normal((100, 200), device)).requires_grad_()
    rows = torch.einsum("bf,fkd->kbd", features, layer.derived())
    distance = torch.cdist(rows, rows, p=1.0)
    if form == "code":
        others = distance + SELF * torch.eye(100, device=device)
        expected = torch.exp(-others).sum(2) + layer.bias[:, None]
    else:
        expected = torch.exp(-distance).sum(2)
    if form == "normalised":
        expected = expected / torch.exp(-distance).sum()
    found, weights = layer(features)[:, 200:], _normal((100, 50), device)
    slopes = [torch.autograd.grad((o * weights).sum(), (features, layer.direction)) for o in (found, expected.T)]
    return max(_difference(found, expected.T), *(_difference(*pair) for pair in zip(*slopes, strict=True)))


def batches_difference(work: Work, device: str) -> float:
    """Samples of several batches at once, each under its own statistics, against one batch after another."""
    recipe = work.recipe
    torch.manual_seed(0)
    apart = work.build().generator.to(device)
    together, count = batch_by_batch(apart, recipe.batch), 4 * recipe.batch
    expected = draw_samples(apart, recipe, recipe.noise, 0, "smoke", count, CLASSES)
    return _difference(draw_samples(together, recipe, recipe.noise, 0, "smoke", count, CLASSES, together=3), expected)


def unit_milliseconds(work: Work, seeds: int, device: str, threads: int) -> float:
    """Milliseconds of a unit of so many seeds at once, warmed up."""
    arm = Ours(work, range(seeds), device, threads)
    units = length_of_round(arm.run, SECONDS[device])
    return 1000 * arm.run(units) / units


class Record:
    """Prints each result as it comes, and knows what is left."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._left, self.wrong = [task.name for task in tasks], False
        self._width = max(map(len, self._left))

    def run(self, task: Task) -> None:
        """Do it; an error in a check is a wrong number, one in a timing is shown."""
        try:
            with strict_arithmetic() if task.allowed is not None else torch.enable_grad():
                value = task.measure()
        except Exception as error:  # whatever a device may say: the rest is measured all the same
            said, good = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"[:200], task.allowed is None
        else:
            good = task.allowed is None or value <= task.allowed  # not a number is not
            said = f"{value:9.3f} ms" if task.allowed is None else f"{value:9.1e} of {task.allowed:g} allowed"
        self.wrong = self.wrong or not good
        self._left.remove(task.name)
        print(f"{task.name.ljust(self._width)}  {said}{'' if good else '  WRONG'}", flush=True)

    def stop(self) -> None:
        """The end, whatever is being computed."""
        print(f"time is up; left out: {'; '.join(self._left)}", flush=True)
        os._exit(int(self.wrong))


def main(arguments: Sequence[str]) -> None:
    """Run the smoke check of the command line; raises SystemExit 1 where a number is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed smoke", description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=2, help="that seeds train on, on a CPU (default: 2)")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds (default: 60)")
    chosen = parser.parse_args(arguments)
    device, params = prepare_device(chosen.device, training=True), load_params()
    tasks = tasks_of([work_of(model, name, params) for model, name in RECIPES], device, chosen.threads)
    record = Record(tasks)
    watch = Timer(chosen.limit, record.stop)
    watch.daemon = True
    watch.start()
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    print(f"{name}, torch {torch.__version__}; {UNITS[device]} units compared; milliseconds are a unit of all seeds")
    for task in tasks:
        record.run(task)
    watch.cancel()
    sys.exit(int(record.wrong))


def _normal(shape: Sequence[int], device: str) -> Tensor:
    return torch.from_numpy(generator(0, "smoke").standard_normal(tuple(shape), np.float32)).to(device)


def _difference(found: Tensor, expected: Tensor) -> float:
    """The largest difference as a share of the largest value."""
    return float(((found - expected).abs().max() / expected.abs().max()).detach())
