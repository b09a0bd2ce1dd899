"""How thick and how slanted drawn strokes are, of bright digits on black (after Morpho-MNIST, Castro et al. 2019).

Both work on grey levels, without a threshold at half height or a skeleton, so that they serve strokes of one pixel.
"""

from __future__ import annotations

import numpy as np

from replication.foundation.errors import InputError

FAINT = 0.1  # share of full ink below which a pixel is background
CONTOUR = 0.25  # share of full ink up to which contours are averaged


def require_strokes(images: np.ndarray, name: str) -> None:
    """Refuse images of which thickness and slant say nothing."""
    channels, middle = images.shape[1], float(np.median(images))
    if channels != 1 or middle > 127:
        seen = f"{channels} channels" if channels != 1 else f"a median level of {middle:.0f}"
        raise InputError(
            f"Latent arithmetic measures the thickness and slant of bright strokes on black, and images of {name} have "
            f"{seen}: leave latent-arithmetic out of the protocols of cells on {name}."
        )


def thickness(images: np.ndarray) -> np.ndarray:
    """float64 [n], pixels: twice the ink over the length of its contour, of uint8 images [n, 1, H, W].

    A stroke of width w and length l has w·l/(l + w), nearly w. The contour's length is the total variation of the ink
    clipped at a quarter, over that quarter (coarea formula): it does not depend on how a thin stroke falls onto pixels.
    NaN where there is no ink.
    """
    ink = _ink(images)
    clipped = np.pad(np.minimum(ink, CONTOUR), ((0, 0), (1, 1), (1, 1)))
    down, across = np.diff(clipped, axis=1), np.diff(clipped, axis=2)
    # Differences at the corner of four pixels: exact for edges along the axes and along diagonals.
    steep = np.hypot((down[:, :, 1:] + down[:, :, :-1]) / 2, (across[:, 1:] + across[:, :-1]) / 2)
    return _ratio(2.0 * CONTOUR * ink.sum((1, 2)), steep.sum((1, 2)))


def slant(images: np.ndarray) -> np.ndarray:
    """float64 [n]: the shear that would set each of uint8 images [n, 1, H, W] upright, positive to the right.

    The covariance of place across and height over the variance of height, weighted by ink: shearing a shape by s adds
    s. NaN where there is no ink, or all of it at one height.
    """
    ink = _ink(images)
    mass = np.maximum(ink.sum((1, 2)), 1e-12)
    height, across = -np.arange(ink.shape[1], dtype=np.float64), np.arange(ink.shape[2], dtype=np.float64)
    rows, columns = ink.sum(2), ink.sum(1)  # [n, H], [n, W]
    middle = rows @ height / mass
    variance = rows @ height**2 / mass - middle**2
    covariance = np.einsum("nhw,h,w->n", ink, height, across) / mass - middle * (columns @ across) / mass
    return _ratio(covariance, variance)


def stroke_attributes(images: np.ndarray) -> np.ndarray:
    """float64 [n, 2]: thickness and slant of uint8 images [n, 1, H, W]."""
    return np.stack([thickness(images), slant(images)], axis=1)


def _ink(images: np.ndarray) -> np.ndarray:
    """Ink in [0, 1] [n, H, W]; what is faint is none, for a generator's black is not all zeros."""
    ink = images[:, 0].astype(np.float64) / 255.0
    return np.where(ink >= FAINT, ink, 0.0)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(below), np.nan), where=below > 1e-9)
