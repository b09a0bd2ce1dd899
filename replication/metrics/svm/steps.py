"""Conjugate gradients and the exact step along a direction, for all L2-SVMs [draws, classes, …] on their own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

SEARCHES = 40  # of a step: bisections at worst
STEPS = 60  # Newton's, at most
ITERATIONS = 200  # of conjugate gradients in a step, at most
RANK = 128  # leading directions that a preconditioner knows


def slack(scores: Tensor, signs: Tensor) -> Tensor:
    """max(0, 1 − y f): what the squared hinge squares."""
    return (1.0 - signs * scores).clamp_min_(0.0)


def conjugate_gradients(
    apply: Callable[[Tensor], tuple[Tensor, Tensor]],
    precondition: Callable[[Tensor], Tensor],
    residual: Tensor,
    target: Tensor,
    limit: int,
) -> tuple[Tensor, Tensor]:
    """Solve A x = `residual` to a squared norm of `target` [..., 1]: x, and its image as `apply` gives beside A p."""
    solution, image = torch.zeros_like(residual), None
    direction = precondition(residual)
    agreement = (residual * direction).sum(-1, keepdim=True)
    for _ in range(limit):
        live = (residual.square().sum(-1, keepdim=True) > target) & (agreement > 0)
        if image is not None and not live.any():
            break
        applied, seen = apply(direction)
        curvature = (direction * applied).sum(-1, keepdim=True)
        step = torch.where(live & (curvature > 0), agreement / curvature, 0.0)
        solution = solution + step * direction
        image = step * seen if image is None else image + step * seen
        residual = residual - step * applied
        towards = precondition(residual)
        renewed = (residual * towards).sum(-1, keepdim=True)
        direction = torch.where(live, towards + renewed / agreement * direction, direction)
        agreement = torch.where(live, renewed, agreement)
    assert image is not None
    return solution, image


def exact_step(
    scores: Tensor, change: Tensor, signs: Tensor, cost: float, slope: Tensor, curvature: Tensor, weight: Tensor
) -> Tensor:
    """The t ≥ 0 [..., 1] at which slope·t + curvature·t²/2 + C Σ weight max(0, 1 − y (f + t Δ))² is smallest.

    The function is convex and piecewise quadratic: Newton's steps on its derivative, kept inside a bracket.
    """
    step = torch.ones_like(slope)
    low, high = torch.zeros_like(slope), torch.full_like(slope, torch.inf)
    scale = slope.abs() + (weight * change.square()).sum(-1, keepdim=True) * cost
    for _ in range(SEARCHES):
        left = weight * slack(scores + step * change, signs)
        rise = slope + step * curvature - 2.0 * cost * (left * signs * change).sum(-1, keepdim=True)
        bend = curvature + 2.0 * cost * ((left > 0) * change.square()).sum(-1, keepdim=True)
        if (rise.abs() <= 1e-6 * scale).all():
            break
        low, high = torch.where(rise < 0, step, low), torch.where(rise >= 0, step, high)
        newton = torch.where(bend > 0, step - rise / bend, step)
        middle = torch.where(high.isinf(), 2.0 * step, (low + high) / 2)
        step = torch.where((newton > low) & (newton < high), newton, middle)
    return step
