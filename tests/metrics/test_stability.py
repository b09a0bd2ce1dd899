"""Histories, filters and samples made so that the answer is known, plain loops, and runs that must fail."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from replication.metrics import stability
from replication.metrics.stability import collapsed_filters, colour_distance, loss_oscillation, sample_diversity

TIME = np.arange(800)


def stream(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def wave(period: float, swing: float = 0.5, level: float = 1.0) -> np.ndarray:
    return level + swing * np.sin(2 * np.pi * TIME / period + 0.3)


@pytest.mark.parametrize("period", [2.1, 5, 13.7, 50, 90])
@pytest.mark.parametrize("swing", [0.1, 0.5, 1.0])
def test_a_sinusoids_oscillation_is_that_of_its_swing(period: float, swing: float) -> None:
    oracle = np.sqrt(swing**2 / 2 / (1 + swing**2 / 2))  # mean squares of the wave and of the level
    assert loss_oscillation(wave(period, swing)) == pytest.approx(oracle, rel=0.02)


def test_an_oscillation_has_no_unit_and_no_sign() -> None:
    once = loss_oscillation(wave(40))
    assert loss_oscillation(250 * wave(40)) == pytest.approx(once)
    assert loss_oscillation(-wave(40).astype(np.float32)) == pytest.approx(once, rel=1e-5)


def test_what_swings_without_a_level_is_all_oscillation() -> None:
    assert loss_oscillation(wave(20, level=0.0)) == pytest.approx(1.0, abs=0.01)


def test_jumps_back_and_forth_are_an_oscillation() -> None:
    for there_and_back in (np.sign(wave(50, level=0.0)), (-1.0) ** TIME, (-1.0) ** TIME[:-1]):
        assert loss_oscillation(1 + 0.5 * there_and_back) == pytest.approx(np.sqrt(0.25 / 1.25), rel=0.03)


@pytest.mark.parametrize(
    "calm",
    [
        np.full(800, 0.69),
        np.zeros(800),
        2 - TIME / 800,
        np.exp(-3 * TIME / 800),
        1 / (1 + TIME / 80),
        1 + 0.5 * np.sin(np.pi * TIME / 800),
    ],
    ids=["constant", "zero", "falling", "decaying", "hyperbolic", "arched"],
)
def test_what_moves_slowly_does_not_oscillate(calm: np.ndarray) -> None:
    assert loss_oscillation(calm) < 0.005


@pytest.mark.parametrize("seed", range(5))
def test_white_noise_is_taken_off(seed: int) -> None:
    noise = 0.3 * stream(seed).normal(size=800)
    assert loss_oscillation(1 + noise) < 0.15  # its own share is .29
    assert loss_oscillation(wave(40) + noise) == pytest.approx(loss_oscillation(wave(40)), abs=0.06)


def test_only_the_second_half_is_judged() -> None:
    wild = wave(20)
    settled, broken = wild.copy(), wild.copy()
    settled[400:] = 1.0
    broken[:400] = 1.0
    assert loss_oscillation(settled) < 0.005
    assert loss_oscillation(broken) == pytest.approx(loss_oscillation(wild))


def test_a_diverged_history_has_no_oscillation() -> None:
    assert np.isnan(loss_oscillation(np.where(TIME == 3, np.nan, 1.0)))
    assert np.isnan(loss_oscillation(np.where(TIME == 799, np.inf, 1.0)))


def test_filters_without_a_spread_have_collapsed() -> None:
    lively = stream().exponential(size=(200, 6))
    lively[:, 1] = 0.0  # dead
    lively[:, 4] = 7.0 + 0.3 * stream(1).uniform(-1, 1, 200)  # 2.5 % of its size
    assert collapsed_filters(lively) == pytest.approx(2 / 6)
    assert collapsed_filters(1e-6 * lively) == pytest.approx(2 / 6)


def test_a_filter_that_varies_a_little_more_has_not_collapsed() -> None:
    alternating = np.tile([-1.0, 1.0], 50)
    filters = np.stack([1 + 0.049 * alternating, 1 + 0.052 * alternating], axis=1)
    assert collapsed_filters(filters) == 0.5


def test_one_map_for_every_sample_is_a_collapse_and_equal_means_are_not() -> None:
    lines = stream().normal(size=(4, 4))
    same = np.broadcast_to(lines, (30, 4, 4))
    shuffled = np.stack([stream(i).permuted(lines.ravel()).reshape(4, 4) for i in range(30)])
    assert collapsed_filters(np.stack([same, shuffled], axis=1)) == 0.5
    assert collapsed_filters(shuffled[:, None]) == 0.0
    assert collapsed_filters(shuffled.mean(axis=(1, 2), keepdims=True)) == 1.0


def test_diverged_activations_have_no_value() -> None:
    assert np.isnan(collapsed_filters(np.array([[1.0], [np.nan]])))


CALM = 0.7 + 0.02 * stream(9).normal(size=800)
HEALTHY: dict[str, Any] = {
    "diverged": False,
    "generator_losses": 2 * CALM,
    "discriminator_losses": CALM,
    "discriminator_scale": 0.5,
    "diversity": 0.9,
    "coverage": 1.0,
}
FAILURES: dict[str, dict[str, Any]] = {
    "diverged": {"diverged": True},
    "the generator's loss swings": {"generator_losses": wave(40)},
    "the discriminator's loss swings": {"discriminator_losses": wave(40)},
    "loss not finite": {"generator_losses": np.full(800, np.nan)},
    "other loss not finite": {"discriminator_losses": np.full(800, np.nan)},
    "discriminator has won": {"discriminator_losses": np.full(800, 0.009)},
    "discriminator has won, under a doubled loss": {
        "discriminator_losses": np.full(800, 0.018),
        "discriminator_scale": 1.0,
    },
    "collapsed to a point": {"diversity": 0.0},
    "less than half as diverse": {"diversity": 0.49},
    "diversity unknown": {"diversity": float("nan")},
    "less than half the classes": {"coverage": 0.4},
    "coverage unknown": {"coverage": float("nan")},
}


def judged(**changes: Any) -> bool:
    return stability.stable(**{**HEALTHY, **changes})


def test_a_healthy_run_is_stable_at_the_thresholds_too() -> None:
    assert judged() is True
    assert judged(diversity=0.5, coverage=0.5) is True
    assert judged(discriminator_losses=np.full(800, 0.011)) is True
    assert judged(generator_losses=wave(40, swing=0.35)) is True


@pytest.mark.parametrize("failure", FAILURES)
def test_every_failure_alone_makes_a_run_unstable(failure: str) -> None:
    assert judged(**FAILURES[failure]) is False


def images(count: int, seed: int = 0, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, channels, 4, 4)).astype(np.uint8)


@pytest.mark.parametrize(
    ("shares", "coverage"),
    [([0.25] * 4, 1.0), ([1, 0, 0, 0], 0.25), ([0.9, 0.026, 0.05, 0.024], 0.75), ([0.925, 0.025, 0.025, 0.025], 1.0)],
)
def test_a_class_is_covered_from_a_tenth_of_its_fair_share_on(shares: list[float], coverage: float) -> None:
    assert stability.mode_coverage(np.array(shares)) == coverage


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
    assert stability.coverage_course(np.array(steps)) == least


def test_diverged_shares_have_no_value() -> None:
    assert np.isnan(stability.mode_coverage(np.array([np.nan, 1.0])))
    assert np.isnan(stability.coverage_course(np.array([ALL, [np.nan] * 4])))


def plain_distance(some: np.ndarray) -> float:
    return float(np.mean([np.sqrt(((a.astype(float) - b) ** 2).sum()) for a, b in combinations(some, 2)]))


def test_diversity_is_the_ratio_of_mean_distances_over_pairs() -> None:
    samples, real = images(20, 1, 3) // 2, images(15, 2, 3)
    assert sample_diversity(samples, real) == pytest.approx(plain_distance(samples) / plain_distance(real))
    assert sample_diversity(np.repeat(real[:1], 30, axis=0), real) == 0.0


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


@pytest.mark.parametrize(("level", "distance"), [(15, 0.0), (16, 1.0)])
def test_cells_have_sixteen_levels(level: int, distance: float) -> None:
    black = np.zeros((3, 1, 4, 4), np.uint8)
    assert colour_distance(np.full((2, 1, 4, 4), level, np.uint8), black) == distance
