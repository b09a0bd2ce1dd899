"""Shares of neighbours against loops over pixels, a memoriser and draws from one population."""

from __future__ import annotations

import numpy as np
import pytest

from replication.metrics.neighbours import memorisation_share, memorised, nearest


def some_images(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 1, 4, 4)).astype(np.uint8)


def test_shares_of_sets_of_equal_size_are_counts() -> None:
    """Of levels 10, 20, 30 and 90 the first and the last are nearest to 0 and 100, trained on, the others to 25."""
    samples, training, held_out = (
        np.array(levels, np.uint8)[:, None, None, None] for levels in ([10, 20, 30, 90], [0, 100], [25, 60])
    )
    assert memorisation_share(samples, training, held_out) == (0.5, 4)
    assert memorisation_share(samples[:1], training, held_out) == (1.0, 1)
    assert memorisation_share(samples[1:2], training, held_out) == (0.0, 1)


def test_odds_are_divided_by_those_of_the_sizes() -> None:
    """Three of four samples nearer to one of three training images, not to the one held out, is chance: 3/4."""
    training, held_out, samples = (
        np.array(values, np.uint8)[:, None, None, None] for values in ([0, 50, 100], [200], [1, 51, 101, 201])
    )
    assert memorisation_share(samples, training, held_out)[0] == pytest.approx(0.5)
    assert memorisation_share(samples[[0, 3]], training, held_out)[0] == pytest.approx(1 / 4)  # odds 1 over 3


def test_equal_distances_are_chance() -> None:
    images = some_images(30, 2)
    assert memorisation_share(images[:5], images, images[:10])[0] == pytest.approx(0.5)


def test_a_memoriser_has_one_and_fresh_images_a_half() -> None:
    images = some_images(1400, 3)
    training, held_out, fresh = images[:400], images[400:500], images[500:]
    copies = memorised(training, 300, np.random.default_rng(0))
    assert copies.dtype == np.uint8 and np.sqrt(nearest(copies, training)[0]).max() < 4 * 16
    assert memorisation_share(copies, training, held_out)[0] == 1.0
    # 900 draws of probability 0.8: the odds over 4 lie within 3.3 standard deviations of even
    assert memorisation_share(fresh, training, held_out)[0] == pytest.approx(0.5, abs=3.3 * 0.25 / (0.16 * 900) ** 0.5)
