"""1-NN over a stream against scikit-learn, against distances written out, and where float32 cannot tell."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from replication.metrics import nearest_generated as metric
from replication.metrics.nearest_generated import nearest_labels

POINTS = torch.rand(40, 9, generator=torch.Generator().manual_seed(0))
SAMPLES = torch.rand(300, 9, generator=torch.Generator().manual_seed(1))
LABELS = torch.arange(300) * 7 % 10


def parts(samples: Tensor, labels: Tensor, *sizes: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The stream in parts of unequal size."""
    return zip(samples.split(list(sizes)), labels.split(list(sizes)), strict=True)


def written_out(points: Tensor, samples: Tensor, labels: Tensor) -> np.ndarray:
    """Labels of the first of the nearest samples, by sums of squares in float64."""
    difference = points.double().numpy()[:, None] - samples.double().numpy()[None]
    return labels.numpy()[(difference**2).sum(axis=2).argmin(axis=1)]


def test_labels_are_those_of_scikit_learn_at_every_count() -> None:
    counts = (1, 40, 123, 300)
    result = nearest_labels(POINTS, parts(SAMPLES, LABELS, 100, 1, 99, 100), counts)
    assert sorted(result) == list(counts)
    for count in counts:
        oracle = KNeighborsClassifier(1, algorithm="brute").fit(SAMPLES[:count].numpy(), LABELS[:count].numpy())
        assert np.array_equal(result[count], oracle.predict(POINTS.numpy()))
    assert len({result[count].tobytes() for count in counts}) == 4  # more samples do change the answer


@pytest.mark.parametrize(("chunk", "block"), [(1, 7), (7, 1), (64, 64), (10_000, 10_000)])
@pytest.mark.parametrize("data", ["far", "near", "equal"])
def test_no_size_of_chunk_or_block_changes_what_exact_arithmetic_finds(data: str, chunk: int, block: int) -> None:
    points, samples, labels = POINTS, SAMPLES[:90], LABELS[:90]
    if data == "near":  # distances from the points that differ in the eighth digit
        samples = 0.5 + 3e-7 * samples
        rounded = (samples.square().sum(1) - 2 * points @ samples.T).argmin(1)
        assert (labels[rounded].numpy() != written_out(points, samples, labels)).mean() > 0.2
    if data == "equal":  # pixels of few levels, so that the nearest distance occurs more than once
        points, samples = (points[:, :3] * 3).round(), (samples[:, :3] * 3).round()
    result = nearest_labels(points, parts(samples, labels, 30, 60), (45, 90), chunk, block)
    for count in (45, 90):
        assert np.array_equal(result[count], written_out(points, samples[:count], labels[:count]))


LONG = 300  # dimensions, more than a first look has


def long(rows: int, seed: int, rank: int = 5) -> Tensor:
    """Points that lie near few directions, as images do."""
    stream = torch.Generator().manual_seed(seed)
    directions = torch.rand(rank, LONG, generator=torch.Generator().manual_seed(9))
    return torch.rand(rows, rank, generator=stream) @ directions + 0.3 * torch.rand(rows, LONG, generator=stream)


def test_the_first_look_never_exceeds_a_distance_and_is_close_to_it() -> None:
    points, samples = long(400, 2).double(), long(70, 3, rank=8).double()
    basis = metric._directions(points)
    assert basis is not None and basis.shape == (LONG, metric.DIRECTIONS)
    short, brief = (metric._shortened(v, v.square().sum(1), basis).double() for v in (points, samples))
    seen, whole = ((a[:, None] - b[None]).square().sum(2) for a, b in ((short, brief), (points, samples)))
    assert (seen <= whole * (1 + 1e-6)).all() and (seen < 0.99 * whole).any()
    assert seen.mean() > 0.5 * whole.mean()


@pytest.mark.parametrize("pairs", [0, metric.PAIRS], ids=["compared", "measured"])
@pytest.mark.parametrize("block", [1, 16, 64])
def test_long_points_too_get_what_exact_arithmetic_finds(
    monkeypatch: pytest.MonkeyPatch, pairs: int, block: int
) -> None:
    """Whether pairs in doubt are measured one by one or compared in products; here some samples occur twice."""
    monkeypatch.setattr(metric, "PAIRS", pairs)
    points, samples, labels = long(60, 4), long(300, 5).repeat(2, 1), torch.arange(600)
    result = nearest_labels(points, parts(samples, labels, 250, 350), (100, 600), chunk=90, block=block)
    for count in (100, 600):
        assert np.array_equal(result[count], written_out(points, samples[:count], labels[:count]))
    assert result[600].max() < 300 and (result[100] != result[600]).any()


def test_the_stream_is_read_no_further_than_needed() -> None:
    read = []

    def endless() -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            read.append(len(read))
            yield SAMPLES, LABELS

    assert nearest_labels(POINTS, endless(), (600, 650))[650].shape == (40,)
    assert len(read) == 3


def test_a_stream_that_ends_early_is_refused() -> None:
    with pytest.raises(ValueError, match="301 samples"):
        nearest_labels(POINTS, [(SAMPLES, LABELS)], (3, 301))


@pytest.mark.gpu
def test_a_gpu_finds_what_the_cpu_finds() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    torch.backends.cuda.matmul.allow_tf32 = False
    near = 0.5 + 3e-7 * SAMPLES
    for samples in (SAMPLES, near):
        result = nearest_labels(POINTS.cuda(), [(samples.cuda(), LABELS.cuda())], (300,))
        assert np.array_equal(result[300], written_out(POINTS, samples, LABELS))
