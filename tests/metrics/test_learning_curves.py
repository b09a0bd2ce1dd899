"""Splits, training sizes and crossings of two learning curves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from replication.foundation.errors import InputError
from replication.metrics.learning_curves import (
    curves_cross,
    draw_split,
    labels_needed,
    lead_p_value,
    overtaking_size,
    training_sizes,
)

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
    one, two = (np.array(curve) + np.linspace(-0.02, 0.02, 9)[:, None] for curve in (generative, discriminative))
    assert curves_cross(one, two) is crosses  # on every split alike, so that each lead is beyond noise
    assert overtaking_size(SIZES, generative, discriminative) == size


def test_a_lead_within_noise_is_no_crossing_and_its_p_is_the_paired_t_tests() -> None:
    stream = np.random.default_rng(0)
    one, two = 0.8 + stream.normal(0, 0.02, (2, 12, 3))
    one[:, 0] += 0.004  # a fifth of the spread of one split
    two[:, 2] += 0.1
    assert not curves_cross(one, two)
    assert lead_p_value(one[:, 0], two[:, 0]) == pytest.approx(
        stats.ttest_rel(one[:, 0], two[:, 0], alternative="greater").pvalue
    )
    one[:, 0] += 0.05
    assert curves_cross(one, two) and not curves_cross(one[:, :2], two[:, :2])


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
    assert labels_needed(SIZES, accuracies) == pytest.approx(needed)
