"""1-NN on a stream of labelled samples that is too long to be held (DCGAN, Table 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

CHUNK = 8192  # samples that points are compared with at once
BLOCK = {"cpu": 128, "cuda": 16384}  # points at once: a table that stays in a cache of a core, or one that fills a GPU
DIRECTIONS = 127  # of a first look: those in which the points lie furthest from the origin
PAIRS = 8192  # measured one by one at most; of more, a product of matrices is cheaper
ROUNDING = 2.0**-24  # of float32


def nearest_labels(
    points: Tensor,
    stream: Iterable[tuple[Tensor, Tensor]],
    counts: Sequence[int],
    chunk: int = CHUNK,
    block: int | None = None,
) -> dict[int, np.ndarray]:
    """For each of `counts` n: the label, int64 [m], of the sample nearest to each point among the first n of a stream.

    `points` float32 [m, d]; the stream yields samples float32 [b, d] and their labels int64 [b], on the same device and
    in the same pixels. The stream is read once, and only each point's least distance and label stay in memory.

    Distances are Euclidean. Float32 finds the candidates, and whatever its rounding error could change is decided in
    float64: the result is that of exact arithmetic for all but distances that float64 cannot tell apart. The first of
    equally near samples counts. `chunk` and `block` change nothing.

    Raises:
        InputError: there are no points, a count is below 1, the stream ends before the largest, samples are not finite
            or of another dimension, or TF32 stands in for float32.
    """
    block = BLOCK.get(points.device.type, CHUNK) if block is None else block
    nearest = _Nearest(points, block)
    wanted, labels_at, seen = sorted(set(counts)), {}, 0
    for samples, labels in stream:
        begin = 0
        while begin < len(samples) and wanted:
            end = min(begin + chunk, len(samples), begin + wanted[0] - seen)
            nearest.meet(samples[begin:end], labels[begin:end])
            seen, begin = seen + end - begin, end
            if seen == wanted[0]:
                labels_at[wanted.pop(0)] = nearest.label.cpu().numpy().copy()
        if not wanted:
            return labels_at
    raise ValueError(f"1-NN wants {wanted[-1]} samples and the stream ends after {seen}")


class _Nearest:
    """Each point's least squared distance so far, float64 [m], and the label of its sample, int64 [m].

    A first look takes the distance in a few directions, joined with the difference of the lengths of the rest. It is
    never more than the whole distance, so only pairs that may be nearer than the least so far are measured.
    """

    def __init__(self, points: Tensor, block: int) -> None:
        wide = points.double()
        self.points, self.block, self.lengths = points, block, wide.square().sum(dim=1)
        self.basis = _directions(wide)
        self.short = _shortened(wide, self.lengths, self.basis)
        self.best = torch.full_like(self.lengths, torch.inf)
        self.label = torch.full_like(self.lengths, -1, dtype=torch.int64)

    @torch.no_grad()
    def meet(self, samples: Tensor, labels: Tensor) -> None:
        """Take what is nearer among samples float32 [b, d]."""
        wide = samples.double()
        squares = wide.square().sum(dim=1)
        short, shift = _shortened(wide, squares, self.basis), squares.float()
        # What rounding can make of a dot product of so many terms, and of what is around it (Higham 2002, §3.1).
        scale = (self.lengths.sqrt() + squares.max().sqrt()).square()
        limits = (self.best - self.lengths + scale * (short.shape[1] + 16) * ROUNDING).float()
        for begin in range(0, len(self.points), self.block):
            limit = limits[begin : begin + self.block, None]
            least = torch.addmm(
                shift, self.short[begin : begin + self.block], short.T, alpha=-2
            )  # less ‖point‖² [r, b]
            near = (least.amin(dim=1, keepdim=True) < limit).nonzero()[:, 0]
            if not len(near):
                continue
            possible = least[near] < limit[near]
            if int(possible.count_nonzero()) <= PAIRS:
                self._measure(begin + near, possible, wide, labels)
            else:
                self._compare(begin + near, scale[begin + near], samples, wide, squares, labels)

    def _measure(self, rows: Tensor, possible: Tensor, wide: Tensor, labels: Tensor) -> None:
        """Measure the pairs of points `rows` [r] and samples that `possible` bool [r, b] marks, some for every row."""
        row, sample = possible.nonzero().unbind(dim=1)
        distance = (self.points[rows[row]].double() - wide[sample]).square().sum(dim=1)
        least = torch.full_like(self.best[rows], torch.inf).scatter_reduce_(0, row, distance, "amin")
        nearest = torch.where(distance == least[row], sample, len(wide))
        first = torch.full_like(rows, len(wide)).scatter_reduce_(0, row, nearest, "amin")
        self._take(rows, least, labels[first])

    def _compare(
        self, rows: Tensor, scale: Tensor, samples: Tensor, wide: Tensor, squares: Tensor, labels: Tensor
    ) -> None:
        """Compare points `rows` [r] with all samples; `scale` bounds (‖point‖ + ‖sample‖)²."""
        terms = scale * (samples.shape[1] + 4)
        values = torch.addmm(squares.float(), self.points[rows], samples.T, alpha=-2)
        least, place = values.min(dim=1)
        others = values.scatter_(1, place[:, None], torch.inf).amin(dim=1)
        doubtful = (others - least <= 2 * terms * ROUNDING).nonzero()[:, 0]
        if len(doubtful):
            exact = torch.addmm(squares, self.points[rows[doubtful]].double(), wide.T, alpha=-2)
            close = exact <= exact.amin(dim=1, keepdim=True) + terms[doubtful, None] * 2.0**-52
            place[doubtful] = close.int().argmax(dim=1)  # the first of equals
        self._take(rows, (self.points[rows].double() - wide[place]).square().sum(dim=1), labels[place])

    def _take(self, rows: Tensor, distance: Tensor, label: Tensor) -> None:
        better = distance < self.best[rows]
        self.best[rows] = torch.where(better, distance, self.best[rows])
        self.label[rows] = torch.where(better, label, self.label[rows])


def _directions(points: Tensor) -> Tensor | None:
    """Orthonormal directions float64 [d, k] that hold most of the points [m, d]; none where d is small."""
    if points.shape[1] <= DIRECTIONS + 1:
        return None
    squares = (points.T @ points).cpu()
    return torch.linalg.eigh(squares).eigenvectors[:, -DIRECTIONS:].to(points.device)


def _shortened(values: Tensor, squares: Tensor, basis: Tensor | None) -> Tensor:
    """float32 [n, k + 1]: float64 values [n, d] in the basis, and the length of the rest; `squares` is ‖value‖² [n]."""
    if basis is None:
        return values.float()
    seen = values @ basis
    rest = (squares - seen.square().sum(dim=1)).clamp_min(0.0).sqrt()
    return torch.cat([seen, rest[:, None]], dim=1).float()
