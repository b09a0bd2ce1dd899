"""The parts of the L2-SVM's solvers against dense linear algebra and a minimiser that knows nothing of them."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import minimize_scalar

from replication.metrics.svm.dual import RANK, duality_gap, gram_matrix, spectrum
from replication.metrics.svm.primal import StreamedFeatures, leading_directions
from replication.metrics.svm.steps import conjugate_gradients, exact_step, slack


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def test_conjugate_gradients_solve_every_system() -> None:
    factor = normal(2, 12, 12)
    matrix = factor @ factor.mT + torch.eye(12, dtype=torch.float64)
    wanted = normal(2, 12, seed=1)

    def apply(direction: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return (matrix @ direction[..., None])[..., 0], 3.0 * direction

    target = torch.full((2, 1), 1e-18, dtype=torch.float64)
    result, image = conjugate_gradients(apply, lambda residual: residual / 2.0, wanted, target, 200)
    torch.testing.assert_close(result, torch.linalg.solve(matrix, wanted), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(image, 3.0 * result)
    rough = conjugate_gradients(apply, lambda residual: residual, wanted, target * 1e17, 200)[0]
    left = (wanted - (matrix @ rough[..., None])[..., 0]).square().sum(-1)
    assert (left <= 0.1).all() and (left > 1e-18).all()


def test_the_step_is_the_smallest_point_along_a_direction() -> None:
    scores, change, slopes = (
        normal(3, 40),
        5 * normal(3, 40, seed=1),
        torch.tensor([[-200.0], [-2.0], [900.0]]).double(),
    )
    signs, curvatures = normal(3, 40, seed=2).sign(), torch.tensor([[0.1], [3.0], [1.0]]).double()
    weight = torch.from_numpy(np.random.default_rng(3).integers(0, 2, 40)).double()
    result = exact_step(scores, change, signs, 0.5, slopes, curvatures, weight)
    for row in range(3):

        def value(step: float, row: int = row) -> float:
            left = weight * slack(scores[row] + step * change[row], signs[row])
            quadratic = slopes[row] * step + curvatures[row] * step**2 / 2
            return (quadratic + 0.5 * (weight * left.square()).sum()).item()

        found_by_scipy = minimize_scalar(value, bounds=(0.0, 2000.0), method="bounded", options={"xatol": 1e-10})
        lowest = found_by_scipy.fun  # pyright: ignore[reportAttributeAccessIssue]
        assert value(result[row].item()) <= lowest + 1e-5 * abs(lowest)
    assert result[2] < 1e-6  # uphill from the start


def test_gram_matrices_are_made_by_blocks_and_hold_the_intercept(monkeypatch) -> None:
    monkeypatch.setattr("replication.metrics.svm.dual.BLOCK", 3)
    features = normal(2, 8, 5)
    constant = torch.cat([features, torch.ones(2, 8, 1, dtype=torch.float64)], dim=2)
    torch.testing.assert_close(gram_matrix(features), constant @ constant.mT)


def test_the_leading_spectrum_is_that_of_the_matrix() -> None:
    factor = normal(1, RANK + 40, RANK + 60) / torch.arange(1, RANK + 61).sqrt()
    gram = factor @ factor.mT
    values = torch.linalg.eigvalsh(gram)[0]
    result = spectrum(gram, 20)
    torch.testing.assert_close(result.values[0, 0, -3:], values[-3:], rtol=0.02, atol=0)
    torch.testing.assert_close(
        result.values.sum() + (RANK + 20) * result.rest.sum(), gram.diagonal(dim1=1, dim2=2).sum()
    )
    exact = spectrum(gram[:, :30, :30])
    rebuilt = (exact.vectors * exact.values) @ exact.vectors.mT
    torch.testing.assert_close(rebuilt, gram[:, :30, :30])


def test_the_gap_is_the_primal_less_the_dual() -> None:
    features, signs, alpha, cost = normal(9, 4), normal(2, 9, seed=1).sign(), normal(2, 9, seed=2).abs(), 0.3
    weights = (signs * alpha) @ features
    scores = weights @ features.T
    primal = 0.5 * weights.square().sum(1) + cost * slack(scores, signs).square().sum(1)
    dual = alpha.sum(1) - 0.5 * weights.square().sum(1) - alpha.square().sum(1) / (4 * cost)
    torch.testing.assert_close(duality_gap(alpha, signs, scores, cost), primal - dual)


def test_streamed_products_are_those_of_the_features_and_a_constant(monkeypatch) -> None:
    monkeypatch.setattr("replication.metrics.svm.primal.BLOCK", 4)
    features, weights, coefficients = normal(10, 5).half(), normal(3, 6, seed=1).float(), normal(3, 10, seed=2).float()
    constant = torch.cat([features.float(), torch.ones(10, 1)], dim=1)
    streamed = StreamedFeatures(features)
    torch.testing.assert_close(streamed.scores(weights), weights @ constant.T)
    torch.testing.assert_close(streamed.combine(coefficients), coefficients @ constant)
    leading = leading_directions(streamed, 2)
    torch.testing.assert_close(leading.scores, (constant @ leading.directions).T, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(leading.squared_norms, constant.square().sum(1))
    torch.testing.assert_close(leading.directions.T @ leading.directions, torch.eye(2), rtol=0, atol=1e-5)
