"""1-NN on a stream of labelled samples that is too long to be held (DCGAN, Table 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from replication.errors import InputError

CHUNK, BLOCK = 8192, 2048  # samples and points compared at once: a table of 64 MiB


def nearest_labels(
    points: Tensor,
    stream: Iterable[tuple[Tensor, Tensor]],
    counts: Sequence[int],
    chunk: int = CHUNK,
    block: int = BLOCK,
) -> dict[int, np.ndarray]:
    """For each of `counts` n: the label, int64 [m], of the sample nearest to each point among the first n of a stream.

    `points` float32 [m, d]; the stream yields samples float32 [b, d] and their labels int64 [b], on the same device and
    in the same pixels. It is read once, and of it only each point's least distance and label are kept.

    Distances are Euclidean. Float32 finds the candidates, and whatever its rounding error could change is decided in
    float64: the result is that of exact arithmetic for all but distances that float64 cannot tell apart, of which the
    sample that comes first in the stream is taken, as it is where they are equal. `chunk` and `block` change nothing.

    Raises:
        InputError: there are no points, a count is below 1, the stream ends before the largest, samples are not finite
            or of another dimension, or TF32 stands in for float32.
    """
    _refuse(points, counts, chunk, block)
    best = points.new_full((len(points),), torch.inf, dtype=torch.float64)
    label = torch.full_like(best, -1, dtype=torch.int64)
    wanted, found, seen = sorted(set(counts)), {}, 0
    for samples, labels in stream:
        _refuse_samples(points, samples)
        begin = 0
        while begin < len(samples) and wanted:
            end = min(begin + chunk, len(samples), begin + wanted[0] - seen)
            for rows in torch.arange(len(points), device=points.device).split(block):
                _update(best, label, rows, points, samples[begin:end], labels[begin:end])
            seen, begin = seen + end - begin, end
            if seen == wanted[0]:
                found[wanted.pop(0)] = label.cpu().numpy().copy()
        if not wanted:
            return found
    raise InputError(
        f"1-NN wants {wanted[-1]} samples and the stream ends after {seen}: give as many, or ask for fewer."
    )


@torch.no_grad()
def _update(best: Tensor, label: Tensor, rows: Tensor, points: Tensor, samples: Tensor, labels: Tensor) -> None:
    """Let some points [r] meet some samples [b]: `best` (squared distances) and `label` take what is nearer."""
    own, wide = points[rows], samples.double()
    squares, lengths = wide.square().sum(dim=1), own.double().square().sum(dim=1)
    values = torch.addmm(squares.float(), own, samples.T, alpha=-2)  # squared distance less ‖point‖² [r, b]
    least, place = values.min(dim=1)
    # What rounding can make of a dot product of d terms, and of the sum around it (Higham 2002, §3.1).
    terms = (lengths.sqrt() + squares.max().sqrt()).square() * (points.shape[1] + 4)
    nearer = (least + lengths - terms * 2.0**-24 < best[rows]).nonzero()[:, 0]
    if not len(nearer):
        return
    rows, place, terms = rows[nearer], place[nearer], terms[nearer]
    others = values[nearer].scatter_(1, place[:, None], torch.inf)
    doubtful = (others.amin(dim=1) - least[nearer] <= terms * 2.0**-23).nonzero()[:, 0]
    if len(doubtful):
        exact = torch.addmm(squares, points[rows[doubtful]].double(), wide.T, alpha=-2)
        close = exact <= exact.amin(dim=1, keepdim=True) + terms[doubtful, None] * 2.0**-52
        place[doubtful] = close.int().argmax(dim=1)  # the first of equals
    distance = (points[rows].double() - wide[place]).square().sum(dim=1)
    better = distance < best[rows]
    best[rows[better]], label[rows[better]] = distance[better], labels[place[better]]


def _refuse(points: Tensor, counts: Sequence[int], chunk: int, block: int) -> None:
    if points.ndim != 2 or not points.numel() or points.dtype != torch.float32:
        raise InputError(
            f"1-NN: points are {points.dtype} of shape {list(points.shape)}; give a filled table [m, d] of float32."
        )
    if not counts or min(*counts, chunk, block) < 1:
        raise InputError(f"1-NN: counts {list(counts)}, chunk {chunk} and block {block}; give each as 1 or more.")
    if points.is_cuda and torch.backends.cuda.matmul.allow_tf32:
        raise InputError("1-NN: TF32 is on and would round distances; set torch.backends.cuda.matmul.allow_tf32 False.")


def _refuse_samples(points: Tensor, samples: Tensor) -> None:
    if samples.ndim != 2 or samples.shape[1] != points.shape[1] or samples.dtype != torch.float32:
        raise InputError(
            f"1-NN: samples are {samples.dtype} of shape {list(samples.shape)}; give float32 [b, {points.shape[1]}], "
            "as the points are."
        )
    if not samples.isfinite().all():
        raise InputError("1-NN: samples hold NaN or infinity; a run that diverged has no neighbours.")
