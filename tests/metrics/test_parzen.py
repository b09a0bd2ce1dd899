"""The Parzen window against scikit-learn's kernel density, closed forms and far points."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.neighbors import KernelDensity
from torch import Tensor

from replication.metrics.parzen import SIGMAS, choose_sigma, log_likelihoods, parzen


def some_points(count: int, seed: int, dimensions: int = 6, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(count, dimensions, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def density(samples: Tensor, points: Tensor, sigma: float) -> np.ndarray:
    return KernelDensity(kernel="gaussian", bandwidth=sigma).fit(samples.numpy()).score_samples(points.numpy())


@pytest.mark.parametrize("block", [3, 64, 10_000])
def test_likelihoods_are_those_of_a_gaussian_kernel_density(block: int) -> None:
    """At each of several bandwidths, whatever the size of a block."""
    samples, points, sigmas = some_points(300, 0), some_points(40, 1), (0.1, 0.4, 3.0)
    table = log_likelihoods(samples, points, sigmas, block)
    assert (table.shape, table.dtype) == ((3, 40), torch.float64)
    for row, sigma in zip(table, sigmas, strict=True):
        np.testing.assert_allclose(row.numpy(), density(samples, points, sigma), rtol=1e-9)
        assert torch.equal(row, log_likelihoods(samples, points, sigma, block))


def test_images_in_float32_lose_nothing_to_their_dimension() -> None:
    samples, points = some_points(50, 2, 784, torch.float32), some_points(7, 3, 784, torch.float32)
    points[0] = samples[0]  # the distance 0, where dot products cancel
    oracle = density(samples.double(), points.double(), 0.1)
    np.testing.assert_allclose(log_likelihoods(samples, points, 0.1).numpy(), oracle, rtol=1e-9)


def test_a_density_below_the_smallest_number_is_still_finite() -> None:
    far = log_likelihoods(torch.zeros(3, 2), torch.full((1, 2), 100.0), 0.1)
    assert far.item() == pytest.approx(2 * norm.logpdf(100, 0, 0.1))
    assert far.item() < -900_000


def test_the_chosen_bandwidth_has_the_highest_mean() -> None:
    samples, validation = some_points(20, 8, 3), some_points(80, 9, 3)
    oracle = [density(samples, validation, sigma).mean() for sigma in SIGMAS]
    best = int(np.argmax(oracle))
    assert 0 < best < 9  # an optimum inside, which neither the first nor the last bandwidth would meet
    assert choose_sigma(samples, validation) == SIGMAS[best]


def test_the_test_points_are_scored_at_the_bandwidth_that_validation_chose() -> None:
    samples, validation = some_points(20, 10, 3), some_points(60, 11, 3)
    test = some_points(70, 12, 3) + 1.0  # far off, so that its own best bandwidth would be another
    mean, error, sigma = parzen(samples, validation, test)
    oracle = density(samples, test, sigma)
    assert sigma == choose_sigma(samples, validation) < choose_sigma(samples, test)
    assert mean == pytest.approx(oracle.mean(), rel=1e-9)
    assert error == pytest.approx(np.sqrt(oracle.var() / 70), rel=1e-9)
