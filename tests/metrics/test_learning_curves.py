"""Splits, sizes and crossings of learning curves, and naive Bayes with shared variances against its densities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, ttest_rel

from replication.foundation.errors import InputError
from replication.metrics import learning_curves
from replication.metrics.learning_curves import curves_cross, draw_split, fit_shared_variance, training_sizes

LABELS = np.repeat([3, 7], [20, 10])
SIZES = [4, 8, 16, 32]


def split(seed: int = 0, test_share: float = 0.3, per_class: int = 2) -> tuple[np.ndarray, np.ndarray]:
    return draw_split(LABELS, test_share, per_class, np.random.default_rng(seed), "some data")


def test_a_split_holds_out_a_share_of_every_class_and_trains_on_the_rest() -> None:
    order, test = split()
    assert sorted([*order, *test]) == list(range(30))
    assert np.unique(LABELS[test], return_counts=True)[1].tolist() == [6, 3]


def test_the_smallest_training_set_holds_as_many_of_each_class() -> None:
    for seed in range(20):
        order, _ = split(seed)
        assert sorted(LABELS[order[:4]].tolist()) == [3, 3, 7, 7]
    assert not np.array_equal(split(0)[0], split(1)[0]) and np.array_equal(split(2)[0], split(2)[0])


@pytest.mark.parametrize(("share", "per_class"), [(0.01, 2), (0.3, 8)])
def test_too_few_labels_of_a_class_are_one_clear_sentence(share: float, per_class: int) -> None:
    with pytest.raises(InputError, match="some data"):
        split(0, share, per_class)


def test_sizes_grow_evenly_in_their_logarithm_with_both_ends() -> None:
    assert training_sizes(4, 256, 4) == [4, 16, 64, 256]
    assert training_sizes(6, 7, 8) == [6, 7]
    sizes = training_sizes(20, 1258, 8)
    assert (sizes[0], sizes[-1], len(sizes)) == (20, 1258, 8) and sizes == sorted(set(sizes))


@pytest.mark.parametrize(
    ("name", "generative", "discriminative", "crosses", "size"),
    [
        ("crossing", [0.6, 0.7, 0.8, 0.8], [0.5, 0.7, 0.85, 0.9], True, 16),
        ("never, behind", [0.6, 0.7, 0.8, 0.8], [0.5, 0.6, 0.7, 0.8], False, None),
        ("never, ahead", [0.6, 0.7, 0.8, 0.8], [0.7, 0.8, 0.9, 0.9], False, None),
        ("a lead in between", [0.6, 0.9, 0.8, 0.8], [0.7, 0.8, 0.85, 0.9], True, 16),
        ("twice, behind again", [0.6, 0.7, 0.8, 0.9], [0.5, 0.8, 0.9, 0.8], False, None),
        ("three times", [0.6, 0.7, 0.9, 0.8], [0.5, 0.8, 0.8, 0.9], True, 32),
    ],
)
def test_crossings(
    name: str, generative: list[float], discriminative: list[float], crosses: bool, size: int | None
) -> None:
    each, two = (np.array(curve) + np.linspace(-0.02, 0.02, 9)[:, None] for curve in (generative, discriminative))
    assert curves_cross(each, two) is crosses  # on every split alike, so that each lead is beyond noise
    assert learning_curves.overtaking_size(SIZES, generative, discriminative) == size


def test_a_lead_within_noise_is_no_crossing_and_its_p_is_the_paired_t_tests() -> None:
    stream = np.random.default_rng(0)
    each, two = 0.8 + stream.normal(0, 0.02, (2, 12, 3))
    each[:, 0] += 0.004  # a fifth of the spread of one split
    two[:, 2] += 0.1
    assert not curves_cross(each, two)
    expected = ttest_rel(each[:, 0], two[:, 0], alternative="greater").pvalue
    assert learning_curves.lead_p_value(each[:, 0], two[:, 0]) == pytest.approx(expected)
    each[:, 0] += 0.05
    assert curves_cross(each, two) and not curves_cross(each[:, :2], two[:, :2])


@pytest.mark.parametrize(
    ("accuracies", "needed"),
    [
        ([0.5, 0.7, 0.79, 0.8], 16.0),  # within a point at a size measured
        ([0.5, 0.7, 0.78, 0.8], 16 * 2**0.5),  # half a doubling after one
        ([0.8, 0.7, 0.6, 0.8], 4.0),  # from the start, whatever comes later: a constant curve needs the fewest
        ([0.5, 0.6, 0.7, 0.71 + 0.29], 16 * 2 ** (0.29 / 0.3)),
    ],
)
def test_labels_needed_to_come_within_a_point_of_ones_end(accuracies: list[float], needed: float) -> None:
    assert learning_curves.labels_needed(SIZES, accuracies) == pytest.approx(needed)


def three_classes(count: int) -> tuple[np.ndarray, np.ndarray]:
    stream = np.random.default_rng(0)
    labels = stream.choice([2, 5, 9], count, p=[0.5, 0.3, 0.2])
    return stream.normal(size=(count, 4)) * [1.0, 2.0, 0.5, 3.0] + 0.7 * labels[:, None] * [1, 0, -1, 0.3], labels


def test_it_chooses_by_the_densities() -> None:
    features, labels = three_classes(60)
    classes = np.unique(labels)
    means = {k: features[labels == k].mean(axis=0) for k in classes}
    deviation = np.sqrt(np.mean([(x - means[k]) ** 2 for x, k in zip(features, labels, strict=True)], axis=0))
    new = three_classes(200)[0]
    scores = [[np.log(np.mean(labels == k)) + norm.logpdf(x, means[k], deviation).sum() for k in classes] for x in new]
    expected = classes[np.argmax(scores, axis=1)]
    predicted = fit_shared_variance(features, labels, 0.0).predict(new)
    assert (predicted == expected).all() and len(set(predicted.tolist())) == 3


def test_a_pseudo_example_tempers_a_feature_that_happens_not_to_vary_within_classes() -> None:
    """Hand-derived: the first feature is 0, 0, 1, 1, the second 0, 2, 2, 4; labels 0, 0, 1, 1."""
    features, labels = np.array([[0.0, 0.0], [0.0, 2.0], [1.0, 2.0], [1.0, 4.0]]), np.array([0, 0, 1, 1])
    rule = fit_shared_variance(features, labels, 1.0)
    variances = [(0 + 0.25) / 5, (4 + 2.0) / 5]
    assert rule.weights[:, 1] - rule.weights[:, 0] == pytest.approx([1 / variances[0], 2 / variances[1]])


def test_a_constant_feature_decides_nothing_even_where_it_varies_later() -> None:
    features, labels = three_classes(30)
    constant = np.column_stack([features, np.full(30, 3.0)])
    new = three_classes(100)[0]
    rule = fit_shared_variance(constant, labels, 1.0)
    assert rule.weights[-1].tolist() == [0.0, 0.0, 0.0]
    far = np.column_stack([new, np.full(100, 1e6)])
    assert (rule.predict(far) == fit_shared_variance(features, labels, 1.0).predict(new)).all()
