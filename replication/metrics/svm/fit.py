"""The L2-SVM of the papers' probes: scikit-learn's `LinearSVC` on large dense features, on the CPU or on a GPU.

Per class against the rest ½ (|w|² + b²) + C Σ max(0, 1 − y (w·x + b))²: the squared hinge, with a penalised intercept.
Solved in the dual on a Gram matrix where examples are few, else in the primal on streamed features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from tqdm import tqdm

from replication.foundation.errors import InputError
from replication.foundation.runtime import side_by_side
from replication.metrics.svm.dual import RANK, duality_gap, gram_matrix, solve_dual, spectrum
from replication.metrics.svm.primal import StreamedFeatures, leading_directions, solve_primal
from replication.metrics.svm.steps import slack

EXCESS = 1e-4  # of the optimum, at most: what a fit guarantees
TOLERANCE = EXCESS / 20  # what the solvers stop at: it costs little more, and few predictions change below it
GRAM_ROWS = 20_000  # from which on no Gram matrix is made
FEW_ROWS = 1000  # up to which a Gram matrix is cheap whatever the number of features
DOUBLE = 1 << 20  # values of a fit's features up to which it is done in float64
CHUNK = 1 << 27  # values that the draws solved at once may take
TEST_ROWS = 2000  # scored at once
Parts = tuple[Tensor, Tensor, Tensor]  # weights [D, C, K, F + 1], objectives and gaps [D, C, K]


@dataclass(frozen=True)
class Machines:
    """Of D draws at every C: weights [D, C, K, F + 1], intercept last; objectives at most `gaps` above the optimum."""

    weights: Tensor
    classes: Tensor
    objectives: Tensor
    gaps: Tensor


def fit(
    features: Tensor, labels: Tensor, costs: Sequence[float], rows: Tensor | None = None, threads: int = 1
) -> Machines:
    """The L2-SVM at every C of `costs`, on each draw of examples `rows` int64 [D, n], or once on all of them.

    `features` are float16, float32 or float64 [N, F] and `labels` integers [N] on the features' device. No objective is
    more than EXCESS of the optimum above it. A solution is where the search at the next C starts. On the CPU `threads`
    draws, or blocks of one large problem, are computed side by side, which does not change what they give.

    Raises:
        InputError: features that are not finite, fewer than two classes, shapes that do not fit, a C not above 0, or
            features of a size that the solver's precision does not reach.
    """
    check_finite(features)
    threads = threads if features.device.type == "cpu" else 1
    classes, index = labels.unique(return_inverse=True)
    draws = torch.arange(len(labels), device=labels.device)[None] if rows is None else rows.to(labels.device)
    count = draws.shape[1]
    for draw in draws:
        if draw.numel() < 2 or (labels[draw] == labels[draw[0]]).all():
            raise InputError("An L2-SVM was asked for on examples of one class only; give it labels of two or more.")
    problem = features, index, len(classes), costs
    if count < GRAM_ROWS and count <= max(features.shape[1], FEW_ROWS):
        # As many draws at once as memory takes: their features, Gram matrices and preconditioners.
        together = CHUNK // (count * max(features.shape[1], count, len(classes) * min(RANK, count)))
        solved = _solve_all(partial(_fit_dual, *problem), list(draws.split(max(together, 1))), threads)
    else:
        solved = _solve_all(partial(_fit_primal, *problem, threads), list(draws), 1)
    weights, objectives, gaps = (torch.cat(each) for each in zip(*solved, strict=True))
    worst = (gaps / objectives).amax()
    if not worst <= EXCESS:
        raise InputError(
            f"An L2-SVM stopped {worst:.1e} of its objective above the optimum, more than {EXCESS:.0e}, with features "
            f"up to {features.abs().amax():.3g} and C up to {max(costs):.3g}: divide the features by a constant, or "
            "take a smaller C."
        )
    return Machines(weights, classes, objectives, gaps)


def accuracies(machines: Machines, features: Tensor, labels: Tensor, threads: int = 1) -> Tensor:
    """The share of examples whose class has the highest score, of every draw and C: float64 [D, C]."""
    dtype = machines.weights.dtype
    draws, costs, kinds, size = machines.weights.shape
    flat = machines.weights.reshape(-1, size)

    def hits(start: int) -> Tensor:
        block = features[start : start + TEST_ROWS].to(dtype)
        scores = torch.addmm(flat[:, -1], block, flat[:, :-1].T)  # [B, D C K]
        predicted = machines.classes[scores.view(len(block), draws, costs, kinds).argmax(-1)]
        return (predicted == labels[start : start + TEST_ROWS, None, None]).sum(0)

    blocks, threads = range(0, len(features), TEST_ROWS), threads if features.device.type == "cpu" else 1
    return torch.stack(side_by_side(hits, blocks, threads)).sum(0).double() / len(labels)


def check_finite(features: Tensor) -> None:
    """Raise InputError where features [n, F] hold NaN or infinity."""
    for start in range(0, len(features), TEST_ROWS):
        if not torch.stack(features[start : start + TEST_ROWS].aminmax()).isfinite().all():  # NaN is both
            raise InputError(
                f"Features hold NaN or infinity between rows {start} and {start + TEST_ROWS}, and an L2-SVM takes "
                "finite numbers: look at the network that they come from."
            )


def _fit_dual(features: Tensor, index: Tensor, kinds: int, costs: Sequence[float], draws: Tensor) -> Parts:
    """The machines of draws [D, n], all of them at once."""
    signs = _signs(index[draws], kinds)  # [D, K, n]
    small = draws.shape[1] * features.shape[1] <= DOUBLE
    solution: Parts | None = None
    for dtype in (torch.float64,) if small else (torch.float32, torch.float64):
        rows = features[draws.flatten()].to(dtype).view(*draws.shape, -1)  # [D, n, F]
        gram = gram_matrix(rows).double()  # sums of its large values cancel: float32 loses the solution among them
        leading, alpha, parts = spectrum(gram), None, []
        for cost in costs:
            alpha = solve_dual(gram, signs.double(), cost, leading, alpha, TOLERANCE)
            parts.append(_certified(rows, signs.to(dtype), alpha.to(dtype), cost))
        weights, objectives, gaps = (torch.stack(each, dim=1) for each in zip(*parts, strict=True))
        solution = weights.float(), objectives, gaps
        if (gaps <= EXCESS * objectives).all():
            break  # else rounding kept float32 from it
    assert solution is not None
    return solution


def _certified(rows: Tensor, signs: Tensor, alpha: Tensor, cost: float) -> Parts:
    """The machines of a dual solution at one C, with their objective and duality gap on the features themselves."""
    signed = signs * alpha
    weights, intercept = signed @ rows, signed.sum(-1, keepdim=True)
    scores = (weights @ rows.mT + intercept).double()
    gaps = duality_gap(alpha.double(), signs.double(), scores, cost)
    whole = torch.cat([weights, intercept], dim=-1)
    loss = cost * slack(scores, signs.double()).square().sum(-1)
    return whole, 0.5 * whole.double().square().sum(-1) + loss, gaps


def _fit_primal(
    features: Tensor, index: Tensor, kinds: int, costs: Sequence[float], threads: int, draw: Tensor
) -> Parts:
    """The machines of one draw [n]. Where it is most of the examples the others are held out in place."""
    keep = features.new_zeros(len(index), dtype=torch.float32).index_fill(0, draw, 1.0)
    if 2 * len(draw) < len(index):
        features, index, keep = features[draw], index[draw], keep[draw]
    if features.numel() <= DOUBLE:
        features = features.double()
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        streamed = StreamedFeatures(features, pool if threads > 1 else None)
        signs, keep = _signs(index, kinds).to(streamed.dtype), keep.to(streamed.dtype)
        leading, weights, parts = leading_directions(streamed), None, []
        for cost in costs:
            weights = solve_primal(streamed, signs, keep, cost, leading, weights, TOLERANCE)
            left = keep * slack(streamed.scores(weights), signs)
            gradient = weights - streamed.combine(2.0 * cost * left * signs)
            squared = [each.double().square().sum(-1) for each in (weights, left, gradient)]
            parts.append((weights, 0.5 * squared[0] + cost * squared[1], 0.5 * squared[2]))
    whole, objectives, gaps = (torch.stack(each)[None] for each in zip(*parts, strict=True))
    return whole.float(), objectives, gaps


def _signs(index: Tensor, kinds: int) -> Tensor:
    """+1 where an example is of the class and −1 elsewhere: [..., n] → float32 [..., K, n]."""
    of_class = index.unsqueeze(-2) == torch.arange(kinds, device=index.device).unsqueeze(-1)
    return of_class.float() * 2.0 - 1.0


def _solve_all(solve: Callable[[Tensor], Parts], parts: list[Tensor], threads: int) -> list[Parts]:
    quiet = True if len(parts) < 2 else None  # None: where stderr is no terminal
    with tqdm(total=len(parts), desc="L2-SVM", unit="fit", leave=False, disable=quiet) as bar:

        def shown(part: Tensor) -> Parts:
            solved = solve(part)
            bar.update()
            return solved

        return side_by_side(shown, parts, threads)
