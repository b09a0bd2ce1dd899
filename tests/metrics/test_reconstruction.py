"""PCA against scikit-learn, densities and errors against sums written out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from replication.foundation.errors import InputError
from replication.metrics.reconstruction import (
    draw_codes,
    image_distance,
    log_density,
    principal_components,
    squared_errors,
)

STREAM = np.random.default_rng(0)
IMAGES = STREAM.normal(size=(40, 6)) @ STREAM.normal(size=(6, 6)) + 2.0
NEW = STREAM.normal(size=(15, 6)) + 2.0


@pytest.mark.parametrize("width", [1, 3, 6])
def test_components_are_scikit_learn_s(width: int) -> None:
    reference: Any = PCA(width, svd_solver="full").fit(IMAGES)
    found = principal_components(IMAGES, width)
    assert np.abs(found.components @ reference.components_.T) == pytest.approx(np.eye(width), abs=1e-9)
    assert found.reconstruct(NEW) == pytest.approx(reference.inverse_transform(reference.transform(NEW)))
    assert np.abs(found.encode(NEW)) == pytest.approx(np.abs(reference.transform(NEW)))


def test_the_error_on_its_own_images_is_what_the_other_components_hold() -> None:
    eigenvalues = np.sort(np.linalg.eigvalsh(np.cov(IMAGES.T, bias=True)))[::-1]
    for width in range(1, 7):
        found = squared_errors(IMAGES, principal_components(IMAGES, width).reconstruct(IMAGES))
        assert found.shape == (40,)
        assert found.mean() == pytest.approx(eigenvalues[width:].sum() / 6, abs=1e-12)


@pytest.mark.parametrize("width", [0, 7])
def test_a_width_that_the_images_do_not_have_is_refused(width: int) -> None:
    with pytest.raises(InputError, match=f"40 images of 6 pixels has no {width} components; name 1 to 6"):
        principal_components(IMAGES, width)


def test_errors_are_means_over_the_pixels_of_each_image() -> None:
    reconstructed = np.stack([IMAGES + 1.0, IMAGES - 2.0])
    assert squared_errors(IMAGES, reconstructed) == pytest.approx(np.repeat([[1.0], [4.0]], 40, axis=1))


def test_the_density_is_a_mean_of_gaussian_kernels() -> None:
    codes, points = IMAGES[:, :2], NEW[:4, :2]
    covariance = np.cov(codes.T) * len(codes) ** (-2 / (2 + 4))
    constant = 2 * math.pi * math.sqrt(np.linalg.det(covariance))
    for point, found in zip(points, log_density(codes, points), strict=True):
        kernels = [math.exp(-0.5 * (point - c) @ np.linalg.inv(covariance) @ (point - c)) / constant for c in codes]
        assert found == pytest.approx(math.log(np.mean(kernels)))


def test_draws_of_the_density_spread_as_codes_and_kernel_together() -> None:
    codes = IMAGES[:, :2]
    drawn = draw_codes(codes, 40_000, np.random.default_rng(1))
    wider = np.cov(codes.T, bias=True) + np.cov(codes.T) * len(codes) ** (-2 / (2 + 4))
    np.testing.assert_allclose(np.cov(drawn.T), wider, rtol=0.05, atol=0.1)
    assert drawn.mean(axis=0) == pytest.approx(codes.mean(axis=0), abs=0.1)


def test_the_distance_of_images_is_the_energy_distance_written_out() -> None:
    between = np.mean([np.linalg.norm(a - b) for a in IMAGES for b in NEW])
    own = [np.mean([np.linalg.norm(a - b) for i, a in enumerate(z) for b in z[:i]]) for z in (IMAGES, NEW)]
    assert image_distance(IMAGES, NEW) == pytest.approx(2 * between - sum(own))
    assert image_distance(NEW + 5.0, NEW) > 5 > image_distance(NEW[:8], NEW[8:])


def test_codes_in_a_plane_have_no_density() -> None:
    flat = np.column_stack([IMAGES[:, 0], 2 * IMAGES[:, 0]])
    with pytest.raises(InputError, match="40 codes do not span their 2 latent dimensions.*lower the width"):
        log_density(flat, flat)
