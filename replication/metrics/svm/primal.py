"""The L2-SVM in its primal, where examples are at least as many as features: truncated Newton on streamed features.

A gradient g of the objective bounds what is above the optimum: the objective is 1-strongly convex, so that
P(w) − P* ≤ ½ |g|², which is also the duality gap at α = 2C max(0, 1 − y f).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial, reduce

import torch
from torch import Tensor

from replication.metrics.svm.steps import ITERATIONS, RANK, STEPS, conjugate_gradients, exact_step, slack

SAMPLE = 4096  # examples that they are taken from
FORCING = 3e-2  # how far a step's linear system is solved
BLOCK = 2048  # rows of a product on the CPU, and of float16 that is widened anywhere


class StreamedFeatures:
    """Features [n, F] and a constant one, as the two products that the solver needs, block by block.

    The blocks of a matrix are the same on any number of threads, and so are the products. float16 becomes float32.
    """

    def __init__(self, features: Tensor, pool: Executor | None = None) -> None:
        self.features = features
        self.size = features.shape[1] + 1
        half = features.dtype == torch.float16
        self.dtype = torch.float32 if half else features.dtype
        self.rows = BLOCK if half or features.device.type == "cpu" else len(features)
        self.blocks = features.split(self.rows)
        self.over = pool.map if pool else map

    def scores(self, weights: Tensor) -> Tensor:
        """f = w · x + b of every example: [K, F + 1] → [K, n]."""
        parts = self.over(lambda block: weights[:, :-1] @ block.to(self.dtype).T, self.blocks)
        return torch.cat(list(parts), dim=1) + weights[:, -1:]

    def combine(self, coefficients: Tensor) -> Tensor:
        """Σ c x: [K, n] → [K, F + 1]."""
        split = coefficients.split(self.rows, dim=1)
        parts = self.over(lambda part, block: part @ block.to(self.dtype), split, self.blocks)
        return torch.cat([reduce(torch.add, parts), coefficients.sum(1, keepdim=True)], dim=1)


@dataclass(frozen=True)
class Leading:
    """Orthonormal directions U [F + 1, r]; what every example scores on them [r, n]; its squared norm [n]."""

    directions: Tensor
    scores: Tensor
    squared_norms: Tensor


def leading_directions(streamed: StreamedFeatures, rank: int = RANK) -> Leading:
    """The leading directions of evenly spaced examples, by subspace iteration."""
    features = streamed.features
    rows = features[:: max(len(features) // SAMPLE, 1)].to(streamed.dtype)
    sample = torch.cat([rows, rows.new_ones(len(rows), 1)], dim=1)  # [m, F + 1]
    rank = min(rank, *sample.shape)
    stream = torch.Generator().manual_seed(0)  # where the iteration starts decides its speed, not the solution
    basis = torch.randn(sample.shape[1], rank, generator=stream, dtype=sample.dtype).to(sample.device)
    for _ in range(2):
        basis = torch.linalg.qr(sample.T @ (sample @ torch.linalg.qr(basis)[0]))[0]
    squared = [block.to(streamed.dtype).square().sum(1) for block in streamed.blocks]
    return Leading(basis, streamed.scores(basis.T.contiguous()), torch.cat(squared) + 1.0)


def solve_primal(
    streamed: StreamedFeatures,
    signs: Tensor,
    keep: Tensor,
    cost: float,
    leading: Leading,
    start: Tensor | None,
    tolerance: float,
) -> Tensor:
    """Weights and intercept [K, F + 1] at most `tolerance` of the objective above the optimum, or the last of STEPS.

    `signs` ±1 [K, n]; `keep` [n] is 1 where an example is fitted and 0 where it is held out; `start` is a solution at
    another C.
    """
    weights = signs.new_zeros(len(signs), streamed.size) if start is None else start
    scores = streamed.scores(weights)
    for _ in range(STEPS):
        left = keep * slack(scores, signs)
        gradient = weights - streamed.combine(2.0 * cost * left * signs)
        gap = 0.5 * gradient.square().sum(-1, keepdim=True)
        objective = 0.5 * weights.square().sum(-1, keepdim=True) + cost * left.square().sum(-1, keepdim=True)
        done = gap <= tolerance * objective
        if done.all():
            break
        active = (left > 0).to(signs.dtype)
        target = torch.maximum(2.0 * FORCING**2 * gap, 0.2 * tolerance * objective).masked_fill(done, torch.inf)
        system = partial(_curved, streamed, active, cost)
        precondition = _preconditioner(leading, active, cost)
        move, change = conjugate_gradients(system, precondition, -gradient, target, ITERATIONS)
        slope = (weights * move).sum(-1, keepdim=True)
        step = exact_step(scores, change, signs, cost, slope, move.square().sum(-1, keepdim=True), keep)
        step = step.masked_fill(done, 0.0)
        weights = weights + step * move
        scores = streamed.scores(weights)
    return weights


def _curved(streamed: StreamedFeatures, active: Tensor, cost: float, direction: Tensor) -> tuple[Tensor, Tensor]:
    """(I + 2C X_Aᵀ X_A) p, A the active examples, and X p on all."""
    image = streamed.scores(direction)
    return direction + 2.0 * cost * streamed.combine(active * image), image


def _preconditioner(leading: Leading, active: Tensor, cost: float) -> Callable[[Tensor], Tensor]:
    """The inverse of U (I + 2C Z_Aᵀ Z_A) Uᵀ on the leading directions, Z their scores; beside, of a multiple of I."""
    basis, known = leading.directions, leading.scores
    seen = (known[:, of_class > 0] for of_class in active)  # of most examples, few are active
    within = torch.stack([part @ part.T for part in seen])  # [K, r, r]
    identity = torch.eye(len(known), dtype=known.dtype, device=known.device)
    factor = torch.linalg.cholesky(identity + 2.0 * cost * within)
    outside = (active @ leading.squared_norms)[:, None] - within.diagonal(dim1=-2, dim2=-1).sum(-1, keepdim=True)
    shift = 1.0 + 2.0 * cost * outside.clamp_min(0.0) / max(len(basis) - len(known), 1)  # [K, 1]

    def precondition(residual: Tensor) -> Tensor:
        inside = residual @ basis  # [K, r]
        solved = torch.cholesky_solve(inside.unsqueeze(-1), factor).squeeze(-1)
        return residual / shift + (solved - inside / shift) @ basis.T

    return precondition
