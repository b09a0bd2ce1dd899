"""Straight walks by hand, and smoothness of walks whose changes are known."""

from __future__ import annotations

import numpy as np
import pytest

from replication.metrics.arithmetic import smoothness, straight_legs


def test_legs_go_straight_from_point_to_point() -> None:
    points = np.array([[[0.0, 0.0], [4.0, 8.0], [4.0, 0.0]]])
    legs = straight_legs(points, 4)
    assert legs.shape == (1, 2, 5, 2)
    assert legs[0, 0].tolist() == [[0, 0], [1, 2], [2, 4], [3, 6], [4, 8]]
    assert legs[0, 1].tolist() == [[4, 8], [4, 6], [4, 4], [4, 2], [4, 0]]


def test_a_cross_fade_is_as_smooth_as_can_be_and_a_jump_is_not() -> None:
    ends = np.random.default_rng(1).random((20, 2, 1, 4, 4))
    fades = straight_legs(ends, 8).reshape(20, 9, 1, 4, 4)
    assert smoothness(fades) == pytest.approx(1.0)
    jumps = np.where(np.arange(9)[None, :, None, None, None] < 5, fades[:, :1], fades[:, -1:])
    assert smoothness(jumps) == pytest.approx(1 / 8)


def test_smoothness_by_a_plain_loop() -> None:
    legs = np.random.default_rng(2).integers(0, 256, (6, 5, 1, 3, 3)).astype(np.uint8)
    each = []
    for leg in legs.astype(float):
        changes = [np.sqrt(((a - b) ** 2).sum()) for a, b in zip(leg, leg[1:], strict=False)]
        each.append(np.mean(changes) / max(changes))
    assert smoothness(legs) == pytest.approx(np.mean(each))


def test_detours_do_not_count() -> None:
    around = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float).reshape(1, 4, 1, 1, 2)
    assert smoothness(around) == pytest.approx(1.0)


def test_a_walk_along_which_nothing_changes_is_collapse() -> None:
    moving = np.linspace(0, 1, 5).reshape(1, 5, 1, 1, 1)
    assert smoothness(np.concatenate([moving, np.zeros_like(moving)])) == pytest.approx(0.5)
