"""Sums and differences of concepts, samples of one attribute or two (DCGAN §6.3.2), and straight walks (§6.1).

Attributes are float [n, 2], thickness and slant of bright strokes on black (after Morpho-MNIST, Castro et al. 2019), on
grey levels, so that strokes may have one pixel. They are low or high in the outer terciles of a pool.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from replication.foundation.errors import InputError

LOW, HIGH = 0, 1
TERCILES = (100 / 3, 200 / 3)
# (thickness, slant): thick slanted − thick upright + thin upright is to be thin slanted.
TERMS = ((HIGH, HIGH), (HIGH, LOW), (LOW, LOW))
NAMED = (LOW, HIGH)
FAINT = 0.1  # share of full ink below which a pixel is background
CONTOUR = 0.25  # share of full ink up to which contours are averaged


def tercile_cuts(attributes: np.ndarray) -> np.ndarray:
    """float [2, k]: what bounds the lower and the upper tercile of each of k attributes [n, k]; NaN are left out."""
    known = np.where(np.isnan(attributes).all(axis=0), 0.0, attributes)
    return np.nanpercentile(known, TERCILES, axis=0)


def has(attributes: np.ndarray, cuts: np.ndarray, degrees: tuple[int, ...]) -> np.ndarray:
    """bool [n]: which have each attribute to its degree, strictly: where all are alike none has."""
    each = [
        attributes[:, place] > cuts[HIGH, place] if degree == HIGH else attributes[:, place] < cuts[LOW, place]
        for place, degree in enumerate(degrees)
    ]
    return np.all(each, axis=0)  # NaN is neither


def draw_exemplars(
    concepts: list[np.ndarray], count: int, trials: int, stream: np.random.Generator
) -> np.ndarray | None:
    """int64 [trials, concepts, count]: of each concept's rows `count` exemplars; None where one has too few."""
    if min(len(rows) for rows in concepts) < count:
        return None
    drawn = [[stream.choice(rows, count, replace=False) for rows in concepts] for _ in range(trials)]
    return np.array(drawn, dtype=np.int64)


def combine(exemplars: np.ndarray) -> np.ndarray:
    """Mean of the first concept − of the second + of the third: vectors or images [t, 3, count, …] → [t, …]."""
    means = exemplars.mean(axis=2)
    return means[:, 0] - means[:, 1] + means[:, 2]


def with_noise(centres: np.ndarray, results: int, scale: float, stream: np.random.Generator) -> np.ndarray:
    """float32 [t, results, D]: each of `centres` [t, D], then the same with uniform noise from ± scale added."""
    noise = stream.uniform(-scale, scale, (len(centres), results, *centres.shape[1:])).astype(np.float32)
    noise[:, 0] = 0.0
    return centres[:, None] + noise


def relative_spread(results: np.ndarray, pool: np.ndarray) -> float:
    """Root mean square over attributes of the results' standard deviation, in those of the pool; both [n, k].

    NaN where an attribute does not vary in the pool, or fewer than two results have it.
    """
    if any((np.isfinite(values).sum(axis=0) < 2).any() for values in (results, pool)):
        return float("nan")
    of_results, of_pool = np.nanstd(results, axis=0), np.nanstd(pool, axis=0)
    return float(np.sqrt(np.mean((of_results / of_pool) ** 2))) if of_pool.min() > 0 else float("nan")


def monotonicity(shares: np.ndarray, measured: np.ndarray) -> float:
    """Spearman's correlation of rows of `measured` [n, k] with `shares` [k], averaged; 0 without change or with NaN."""
    order = np.asarray(rankdata(shares)) - (len(shares) + 1) / 2
    whole = np.all(np.isfinite(measured), axis=1, keepdims=True)
    ranks = np.asarray(rankdata(np.where(whole, measured, 0.0), axis=1)) - (len(shares) + 1) / 2
    norms = np.sqrt((ranks**2).sum(axis=1) * (order**2).sum())
    return float(np.divide(ranks @ order, norms, out=np.zeros(len(ranks)), where=norms > 0).mean())


def mean_slope(shares: np.ndarray, measured: np.ndarray) -> float:
    """Least-squares slope of `measured` [n, k] over `shares` [k], averaged over rows without NaN; NaN for none."""
    whole = measured[np.isfinite(measured).all(axis=1)]
    centred = shares - shares.mean()
    return float((whole @ centred / (centred @ centred)).mean()) if len(whole) else float("nan")


def straight_legs(points: np.ndarray, steps: int) -> np.ndarray:
    """float [w, p − 1, steps + 1, …]: from each of p points [w, p, …] straight to the next one, both ends included."""
    share = np.linspace(0.0, 1.0, steps + 1, dtype=points.dtype).reshape(-1, *[1] * (points.ndim - 2))
    return (1 - share) * points[:, :-1, None] + share * points[:, 1:, None]


def smoothness(legs: np.ndarray) -> float:
    """Mean over largest change in a step, averaged over legs; `legs` holds images [n, steps + 1, C, H, W].

    A change is a Euclidean distance of pixels. 1: every step changes as much, as in a cross-fade; 1/steps: all of the
    change is in one step, the sharp transition that DCGAN §6.1 takes for memory; 0: nothing changes, as in collapse.
    """
    flat = legs.reshape(*legs.shape[:2], -1).astype(np.float32)
    changes = np.stack([np.linalg.norm(leg[1:] - leg[:-1], axis=1) for leg in flat])  # [n, steps]
    largest = changes.max(axis=1)
    return float(np.divide(changes.mean(axis=1), largest, out=np.zeros_like(largest), where=largest > 0).mean())


def require_strokes(images: np.ndarray, name: str) -> None:
    """InputError where images have colours or a bright background, of which thickness and slant say nothing."""
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
    """float64 [n]: the shear that sets uint8 images [n, 1, H, W] upright; NaN where ink is at no two heights."""
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
