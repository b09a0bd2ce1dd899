"""Coverage, diversity and colours of samples made so that the answer is known, and against plain loops."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from replication.metrics import stability
from replication.metrics.stability import colour_distance, coverage_course, mode_coverage, sample_diversity


def images(count: int, seed: int = 0, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, channels, 4, 4)).astype(np.uint8)


@pytest.mark.parametrize(
    ("shares", "coverage"),
    [([0.25] * 4, 1.0), ([1, 0, 0, 0], 0.25), ([0.9, 0.026, 0.05, 0.024], 0.75), ([0.925, 0.025, 0.025, 0.025], 1.0)],
)
def test_a_class_is_covered_from_a_tenth_of_its_fair_share_on(shares: list[float], coverage: float) -> None:
    assert mode_coverage(np.array(shares)) == coverage


ALL, HALF, ONE = [0.25] * 4, [0.5, 0.5, 0, 0], [1.0, 0, 0, 0]


@pytest.mark.parametrize(
    ("steps", "least"),
    [
        ([ONE, HALF, ALL, ALL], 1.0),
        ([ONE, ALL, HALF, ALL], 0.5),
        ([ALL, HALF, ONE], 0.25),
        ([ONE, HALF, HALF], 0.5),
        ([ONE], 0.25),
    ],
)
def test_a_drop_after_the_highest_coverage_is_seen(steps: list[list[float]], least: float) -> None:
    assert coverage_course(np.array(steps)) == least


def test_diverged_shares_have_no_value() -> None:
    assert np.isnan(mode_coverage(np.array([np.nan, 1.0])))
    assert np.isnan(coverage_course(np.array([ALL, [np.nan] * 4])))


def plain_distance(some: np.ndarray) -> float:
    return float(np.mean([np.sqrt(((a.astype(float) - b) ** 2).sum()) for a, b in combinations(some, 2)]))


def test_diversity_is_the_ratio_of_mean_distances_over_pairs() -> None:
    samples, real = images(20, 1, 3) // 2, images(15, 2, 3)
    assert sample_diversity(samples, real) == pytest.approx(plain_distance(samples) / plain_distance(real))
    assert sample_diversity(real[::-1], real) == pytest.approx(1.0)


def test_samples_collapsed_to_a_point_have_no_diversity_and_to_two_half() -> None:
    real = images(40)
    assert sample_diversity(np.repeat(real[:1], 30, axis=0), real) == 0.0
    two = np.repeat(real[:2], 50, axis=0)
    halves = np.sqrt(((real[0].astype(float) - real[1]) ** 2).sum()) * 50 * 50 / (100 * 99 / 2)
    assert sample_diversity(two, real) == pytest.approx(halves / plain_distance(real))


def test_the_first_images_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stability, "DIVERSITY_IMAGES", 5)
    samples, real = images(9, 3), images(8, 4)
    assert sample_diversity(samples, real) == pytest.approx(plain_distance(samples[:5]) / plain_distance(real[:5]))


@pytest.mark.parametrize(("channels", "bins"), [(1, 16), (3, 4), (3, 2), (1, 256)])
def test_colours_are_compared_cell_by_cell(channels: int, bins: int) -> None:
    samples, real = images(6, 5, channels) // 3, images(9, 6, channels)

    def counted(some: np.ndarray) -> np.ndarray:
        pixels = some.transpose(0, 2, 3, 1).reshape(-1, channels)
        return np.histogramdd(pixels, bins=bins, range=[(0, 256)] * channels)[0].ravel() / len(pixels)

    oracle = 0.5 * np.abs(counted(samples) - counted(real)).sum()
    assert 0.1 < colour_distance(samples, real, bins) == pytest.approx(oracle)


def test_colours_joined_and_extremes() -> None:
    real = images(5, 7, 3)
    assert colour_distance(real[::-1, :, ::-1], real) == 0.0  # moved pixels keep their colours
    assert colour_distance(np.full((2, 1, 4, 4), 15, np.uint8), np.zeros((3, 1, 4, 4), np.uint8)) == 0.0
    assert colour_distance(np.full((2, 1, 4, 4), 16, np.uint8), np.zeros((3, 1, 4, 4), np.uint8)) == 1.0
    red_or_green, both_or_none = np.zeros((2, 2, 3, 4, 4), np.uint8)
    red_or_green[0, 0], red_or_green[1, 1], both_or_none[0, :2] = 255, 255, 255
    assert colour_distance(red_or_green, both_or_none) == 1.0  # though each channel alone has one histogram
