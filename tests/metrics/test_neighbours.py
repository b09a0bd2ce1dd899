"""Neighbours and repeats against plain loops over pixels, with repeats planted."""

from __future__ import annotations

import numpy as np
import pytest

from replication.metrics import neighbours
from replication.metrics.neighbours import duplicate_rate, nearest


def some_images(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 1, 4, 4)).astype(np.uint8)


def distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.array([[np.sqrt(((a.astype(float) - b.astype(float)) ** 2).sum()) for b in second] for a in first])


def plain_rate(samples: np.ndarray, real: np.ndarray) -> float:
    to_other = []
    for images in (samples, real):
        table = distances(images, images)
        np.fill_diagonal(table, np.inf)
        to_other.append(table.min(axis=1))
    return float(np.mean(to_other[0] < np.quantile(to_other[1], 0.01)))


def test_the_nearest_image_is_that_of_the_smallest_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, images = some_images(15, 0), some_images(40, 1)
    images[33] = images[4]  # equally near in two blocks: the first
    table = distances(samples, images)
    for block in (neighbours.BLOCK, 7):
        monkeypatch.setattr(neighbours, "BLOCK", block)
        squared, places = nearest(samples, images)
        assert places.tolist() == table.argmin(axis=1).tolist()
        assert squared.tolist() == np.rint(table.min(axis=1) ** 2).tolist()  # whole numbers, exactly
        assert [part.tolist() for part in nearest(images[[7, 3]], images)] == [[0.0, 0.0], [7, 3]]


def test_planted_repeats_are_counted() -> None:
    samples, real = some_images(100, 3), some_images(100, 4)
    fresh = duplicate_rate(samples, real)
    samples[80:] = samples[:20]  # twenty images, twice each
    rate, count = duplicate_rate(samples, real)
    assert (rate, count) == (plain_rate(samples, real), 100)
    assert fresh[0] <= 0.05
    assert 0.4 <= rate <= 0.4 + fresh[0]


def test_near_repeats_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "BLOCK", 7)
    samples, real = some_images(60, 5), some_images(60, 6)
    samples[1] = samples[0] ^ 1  # every pixel one level off
    assert duplicate_rate(samples, real)[0] == pytest.approx(plain_rate(samples, real))
    assert duplicate_rate(samples, real)[0] >= 2 / 60


def test_real_images_have_a_rate_of_one_per_cent() -> None:
    real = some_images(200, 7)
    assert duplicate_rate(real, real) == (0.01, 200)


def test_a_generator_of_one_image_repeats_itself_always() -> None:
    assert duplicate_rate(np.zeros((30, 1, 4, 4), np.uint8), some_images(30, 8)) == (1.0, 30)


@pytest.mark.parametrize(("n_samples", "n_real"), [(50, 30), (30, 50)])
def test_equally_many_are_compared(n_samples: int, n_real: int) -> None:
    samples, real = some_images(n_samples, 9), some_images(n_real, 10)
    samples[5] = samples[6]
    spaced = real[np.arange(30) * n_real // 30]  # a data set may be sorted by class
    assert duplicate_rate(samples, real) == (plain_rate(samples[:30], spaced), 30)
