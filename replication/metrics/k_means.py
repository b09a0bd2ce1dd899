"""Lloyd's algorithm on points by the hundred thousand, in memory of a fixed size."""

from __future__ import annotations

import torch
from torch import Tensor
from tqdm import tqdm

from replication.foundation.runtime import side_by_side

CHUNK = 25_000  # points of one partial sum: fixed, so that a result does not depend on the number of threads
# Distances held at once: as many as fit into a processor's cache, or keep a GPU busy.
AT_ONCE = {"cpu": 1 << 20, "cuda": 1 << 27}


def at_once(distances: int, device: torch.device | str) -> int:
    """How many items of that many distances each are worked on together, at least one."""
    return max(1, AT_ONCE[torch.device(device).type] // distances)


def k_means(points: Tensor, centroids: Tensor, iterations: int, threads: int = 1) -> tuple[Tensor, tuple[float, ...]]:
    """Lloyd's algorithm from `centroids` [K, P] on `points` [n, P]; a centroid that loses all its points becomes zero.

    Returns the last centroids and, for every iteration, the mean squared distance to the nearest centroid before it.
    """
    squares, chunks, objectives = points.square().sum(1), range(0, len(points), CHUNK), []
    for _ in tqdm(range(iterations), desc=f"K-means, {len(centroids)} units", unit="iteration"):
        current = centroids

        def part(start: int, current: Tensor = current) -> tuple[Tensor, Tensor, Tensor]:
            return _assigned(points[start : start + CHUNK], squares[start : start + CHUNK], current)

        sums, counts, distances = zip(*side_by_side(part, chunks, threads), strict=True)
        count = torch.stack(counts).sum(0)  # [K]
        total = torch.stack(sums).sum(0, dtype=torch.float64)  # [K, P]
        centroids = (total / count.clamp_min(1)[:, None]).to(points.dtype)
        objectives.append(float(torch.stack(distances).sum()) / len(points))
    return centroids, tuple(objectives)


def _assigned(points: Tensor, squares: Tensor, centroids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sum [K, P] and number [K] of the points nearest to each centroid, and the sum of their squared distances."""
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
