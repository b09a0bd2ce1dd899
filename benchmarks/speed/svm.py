"""The L2-SVM of the linear probe beside scikit-learn's LinearSVC: `python -m benchmarks.speed svm`.

The features are synthetic: LeakyReLU 0.2 of 512 correlated Gaussian factors of falling variance, whose means differ
between ten classes, through a random matrix, with noise and a positive shift: mostly above 0 and strongly correlated,
as pooled activations are. At the size of DCGAN's Table 1 with all labels, every C of the grid, on a GPU:

    python -m benchmarks.speed svm --device cuda --n 50000 --linear-svc-draws 0

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
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC
from torch import Tensor
from torch.nn.functional import leaky_relu

from benchmarks.speed.counting import clock
from replication.foundation.atomic import write_atomically
from replication.foundation.errors import InputError
from replication.foundation.provenance import environment
from replication.foundation.runtime import prepare_device
from replication.foundation.seeding import generator
from replication.metrics.linear_probe import balanced_rows
from replication.metrics.svm.fit import accuracies, fit
from replication.table.speed import SvmTiming

KINDS = 10
FACTORS = 512
GRID = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2)  # DCGAN's released code
N_TEST = 2000


def synthetic_features(count: int, size: int, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Features float32 [count, size] and labels int64 [count] of ten classes in turn, made by blocks."""
    stream = torch.Generator().manual_seed(0)
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
) -> list[SvmTiming]:
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
    start = _clocks(device)
    machines = fit(*train, costs, rows, threads)
    elapsed = _clocks(device) - start
    lower = machines.objectives - machines.gaps
    excess = (machines.gaps / lower).max().item()
    accuracy = accuracies(machines, *test).mean().item()
    ours = SvmTiming("ours", len(rows) * len(costs), elapsed[0], elapsed[1], excess, accuracy)
    if not compared:
        return [ours]
    return [ours, _linear_svc(train, test, costs, rows[:compared], lower)]


def _linear_svc(
    train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], costs: Sequence[float], rows: Tensor, lower: Tensor
) -> SvmTiming:
    """LinearSVC with its own defaults, as the released code calls it."""
    elapsed, excess, scores = np.zeros(2), 0.0, []
    tested = test[0].cpu().numpy(), test[1].cpu().numpy()
    for draw, chosen in enumerate(rows):
        features, labels = train[0][chosen].cpu().numpy(), train[1][chosen].cpu().numpy()
        for index, cost in enumerate(costs):
            start = _clocks("cpu")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # the excess tells how far it came
                machine = LinearSVC(C=cost, random_state=0).fit(features, labels)
            elapsed += _clocks("cpu") - start
            weights = torch.from_numpy(np.c_[machine.coef_, machine.intercept_])
            attained = objectives(weights, torch.from_numpy(features), torch.from_numpy(labels), cost)
            best = lower[draw, index].cpu()
            excess = max(excess, ((attained - best) / best).max().item())
            scores.append(machine.score(*tested))
    return SvmTiming("LinearSVC", len(scores), elapsed[0], elapsed[1], excess, float(np.mean(scores)))


def objectives(weights: Tensor, features: Tensor, labels: Tensor, cost: float) -> Tensor:
    """½ (|w|² + b²) + C Σ max(0, 1 − y f)² of machines float64 [K, F + 1], class k against the rest: [K]."""
    total = 0.5 * weights.square().sum(1)
    for block, of_block in zip(features.split(1000), labels.split(1000), strict=True):
        signs = 2.0 * (of_block[:, None] == torch.arange(len(weights))) - 1.0
        scores = block.double() @ weights[:, :-1].T + weights[:, -1]
        total = total + cost * (1.0 - signs * scores).clamp_min(0.0).square().sum(0)
    return total


def _clocks(device: str) -> np.ndarray:
    """Seconds on the wall and of this process's threads."""
    return np.array([clock(device), time.process_time()])


def main(arguments: Sequence[str]) -> None:
    """Measure with the sizes of the command line and print a table, or one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed svm", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--n", type=int, default=1000, help="examples of a fit, a multiple of ten")
    parser.add_argument("--features", type=int, default=28672)
    parser.add_argument("--draws", type=int, default=0, help="draws of n examples; 0 fits n examples once")
    parser.add_argument("--costs", type=float, nargs="+", default=GRID, metavar="C")
    parser.add_argument("--threads", type=int, default=2, help="of torch on the CPU")
    parser.add_argument("--linear-svc-draws", type=int, default=1, help="draws that LinearSVC fits too; 0: none")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write that object, such as into the results' folder")
    options = parser.parse_args(arguments)
    compared, sizes = options.linear_svc_draws, (options.n, options.features, options.draws)
    if options.n < KINDS or options.n % KINDS or options.features < 1 or min(options.draws, compared) < 0:
        raise InputError(
            f"Cannot measure {options.draws} draws of {options.n} examples with {options.features} features, "
            f"{compared} of them with LinearSVC: give a multiple of ten examples, at least one feature, and no number "
            "below 0."
        )
    prepare_device(options.device)
    hardware = {**environment(options.device, options.threads), "load_before": round(os.getloadavg()[0], 1)}
    timings = [asdict(timing) for timing in measure(*sizes, options.costs, options.device, options.threads, compared)]
    named = {"n": options.n, "features": options.features, "draws": options.draws, "costs": list(options.costs)}
    results = {"benchmark": "svm", **named, **hardware, "timings": timings}
    if options.out:
        write_atomically(options.out, json.dumps(results, indent=1) + "\n")
    table = pd.DataFrame(timings).to_string(index=False)
    print(json.dumps(results, indent=1) if options.json else f"{named}\n{hardware}\n{table}")
