"""Neighbours, repeats, memorisation and plausibility against plain loops over pixels, planted repeats."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from replication.foundation.errors import InputError
from replication.metrics import neighbours, plausibility
from replication.metrics.neighbours import duplicate_rate, memorisation_share, memorised, nearest
from replication.metrics.plausibility import learn_plausibility


def some_images(count: int, seed: int, side: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 1, side, side)).astype(np.uint8)


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


def with_repeats(samples: np.ndarray, count: int, change: int = 0) -> np.ndarray:
    """The first images again in the place of the next ones, every pixel `change` levels off."""
    return np.concatenate([samples[:count], samples[:count] ^ change, samples[2 * count :]])


REAL = some_images(200, 7)
RATES = {  # samples, real images, and the least and largest rate that may come out
    "fresh": (some_images(100, 3), some_images(100, 4), 0.0, 0.05),
    "twenty images twice": (with_repeats(some_images(100, 3), 20), some_images(100, 4), 0.4, 0.45),
    "two nearly alike": (with_repeats(some_images(60, 5), 1, 1), some_images(60, 6), 2 / 60, 0.1),
    "real images": (REAL, REAL, 0.01, 0.01),
    "one image": (np.zeros((30, 1, 4, 4), np.uint8), some_images(30, 8), 1.0, 1.0),
    "more samples": (with_repeats(some_images(50, 9), 1), some_images(30, 10), 2 / 30, 1.0),
    "more real images": (with_repeats(some_images(30, 9), 1), some_images(50, 10), 2 / 30, 1.0),
}


@pytest.mark.parametrize("name", RATES)
def test_the_rate_of_repeats_is_that_of_loops(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equally many are compared, evenly chosen of the real ones: a data set may be sorted by class."""
    samples, real, least, most = RATES[name]
    count = min(len(samples), len(real))
    expected = plain_rate(samples[:count], real[np.arange(count) * len(real) // count])
    for block in (neighbours.BLOCK, 7):
        monkeypatch.setattr(neighbours, "BLOCK", block)
        assert duplicate_rate(samples, real) == (expected, count)
    assert least <= expected <= most


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


def judge(scale: float = 3.0) -> nn.Sequential:
    layer = nn.Linear(9, 3, bias=False)
    layer.weight.data = scale * torch.randn(3, 9, generator=torch.Generator().manual_seed(0))
    return nn.Sequential(nn.Flatten(), layer)


def sureness(images: np.ndarray, network: nn.Sequential) -> list[float]:
    layer = network[1]
    assert isinstance(layer, nn.Linear)
    weights = layer.weight.detach().double().numpy()
    sure = []
    for image in images:
        odds = np.exp(weights @ (image.reshape(-1) / 127.5 - 1))
        sure.append(odds.max() / odds.sum())
    return sure


def test_plausible_by_plain_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plausibility, "BATCH", 7)
    network, real, held_out, images = judge(), some_images(40, 0, 3), some_images(30, 1, 3), some_images(50, 2, 3)
    least = np.percentile(sureness(held_out, network), 5)
    flat = [image.reshape(-1) / 127.5 for image in real.astype(float)]
    radii = [sorted(float(np.linalg.norm(a - b)) for b in flat)[3] for a in flat]  # the first is its own
    expected = []
    for image, sure in zip(images, sureness(images, network), strict=True):
        away = [np.linalg.norm(image.reshape(-1) / 127.5 - other) for other in flat]
        expected.append(any(a <= r for a, r in zip(away, radii, strict=True)) and sure >= least)
    assert learn_plausibility(network, real, held_out).of(images).tolist() == expected
    assert 0 < sum(expected) < len(expected)


def test_real_images_are_plausible_and_far_ones_are_not() -> None:
    real = (100 + some_images(60, 3, 3) // 8).astype(np.uint8)
    known = learn_plausibility(judge(0.0), real, real)  # a judge as sure of everything
    assert known.of(real).all()
    assert not known.of(np.full((4, 1, 3, 3), 255, np.uint8)).any()
    assert known.of(real[:0]).shape == (0,)


def test_what_the_judge_is_unsure_of_is_not_plausible() -> None:
    real = some_images(60, 4, 3)
    known = learn_plausibility(judge(), real, real)
    unsure = np.array(sureness(real, judge())) < np.percentile(sureness(real, judge()), 5)
    assert known.of(real).tolist() == (~unsure).tolist()


def test_bad_input_is_one_clear_sentence() -> None:
    real = some_images(10, 5, 3)
    for network, known, held_out, named in (
        (judge(), real[:3], real, "3 and 10"),
        (judge(), real, real[:0], "10 and 0"),
        (judge(float("nan")), real, real, "finite"),
    ):
        with pytest.raises(InputError, match=named):
            learn_plausibility(network, known, held_out)
