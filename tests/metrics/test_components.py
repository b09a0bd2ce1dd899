"""Mutual information of component and class against scikit-learn, a double loop and hand-derived cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from replication.foundation.errors import InputError
from replication.foundation.seeding import generator
from replication.metrics.components import component_information, duplicates_within, variance_share


def stream(seed: int = 0) -> np.random.Generator:
    return generator(seed, "permuted classes")


def naive(components: list[int], classes: list[int]) -> float:
    """Σ p(i, k) log p(i, k)/(p(i) p(k)) by its definition."""
    count, total = len(classes), 0.0
    for i in set(components):
        for k in set(classes):
            both = sum(1 for a, b in zip(components, classes, strict=True) if (a, b) == (i, k)) / count
            if both:
                total += both * math.log(both / (components.count(i) / count * classes.count(k) / count))
    return total


def dependent(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Components 0..6 whose class is component mod 4 in about half of the samples, and numbered with gaps."""
    draws = np.random.default_rng(seed)
    components = draws.integers(7, size=count)
    classes = np.where(draws.random(count) < 0.5, components % 4, draws.integers(4, size=count))
    return 3 * components, 10 * classes


@pytest.mark.parametrize(("count", "seed"), [(1, 0), (13, 1), (200, 2), (3000, 3)])
def test_information_is_scikit_learns_and_the_double_loops(count: int, seed: int) -> None:
    components, classes = dependent(count, seed)
    result = component_information(components, classes, 1, stream()).information
    assert result == pytest.approx(mutual_info_score(components, classes), abs=1e-12)
    assert result == pytest.approx(naive(components.tolist(), classes.tolist()), abs=1e-12)
    turned = component_information(classes, components, 1, stream()).information
    assert result == pytest.approx(turned, abs=1e-12)


def test_a_component_that_is_the_class_tells_all_of_it() -> None:
    classes = np.array([0, 1, 1, 2, 2, 2] * 50)
    result = component_information(classes, classes, 50, stream())
    entropy = -sum(p * math.log(p) for p in (1 / 6, 2 / 6, 3 / 6))
    assert result.information == pytest.approx(entropy, abs=1e-12)
    assert result.class_entropy == pytest.approx(entropy, abs=1e-12)
    assert result.of_entropy(result.information) == pytest.approx(1.0)
    assert result.p_value == pytest.approx(1 / 51)
    # Two components of one class each tell as much: there may be more components than classes.
    finer = component_information(2 * classes + np.arange(300) % 2, classes, 50, stream())
    assert finer.information == pytest.approx(entropy, abs=1e-12)


def test_independent_components_lie_within_the_permutation_band() -> None:
    draws = np.random.default_rng(5)
    studies = []
    for seed in range(40):
        components, classes = draws.integers(20, size=1000), draws.integers(5, size=1000)
        studies.append(component_information(components, classes, 60, stream(seed)))
    assert abs(np.mean([each.above_chance for each in studies])) < 0.002
    assert 0.0 < np.mean([each.information > each.chance_beyond for each in studies]) < 0.2  # 5 % are beyond it
    assert 0.35 < np.mean([each.p_value for each in studies]) < 0.65
    bias = 19 * 4 / (2 * 1000)  # of the estimate from counts (Miller 1955)
    assert np.mean([each.chance for each in studies]) == pytest.approx(bias, rel=0.05)


def test_chance_is_what_permutations_give() -> None:
    components, classes = dependent(120, 7)
    result, again = component_information(components, classes, 30, stream(4)), stream(4)
    order = np.unique(classes, return_inverse=True)[1]
    permuted = [mutual_info_score(components, again.permutation(order)) for _ in range(30)]
    assert result.chance == pytest.approx(np.mean(permuted), abs=1e-12)
    assert result.chance_beyond == pytest.approx(np.quantile(permuted, 0.95), abs=1e-12)
    assert result.above_chance == pytest.approx(result.information - np.mean(permuted), abs=1e-12)
    assert result.p_value == pytest.approx((1 + sum(value >= result.information for value in permuted)) / 31)


def test_samples_of_one_class_or_one_component_tell_nothing() -> None:
    each, many = np.zeros(40, int), np.arange(40) % 4
    same = component_information(many, each, 20, stream())
    assert (same.information, same.class_entropy, same.of_entropy(same.information)) == pytest.approx((0.0, 0.0, 0.0))
    assert same.p_value == 1.0  # every permutation does as well
    alone = component_information(each, many, 20, stream())
    assert alone.information == pytest.approx(0.0, abs=1e-12) and alone.class_entropy == pytest.approx(math.log(4))


def test_variance_within_components_is_that_of_the_analysis_of_variance() -> None:
    draw = stream(1)
    components = np.repeat([0, 1, 2], [30, 50, 20])
    samples = draw.normal(size=(100, 2, 3)) + np.array([0.0, 4.0, -3.0])[components, None, None]
    within = sum((np.var(samples[components == i], axis=0, ddof=1) * (np.sum(components == i) - 1)) for i in range(3))
    expected = np.sum(within) / 97 / np.var(samples, axis=0, ddof=1).sum()
    assert variance_share(samples, components) == pytest.approx(expected)


def test_variance_within_is_none_of_single_images_and_all_of_it_where_components_say_nothing() -> None:
    draw = stream(2)
    images = draw.integers(0, 256, (5, 1, 4, 4)).astype(np.uint8)
    assert variance_share(np.repeat(images, 8, axis=0), np.repeat(np.arange(5), 8)) == pytest.approx(0.0, abs=1e-12)
    shares = [variance_share(draw.normal(size=(60, 4)), np.arange(60) % 6) for _ in range(200)]
    assert np.mean(shares) == pytest.approx(1.0, abs=0.02)
    assert math.isnan(variance_share(np.ones((6, 4)), np.arange(6) % 2))


def test_components_of_one_sample_each_have_no_variance_within() -> None:
    with pytest.raises(InputError, match="component"):
        variance_share(np.arange(12.0).reshape(4, 3), np.arange(4))


def test_duplicates_within_are_of_the_same_component() -> None:
    samples = np.array([[0.0], [0.5], [10.0], [0.1], [10.2], [30.0]])
    components = np.array([0, 0, 0, 1, 1, 2])
    assert duplicates_within(samples, components, 1.0) == pytest.approx(2 / 6)  # 0 and .5; .1 is of another component
    assert duplicates_within(samples, components, 20.0) == pytest.approx(5 / 6)  # the last one is alone
