"""The L2-SVM in its dual, where examples are fewer than features: Newton's method on the Gram matrix.

A machine has scores f = K β with β = y α, α ≥ 0. At the optimum α = 2C max(0, 1 − y f), so that on the active examples
(y f < 1) β solves (K + I/2C) β = y (Chapelle 2007, Training a support vector machine in the primal).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from replication.metrics.svm.steps import ITERATIONS, RANK, STEPS, conjugate_gradients, exact_step, slack

BLOCK = 1000  # rows of a Gram matrix made at once
SHORT = 0.5  # a step below it asks for a better solution of the next linear system


@dataclass(frozen=True)
class Spectrum:
    """K ≈ U Λ Uᵀ + rest·I of every Gram matrix: vectors [D, n, r], values [D, 1, r], rest [D, 1, 1]."""

    vectors: Tensor
    values: Tensor
    rest: Tensor


def gram_matrix(features: Tensor) -> Tensor:
    """X Xᵀ + 1 of features [D, n, F], by symmetric blocks: [D, n, n]. The 1 is the intercept's, a constant feature."""
    draws, count = features.shape[:2]
    gram = features.new_empty(draws, count, count)
    for start in range(0, count, BLOCK):
        rows = features[:, start : start + BLOCK]
        for other in range(0, start + 1, BLOCK):
            part = torch.matmul(rows, features[:, other : other + BLOCK].mT).add_(1.0)
            gram[:, start : start + BLOCK, other : other + BLOCK] = part
            if other < start:
                gram[:, other : other + BLOCK, start : start + BLOCK] = part.mT
    return gram


def spectrum(gram: Tensor, rank: int = RANK) -> Spectrum:
    """The leading part of each Gram matrix [D, n, n]: exact up to `rank` rows, else by subspace iteration."""
    count = gram.shape[-1]
    if count <= rank:
        values, vectors = torch.linalg.eigh(gram)
    else:
        stream = torch.Generator().manual_seed(0)  # where the iteration starts decides its speed, not the solution
        basis = torch.randn(count, rank, generator=stream, dtype=gram.dtype).to(gram.device).expand(len(gram), -1, -1)
        for _ in range(2):
            basis = torch.linalg.qr(gram @ basis)[0]
        small = basis.mT @ (gram @ basis)
        values, within = torch.linalg.eigh((small + small.mT) / 2)
        vectors = basis @ within
    floor = values.amax(-1, keepdim=True).clamp_min(1.0) * torch.finfo(gram.dtype).eps
    known = values.clamp_min(floor)
    trace = gram.diagonal(dim1=-2, dim2=-1).sum(-1, keepdim=True)
    rest = ((trace - known.sum(-1, keepdim=True)) / max(count - rank, 1)).clamp_min(0.0)
    return Spectrum(vectors, known[:, None], rest[..., None])


def solve_dual(
    gram: Tensor, signs: Tensor, cost: float, leading: Spectrum, start: Tensor | None, tolerance: float
) -> Tensor:
    """α ≥ 0 [D, K, n] of `signs` ±1, its duality gap at most `tolerance` of the objective; `start` is of another C."""
    ridge = 1.0 / (2.0 * cost)
    beta = torch.zeros_like(signs) if start is None else signs * start
    scores, everywhere = beta @ gram, torch.ones_like(signs)
    alpha, accuracy = beta * signs, torch.full_like(signs[..., :1], 0.1)
    for _ in range(STEPS):
        alpha = (signs * beta).clamp_min(0.0)
        left = slack(scores, signs)
        objective = 0.5 * (beta * scores).sum(-1, keepdim=True) + cost * left.square().sum(-1, keepdim=True)
        gap = duality_gap(alpha, signs, (signs * alpha) @ gram, cost)
        done = gap.unsqueeze(-1) <= tolerance * objective
        if done.all():
            break
        active = (left > 0).to(signs.dtype)
        inside = active * beta
        seen = inside @ gram
        residual = active * (signs - seen) - ridge * inside
        # The gap of a residual r on the right active examples is C |r|². A rougher solution of an early step finds the
        # wrong active examples, which costs more steps than it saves.
        target = torch.where(done, torch.inf, accuracy * tolerance * objective / cost)
        system = partial(_restricted, gram, active, ridge)
        precondition = _preconditioner(leading, active, ridge)
        added, image = conjugate_gradients(system, precondition, residual, target, ITERATIONS)
        move, change = inside + added - beta, seen + image - scores
        slope = (beta * change).sum(-1, keepdim=True)
        curvature = (move * change).sum(-1, keepdim=True).clamp_min(0.0)
        step = exact_step(scores, change, signs, cost, slope, curvature, everywhere).masked_fill(done, 0.0)
        accuracy = torch.where(step < SHORT, accuracy / 100, accuracy)  # too rough even to lead downhill
        beta, scores = beta + step * move, scores + step * change
    return alpha


def _restricted(gram: Tensor, active: Tensor, ridge: float, direction: Tensor) -> tuple[Tensor, Tensor]:
    """(K + ridge I) p on the active examples, and K p on all."""
    image = direction @ gram
    return active * image + ridge * direction, image


def duality_gap(alpha: Tensor, signs: Tensor, scores: Tensor, cost: float) -> Tensor:
    """How far w = Σ α y x is above the optimum at most, [..., K]: Σ C s² − α (1 − y f) + α²/4C, s the slack."""
    room = 1.0 - signs * scores
    return (cost * room.clamp_min(0.0).square() - alpha * room + alpha.square() / (4.0 * cost)).sum(-1)


def _preconditioner(leading: Spectrum, active: Tensor, ridge: float) -> Callable[[Tensor], Tensor]:
    """The inverse of U_A Λ U_Aᵀ + (rest + ridge) I on the active examples A, by Woodbury's identity."""
    shift = leading.rest + ridge  # [D, 1, 1]
    within = (leading.vectors.mT[:, None] * active[:, :, None]) @ leading.vectors[:, None]  # [D, K, r, r]
    factor = torch.linalg.cholesky(within + torch.diag_embed(shift / leading.values))

    def precondition(residual: Tensor) -> Tensor:
        known = torch.cholesky_solve((residual @ leading.vectors).unsqueeze(-1), factor).squeeze(-1)  # [D, K, r]
        return (residual - active * (known @ leading.vectors.mT)) / shift

    return precondition
