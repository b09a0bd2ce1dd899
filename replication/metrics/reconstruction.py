"""Principal components, errors of reconstruction, and draws of a latent density."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist, pdist
from scipy.stats import gaussian_kde

from replication.foundation.errors import InputError


@dataclass(frozen=True)
class PrincipalComponents:
    """Mean [D] of the images and the first components [d, D], orthonormal rows, largest variance first."""

    mean: np.ndarray
    components: np.ndarray

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Codes [n, d] of images [n, D]."""
        return (images - self.mean) @ self.components.T

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Images [n, D] of codes [n, d]."""
        return self.mean + codes @ self.components

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """The nearest images [n, D] in the plane of the components."""
        return self.decode(self.encode(images))


def principal_components(images: np.ndarray, width: int) -> PrincipalComponents:
    """PCA of images [n, D] by a singular value decomposition; InputError: there are fewer than `width` components."""
    if not 1 <= width <= min(images.shape):
        raise InputError(
            f"PCA of {len(images)} images of {images.shape[1]} pixels has no {width} components; "
            f"name 1 to {min(images.shape)} in params.yaml: background."
        )
    mean = images.mean(axis=0)
    return PrincipalComponents(mean, np.linalg.svd(images - mean, full_matrices=False)[2][:width])


def squared_errors(images: np.ndarray, reconstructed: np.ndarray) -> np.ndarray:
    """Mean squared error a pixel of each image, [..., n], from [n, D] and [..., n, D]."""
    return np.square(reconstructed - images).mean(axis=-1)


def log_density(codes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Log density [m] at points [m, d] under the density of codes [n, d]."""
    return _density(codes).logpdf(points.T)


def draw_codes(codes: np.ndarray, count: int, stream: np.random.Generator) -> np.ndarray:
    """`count` draws [count, d] from the density of codes [n, d]; InputError: the codes do not span d dimensions."""
    return _density(codes).resample(count, stream).T


def image_distance(images: np.ndarray, real: np.ndarray) -> float:
    """Energy distance of images [n, D] and [m, D] by Euclidean distance of pixels; unbiased, so it may fall below 0."""
    return float(2 * cdist(images, real).mean() - pdist(images).mean() - pdist(real).mean())


def _density(codes: np.ndarray) -> gaussian_kde:
    """A Gaussian kernel density: the kernel has the covariance of the codes, times Scott's n^(−2/(d + 4))."""
    try:  # deviation background-9
        return gaussian_kde(codes.T)
    except (np.linalg.LinAlgError, ValueError) as error:
        raise InputError(
            f"{len(codes)} codes do not span their {codes.shape[1]} latent dimensions, so that they have no density; "
            "lower the width in params.yaml: background."
        ) from error
