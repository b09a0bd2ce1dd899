"""The L2-SVM of the linear probe beside scikit-learn's LinearSVC: `python -m benchmarks.speed svm`.

The features are synthetic: LeakyReLU 0.2 of 512 correlated Gaussian factors of falling variance, whose means differ
between ten classes, through a random matrix, with noise and a positive shift: mostly above 0 and strongly correlated,
as pooled activations are. At the size of DCGAN's Table 1 with all labels, every C of the grid, on a GPU:

    python -m benchmarks.speed svm --device cuda --n 50000 --without-linear-svc

and with 400 labels a class, as many draws as the table needs (10 to choose C, 100 to test), at one C, on the CPU:

    python -m benchmarks.speed svm --n 4000 --draws 110 --costs 1e-3 --linear-svc-draws 1
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC
from torch import Tensor
from torch.nn.functional import leaky_relu

from replication.foundation.atomic import write_atomically
from replication.foundation.errors import InputError
from replication.foundation.provenance import environment
from replication.foundation.runtime import prepare_device
from replication.foundation.seeding import generator
from replication.metrics.linear_probe import balanced_rows
from replication.metrics.svm.fit import accuracies, fit

KINDS = 10
FACTORS = 512
GRID = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2)  # DCGAN's released code
N_TEST = 2000


@dataclass(frozen=True)
class Timing:
    """Fits of one solver: how many, their seconds, and how good they are."""

    solver: str
    fits: int  # of ten one-vs-rest machines each
    seconds: float
    cpu_seconds: float  # of all threads: what another process on the machine does not lengthen
    worst_excess: float  # objective above a lower bound of the optimum, as a share of it, of the worst machine
    mean_accuracy: float  # on N_TEST examples that were not fitted


def synthetic_features(count: int, size: int, device: str = "cpu", seed: int = 0) -> tuple[Tensor, Tensor]:
    """Features float32 [count, size] and labels int64 [count] of ten classes in turn, made by blocks."""
    stream = torch.Generator().manual_seed(seed)
    scale = 1.0 / torch.arange(1, FACTORS + 1).sqrt()
    means = 0.15 * torch.randn(KINDS, FACTORS, generator=stream) * scale
    mixing = (torch.randn(FACTORS, size, generator=stream) / scale.square().sum().sqrt()).to(device)
    labels = torch.arange(count) % KINDS
    features = torch.empty(count, size, device=device)
    for rows in torch.arange(count).split(1000):
        factors = (torch.randn(len(rows), FACTORS, generator=stream) * scale + means[labels[rows]]).to(device)
        noise = 0.5 * torch.randn(len(rows), size, generator=stream).to(device)
        features[rows[0] : rows[-1] + 1] = leaky_relu(factors @ mixing + noise + 0.5, 0.2)
    return features, labels.to(device)


def measure(
    n: int, size: int, draws: int, costs: Sequence[float], device: str, threads: int, compared: int
) -> list[Timing]:
    """Time our fits of `draws` draws of n examples at every C, and LinearSVC's of the first `compared` of them.

    With draws = 0 all of n examples are fitted once.
    """
    pool = n if draws == 0 else n + n // 4
    features, labels = synthetic_features(pool + N_TEST, size, device)
    train, test = (features[:pool], labels[:pool]), (features[pool:], labels[pool:])
    rows = torch.arange(n)[None]
    if draws:
        known = train[1].cpu().numpy()
        chosen = [balanced_rows(known, n // KINDS, generator(0, "benchmark", k)) for k in range(draws)]
        rows = torch.from_numpy(np.stack(chosen))
    start = _clock(device)
    machines = fit(*train, costs, rows, threads)
    taken = _clock(device) - start
    lower = machines.objectives - machines.gaps
    excess = (machines.gaps / lower).max().item()
    accuracy = accuracies(machines, *test).mean().item()
    ours = Timing("ours", len(rows) * len(costs), taken[0], taken[1], excess, accuracy)
    if not compared:
        return [ours]
    return [ours, _linear_svc(train, test, costs, rows[:compared], lower)]


def _linear_svc(
    train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], costs: Sequence[float], rows: Tensor, lower: Tensor
) -> Timing:
    """LinearSVC with its own defaults, as the released code calls it."""
    taken, excess, found = np.zeros(2), 0.0, []
    tested = test[0].cpu().numpy(), test[1].cpu().numpy()
    for draw, chosen in enumerate(rows):
        features, labels = train[0][chosen].cpu().numpy(), train[1][chosen].cpu().numpy()
        for index, cost in enumerate(costs):
            start = _clock("cpu")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # the excess tells how far it came
                machine = LinearSVC(C=cost, random_state=0).fit(features, labels)
            taken += _clock("cpu") - start
            weights = torch.from_numpy(np.c_[machine.coef_, machine.intercept_])
            attained = objectives(weights, torch.from_numpy(features), torch.from_numpy(labels), cost)
            best = lower[draw, index].cpu()
            excess = max(excess, ((attained - best) / best).max().item())
            found.append(machine.score(*tested))
    return Timing("LinearSVC", len(found), taken[0], taken[1], excess, float(np.mean(found)))


def objectives(weights: Tensor, features: Tensor, labels: Tensor, cost: float) -> Tensor:
    """½ (|w|² + b²) + C Σ max(0, 1 − y f)² of machines float64 [K, F + 1], class k against the rest: [K]."""
    total = 0.5 * weights.square().sum(1)
    for block, own in zip(features.split(1000), labels.split(1000), strict=True):
        signs = 2.0 * (own[:, None] == torch.arange(len(weights))) - 1.0
        scores = block.double() @ weights[:, :-1].T + weights[:, -1]
        total = total + cost * (1.0 - signs * scores).clamp_min(0.0).square().sum(0)
    return total


def _clock(device: str) -> np.ndarray:
    """Seconds on the wall and of this process's threads."""
    if device == "cuda":
        torch.cuda.synchronize()
    return np.array([time.perf_counter(), time.process_time()])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure with the sizes of the command line and print a table, or one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed svm", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--n", type=int, default=1000, help="examples of a fit, a multiple of ten")
    parser.add_argument("--features", type=int, default=28672)
    parser.add_argument("--draws", type=int, default=0, help="draws of n examples; 0 fits n examples once")
    parser.add_argument("--costs", type=float, nargs="+", default=GRID, metavar="C")
    parser.add_argument("--threads", type=int, default=2, help="of torch on the CPU")
    parser.add_argument("--linear-svc-draws", type=int, default=1, help="draws that LinearSVC fits too")
    parser.add_argument("--without-linear-svc", action="store_true")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write that object, such as into the results' folder")
    chosen = parser.parse_args(arguments)
    if chosen.n < KINDS or chosen.n % KINDS or chosen.features < 1 or min(chosen.draws, chosen.linear_svc_draws) < 0:
        raise InputError(
            f"Cannot measure {chosen.draws} draws of {chosen.n} examples with {chosen.features} features, "
            f"{chosen.linear_svc_draws} of them with LinearSVC: give a multiple of ten examples, at least one feature, "
            "and no number below 0."
        )
    prepare_device(chosen.device)
    compared = 0 if chosen.without_linear_svc else chosen.linear_svc_draws
    sizes = (chosen.n, chosen.features, chosen.draws, chosen.costs)
    hardware = {**environment(chosen.device, chosen.threads), "load_before": round(os.getloadavg()[0], 1)}
    timings = measure(*sizes, chosen.device, chosen.threads, compared)
    named = {"n": chosen.n, "features": chosen.features, "draws": chosen.draws, "costs": list(chosen.costs)}
    found = {"benchmark": "svm", **named, **hardware, "timings": [asdict(one) for one in timings]}
    if chosen.out:
        write_atomically(chosen.out, json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1) if chosen.json else _table(chosen, hardware, timings))


def _table(chosen: argparse.Namespace, hardware: dict[str, object], timings: list[Timing]) -> str:
    lines = [
        f"{chosen.n} examples, {chosen.features} features, {KINDS} classes, {chosen.draws or 'no'} draws, "
        f"C {', '.join(f'{cost:g}' for cost in chosen.costs)}",
        ", ".join(f"{name} {value}" for name, value in hardware.items()),
        f"{'solver':<12}{'fits':>6}{'seconds':>10}{'CPU s':>10}{'s a fit':>10}{'worst excess':>14}{'accuracy':>10}",
    ]
    for one in timings:
        each = one.seconds / one.fits
        row = f"{one.solver:<12}{one.fits:>6}{one.seconds:>10.2f}{one.cpu_seconds:>10.2f}{each:>10.3f}"
        lines.append(f"{row}{one.worst_excess:>14.1e}{one.mean_accuracy:>10.4f}")
    return "\n".join(lines)
