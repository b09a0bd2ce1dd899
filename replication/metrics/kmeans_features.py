"""Features of Coates, Ng & Lee (AISTATS 2011), with their demonstration's constants for pixel levels of 0 to 255."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import unfold
from tqdm import tqdm

from replication.foundation.errors import InputError
from replication.foundation.runtime import side_by_side
from replication.foundation.seeding import generator

CONTRAST = 10.0  # added to the variance of a patch's pixels
WHITENING = 0.1  # added to every eigenvalue of the patches' covariance
SPREAD = 0.01  # added to the variance of a feature
INITIAL_STD = 0.1  # of the first centroids
CHUNK = 25_000  # points of one partial sum: fixed, so that a result does not depend on the number of threads
# Distances held at once: as many as fit into a processor's cache, or keep a GPU busy.
AT_ONCE = {"cpu": 1 << 20, "cuda": 1 << 27}
IMAGES = 100  # encoded between two looks of the progress bar
Storage = Literal["float16", "float32"]


@dataclass(frozen=True)
class Dictionary:
    """What is learnt from patches [C·p·p pixels] without labels."""

    patch: int
    mean: Tensor  # float32 [P], of patches of normalised contrast
    whitening: Tensor  # float32 [P, P], symmetric
    centroids: Tensor  # float32 [K, P], in whitened space
    objectives: tuple[float, ...]  # mean squared distance to the nearest centroid, at the start of every iteration


def learn_dictionary(
    images: Tensor,
    units: int,
    patch: int = 6,
    patches: int = 400_000,
    iterations: int = 50,
    seed: int = 0,
    device: str = "cpu",
    threads: int = 1,
) -> Dictionary:
    """Whitening and `units` centroids of random patches of `images` uint8 [n, C, H, W]; tensors stay on `device`.

    InputError: the patch is larger than the images.
    """
    _check_patch(images, patch)
    points = normalise_contrast(sample_patches(images, patch, patches, generator(seed, "patches")).to(device))
    mean, whitening = fit_whitening(points)
    first = INITIAL_STD * generator(seed, "centroids", units).standard_normal((units, points.shape[1]))
    start = torch.from_numpy(first.astype(np.float32)).to(device)
    centroids, objectives = k_means((points - mean) @ whitening, start, iterations, threads)
    return Dictionary(patch, mean, whitening, centroids, objectives)


def at_once(distances: int, device: torch.device | str) -> int:
    """How many items of that many distances each are worked on together, at least one."""
    return max(1, AT_ONCE[torch.device(device).type] // distances)


def k_means(points: Tensor, centroids: Tensor, iterations: int, threads: int = 1) -> tuple[Tensor, tuple[float, ...]]:
    """Lloyd's algorithm from `centroids` [K, P] on `points` [n, P]; a centroid that loses all its points becomes zero.

    Returns the last centroids and, for every iteration, the mean squared distance to the nearest centroid before it.
    """
    chunks, objectives = list(zip(points.split(CHUNK), points.square().sum(1).split(CHUNK), strict=True)), []
    for _ in tqdm(range(iterations), desc=f"K-means, {len(centroids)} units", unit="iteration"):
        parts = side_by_side(partial(_assigned, centroids), chunks, threads)
        sums, counts, distances = zip(*parts, strict=True)
        count = torch.stack(counts).sum(0)  # [K]
        total = torch.stack(sums).sum(0, dtype=torch.float64)  # [K, P]
        centroids = (total / count.clamp_min(1)[:, None]).to(points.dtype)
        objectives.append(float(torch.stack(distances).sum()) / len(points))
    return centroids, tuple(objectives)


def _assigned(centroids: Tensor, chunk: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Of points and squared norms: sum [K, P] and number [K] of those nearest to each centroid, sum of distances."""
    points, squares = chunk
    sums, counts = torch.zeros_like(centroids), torch.zeros(len(centroids), dtype=torch.int64, device=points.device)
    distance = torch.zeros((), dtype=torch.float64, device=points.device)
    half = -0.5 * centroids.square().sum(1)
    block = at_once(len(centroids), points.device)
    for part, norms in zip(points.split(block), squares.split(block), strict=True):
        nearness, nearest = torch.addmm(half, part, centroids.T).max(1)  # c·x − |c|²/2: largest where nearest
        sums.index_add_(0, nearest, part)
        counts += torch.bincount(nearest, minlength=len(centroids))
        distance += (norms.to(torch.float64) - 2 * nearness).sum()
    return sums, counts, distance


def sample_patches(images: Tensor, patch: int, count: int, stream: np.random.Generator) -> Tensor:
    """float32 [count, C·patch·patch]: of each image in turn the patch at a random place."""
    height, width = images.shape[2] - patch + 1, images.shape[3] - patch + 1
    rows, columns = (torch.from_numpy(stream.integers(0, side, (count, 1, 1))) for side in (height, width))
    owners, within = torch.arange(count)[:, None, None] % len(images), torch.arange(patch)
    drawn = images.cpu()[owners, :, rows + within[:, None], columns + within]  # [count, p, p, C]
    return drawn.permute(0, 3, 1, 2).flatten(1).to(torch.float32)


def normalise_contrast(patches: Tensor) -> Tensor:
    """Patches [n, P] less their own mean, over the root of their own variance + 10."""
    centred = patches - patches.mean(1, keepdim=True)
    variance = centred.square().sum(1, keepdim=True) / (patches.shape[1] - 1)
    return centred / (variance + CONTRAST).sqrt()


def fit_whitening(patches: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [P] and ZCA matrix [P, P] of patches: whitened ones are (patches − mean) @ matrix."""
    values, vectors = torch.linalg.eigh(torch.cov(patches.T.to(torch.float64), correction=1))
    whitening = (vectors / (values + WHITENING).sqrt()) @ vectors.T
    return patches.to(torch.float64).mean(0).to(patches.dtype), whitening.to(patches.dtype)


def encode(
    images: Tensor, dictionary: Dictionary, device: str = "cpu", threads: int = 1, storage: Storage = "float32"
) -> Tensor:
    """Features [n, 4·K] of `images` uint8 [n, C, H, W], in the memory of the processor; quadrants one after another.

    A patch's code is by how much each centroid is nearer than centroids are on average, and zero for the others; codes
    are summed over each quadrant of the places. A sum fits float16 as long as images have less than 65 504 places
    over the largest distance.
    """
    _check_patch(images, dictionary.patch)
    height, width = (side - dictionary.patch + 1 for side in images.shape[2:])
    quadrants = _quadrants(height, width).to(device)
    features = torch.empty(len(images), 4 * len(dictionary.centroids), dtype=getattr(torch, storage))
    centroids = dictionary.centroids
    joined = torch.cat(  # [|x|², x, 1] · [1, −2c, |c|²] is a squared distance: one product in place of three passes
        [torch.ones_like(centroids[:, :1]), -2 * centroids, centroids.square().sum(1, keepdim=True)], dim=1
    ).T.contiguous()
    block = at_once(height * width * len(centroids), device)

    with tqdm(total=len(images), desc=f"K-means features, {len(centroids)} units", unit="image") as progress:

        def fill(start: int) -> None:
            end = min(start + max(IMAGES, block), len(images))
            # Memory that is taken anew for every block costs a processor more than the products do.
            work = torch.empty(min(block, end - start), height * width, len(centroids), device=device)
            for first, last in pairwise([*range(start, end, block), end]):
                batch = images[first:last].to(device, torch.float32)
                features[first:last] = _pooled(batch, dictionary, joined, quadrants, work).to("cpu", features.dtype)
            progress.update(end - start)

        side_by_side(fill, range(0, len(images), max(IMAGES, block)), threads)
    return features


def standardise(train: Tensor, test: Tensor) -> None:
    """In place, both: less the mean of the training images' feature, over the root of its variance + 0.01."""
    for start in range(0, train.shape[1], 256):
        columns = slice(start, start + 256)
        seen = train[:, columns].to(torch.float64)
        mean, scale = seen.mean(0), (seen.var(0) + SPREAD).sqrt()
        train[:, columns] = ((seen - mean) / scale).to(train.dtype)
        test[:, columns] = ((test[:, columns].to(torch.float64) - mean) / scale).to(test.dtype)


def _pooled(images: Tensor, dictionary: Dictionary, joined: Tensor, quadrants: Tensor, work: Tensor) -> Tensor:
    """float32 [B, 4·K] of float32 images [B, C, H, W]; `work` [at least B, places, K] is written over."""
    patches = unfold(images, dictionary.patch).transpose(1, 2)  # [B, places, P]
    points = (normalise_contrast(patches.flatten(0, 1)) - dictionary.mean) @ dictionary.whitening
    ones, squares = torch.ones_like(points[:, :1]), points.square().sum(1, keepdim=True)
    distances = work[: len(images)].flatten(0, 1)  # [B·places, K], a view
    torch.mm(torch.cat([squares, points, ones], dim=1), joined, out=distances).clamp_(min=0).sqrt_()
    torch.sub(distances.mean(1, keepdim=True), distances, out=distances).clamp_(min=0)
    return (quadrants @ work[: len(images)]).flatten(1)


def _quadrants(height: int, width: int) -> Tensor:
    """float32 [4, height·width]: which places each quadrant has; of an odd side the first half has one more."""
    rows, columns = (
        torch.stack([torch.arange(side) < (side + 1) // 2, torch.arange(side) >= (side + 1) // 2])
        for side in (height, width)
    )
    return (rows[:, None, :, None] & columns[None, :, None, :]).reshape(4, -1).to(torch.float32)


def _check_patch(images: Tensor, patch: int) -> None:
    if not 1 <= patch <= min(images.shape[2:]):
        raise InputError(
            f"Images of {images.shape[2]}×{images.shape[3]} pixels have no patches of {patch}×{patch}: choose a patch "
            "of at least 1 and no more than their side (feature_controls.patch in params.yaml)."
        )
