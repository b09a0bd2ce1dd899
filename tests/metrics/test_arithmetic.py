"""Concepts, sums, turns and walks by hand and against SciPy, and strokes drawn with a known width and shear."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt
from scipy.stats import spearmanr

from replication.foundation.errors import InputError
from replication.metrics import arithmetic
from replication.metrics.arithmetic import HIGH, has, relative_spread, slant, smoothness, tercile_cuts, thickness


def stream() -> np.random.Generator:
    return np.random.default_rng(0)


def test_outer_terciles_hold_a_third_each() -> None:
    attributes = np.stack([np.arange(32.0), -np.arange(32.0)], axis=1)
    cuts = tercile_cuts(attributes)
    assert cuts == pytest.approx(np.array([[31 / 3, -62 / 3], [62 / 3, -31 / 3]]))
    assert np.flatnonzero(has(attributes, cuts, (arithmetic.LOW, HIGH))).tolist() == list(range(11))
    assert np.flatnonzero(has(attributes, cuts, (HIGH, arithmetic.LOW))).tolist() == list(range(21, 32))
    assert not has(attributes, cuts, (HIGH, HIGH)).any()


def test_what_cannot_be_measured_has_no_attribute() -> None:
    attributes = np.array([[np.nan, 3.0], [1.0, 1.0], [2.0, 2.0], [3.0, 0.0]])
    cuts = tercile_cuts(attributes)
    assert np.isfinite(cuts).all()
    assert not has(attributes, cuts, (arithmetic.LOW, HIGH))[0]
    assert np.isfinite(tercile_cuts(np.full((5, 2), np.nan))).all()


def test_where_all_are_alike_none_has_an_attribute() -> None:
    alike = np.ones((9, 2))
    assert not any(has(alike, tercile_cuts(alike), term).any() for term in arithmetic.TERMS)


def test_exemplars_have_their_concept_and_differ() -> None:
    concepts = [np.arange(5), np.arange(5, 9), np.arange(9, 12)]
    drawn = arithmetic.draw_exemplars(concepts, 3, 50, stream())
    assert drawn is not None and drawn.shape == (50, 3, 3)
    for place, rows in enumerate(concepts):
        assert set(drawn[:, place].ravel()) == set(rows)
    assert all(len(set(three)) == 3 for trial in drawn for three in trial)
    assert arithmetic.draw_exemplars(concepts, 4, 50, stream()) is None


def test_sums_by_hand() -> None:
    exemplars = np.array([[[[1.0], [3.0]], [[4.0], [6.0]], [[10.0], [20.0]]]])  # one trial, two exemplars each
    assert arithmetic.combine(exemplars).tolist() == [[2.0 - 5.0 + 15.0]]


def test_only_the_first_result_is_without_noise() -> None:
    results = arithmetic.with_noise(np.ones((200, 3), np.float32), 4, 0.25, stream())
    assert results.shape == (200, 4, 3) and (results[:, 0] == 1).all()
    noise = results[:, 1:] - 1
    assert 0.24 < np.abs(noise).max() <= 0.25
    assert noise.std() == pytest.approx(0.25 / np.sqrt(3), rel=0.05)


def test_spread_is_relative_to_the_samples() -> None:
    pool = np.stack([stream().normal(5, 2, 4000), stream().normal(0, 0.1, 4000)], axis=1)
    results = np.stack([np.array([-1.0, 1.0]), np.array([0.0, 0.0])], axis=1)
    spread = pool.std(axis=0)
    assert relative_spread(results, pool) == pytest.approx(np.sqrt(((1 / spread[0]) ** 2 + 0) / 2))
    assert relative_spread(pool, pool) == pytest.approx(1.0)
    assert np.isnan(relative_spread(results[:1], pool)) and np.isnan(relative_spread(results, np.ones((5, 2))))
    with_blank = np.concatenate([results, np.full((1, 2), np.nan)])
    assert relative_spread(with_blank, pool) == relative_spread(results, pool)


def test_monotonicity_is_spearmans_correlation_of_each_row() -> None:
    shares = np.linspace(0, 1, 9)
    for rows in (stream().normal(size=(30, 9)), stream().integers(0, 3, (20, 9)).astype(float)):  # with ties
        expected = [np.asarray(spearmanr(shares, row))[0] for row in rows]
        assert arithmetic.monotonicity(shares, rows) == pytest.approx(np.mean(expected))
    assert arithmetic.monotonicity(shares, np.stack([shares**3, -shares])) == pytest.approx(0.0)
    assert arithmetic.monotonicity(shares, np.stack([shares**3, np.zeros(9)])) == pytest.approx(0.5)
    blank = np.where(np.arange(9) == 4, np.nan, shares)
    assert arithmetic.monotonicity(shares, np.stack([shares, blank])) == pytest.approx(0.5)


def test_slope_is_that_of_a_fitted_line() -> None:
    shares, rows = np.linspace(0, 1, 9), stream().normal(size=(10, 9))
    slopes = [np.polyfit(shares, row, 1)[0] for row in rows]
    assert arithmetic.mean_slope(shares, rows) == pytest.approx(np.mean(slopes))
    rows[0, 3] = np.nan
    assert arithmetic.mean_slope(shares, rows) == pytest.approx(np.mean(slopes[1:]))
    assert np.isnan(arithmetic.mean_slope(shares, rows[:1]))


def test_legs_go_straight_from_point_to_point() -> None:
    points = np.array([[[0.0, 0.0], [4.0, 8.0], [4.0, 0.0]]])
    legs = arithmetic.straight_legs(points, 4)
    assert legs.shape == (1, 2, 5, 2)
    assert legs[0, 0].tolist() == [[0, 0], [1, 2], [2, 4], [3, 6], [4, 8]]
    assert legs[0, 1].tolist() == [[4, 8], [4, 6], [4, 4], [4, 2], [4, 0]]


def test_smoothness_by_a_plain_loop() -> None:
    legs = np.random.default_rng(2).integers(0, 256, (6, 5, 1, 3, 3)).astype(np.uint8)
    each = []
    for leg in legs.astype(float):
        changes = [np.sqrt(((a - b) ** 2).sum()) for a, b in zip(leg, leg[1:], strict=False)]
        each.append(np.mean(changes) / max(changes))
    assert smoothness(legs) == pytest.approx(np.mean(each))


def test_a_walk_along_which_nothing_changes_is_collapse() -> None:
    moving = np.linspace(0, 1, 5).reshape(1, 5, 1, 1, 1)
    assert smoothness(np.concatenate([moving, np.zeros_like(moving)])) == pytest.approx(0.5)


FINE = 16  # parts of a pixel's side that a stroke is drawn with
LENGTH = {28: 18.0, 8: 6.0}


def inside(side: int, width: float, shear: float = 0.0, shift: float = 0.0) -> np.ndarray:
    """bool [FINE · side] squared: a stroke of perpendicular width `width`, sheared to the right by `shear`."""
    places = (np.arange(side * FINE) + 0.5) / FINE - side / 2
    height, across = np.meshgrid(-places, places, indexing="ij")
    return (np.abs(across - shift - shear * height) <= width / 2 * np.hypot(1, shear)) & (
        np.abs(height) <= LENGTH[side] / 2
    )


def stroke(side: int, width: float, shear: float = 0.0, shift: float = 0.0) -> np.ndarray:
    """The same as an image uint8 [1, 1, side, side], each pixel as bright as it is covered."""
    covered = inside(side, width, shear, shift).reshape(side, FINE, side, FINE).mean((1, 3))
    return np.round(255 * covered).astype(np.uint8)[None, None]


@pytest.mark.parametrize(("side", "width"), [(28, 1.0), (28, 2.0), (28, 4.0), (8, 0.7), (8, 1.0), (8, 1.5), (8, 2.0)])
@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("shear", [0.0, 0.4])
def test_thickness_is_area_over_half_the_contour(side: int, width: float, shift: float, shear: float) -> None:
    length = LENGTH[side] * np.hypot(1, shear)
    expected = width * length / (length + width)  # of a rectangle; a sheared one is a parallelogram, nearly that
    assert thickness(stroke(side, width, shear, shift))[0] == pytest.approx(expected, rel=0.13)


def test_thickness_grows_with_width_wherever_a_stroke_falls() -> None:
    for side, widths in ((28, (1.0, 1.5, 2.0, 3.0, 4.0)), (8, (0.7, 1.0, 1.4, 2.0))):
        drawn = [[thickness(stroke(side, w, s, x))[0] for s in (-0.3, 0, 0.3) for x in (0, 0.25, 0.5)] for w in widths]
        assert all(max(thin) < min(thick) for thin, thick in zip(drawn, drawn[1:], strict=False))


def test_thickness_agrees_with_depths_in_a_finely_drawn_stroke() -> None:
    """An independent computation: depths rise from 0 to half the width, so that width is 4 × their mean."""
    for width in (1.5, 2.5, 3.5):
        shape, length = inside(28, width, 0.3), LENGTH[28] * np.hypot(1, 0.3)
        across = 4 * np.asarray(distance_transform_edt(shape))[shape].mean() / FINE
        assert thickness(stroke(28, width, 0.3))[0] == pytest.approx(across * length / (length + across), rel=0.13)


def test_a_ring_is_as_thick_as_it_is_drawn() -> None:
    places = (np.arange(28 * FINE) + 0.5) / FINE - 14
    radius = np.hypot(*np.meshgrid(places, places))
    for width in (1.5, 3.0):
        covered = (np.abs(radius - 8) <= width / 2).reshape(28, FINE, 28, FINE).mean((1, 3))
        ring = np.round(255 * covered).astype(np.uint8)[None, None]
        assert thickness(ring)[0] == pytest.approx(width, rel=0.1)


@pytest.mark.parametrize("side", [28, 8])
@pytest.mark.parametrize("shear", [-0.5, -0.2, 0.0, 0.3])
def test_slant_is_the_shear_of_an_upright_stroke(side: int, shear: float) -> None:
    for width, shift in ((1.0, 0.0), (1.0, 0.3), (2.0, 0.5)):
        assert slant(stroke(side, width, shear, shift))[0] == pytest.approx(shear, abs=0.02)


def test_slant_by_a_plain_sum_over_pixels() -> None:
    image = np.random.default_rng(1).integers(0, 256, (1, 1, 6, 5)).astype(np.uint8)
    ink = np.where(image[0, 0] >= 25.5, image[0, 0] / 255, 0.0)
    points = [(x, -y, ink[y, x]) for y in range(6) for x in range(5)]
    total = sum(m for *_, m in points)
    mean_x, mean_y = (sum(p[i] * p[2] for p in points) / total for i in (0, 1))
    above = sum(m * (x - mean_x) * (y - mean_y) for x, y, m in points)
    assert slant(image)[0] == pytest.approx(above / sum(m * (y - mean_y) ** 2 for _, y, m in points))


def test_a_faint_background_changes_nothing() -> None:
    clean = stroke(28, 2.0, 0.4)
    assert np.array_equal(
        arithmetic.stroke_attributes(np.where(clean == 0, 20, clean).astype(np.uint8)),
        arithmetic.stroke_attributes(clean),
    )


def test_without_ink_there_is_no_measure() -> None:
    blank, flat = np.zeros((1, 1, 8, 8), np.uint8), np.zeros((1, 1, 8, 8), np.uint8)
    flat[0, 0, 4, 1:7] = 255
    assert np.isnan(arithmetic.stroke_attributes(blank)).all()
    assert np.isnan(slant(flat)[0]) and np.isfinite(thickness(flat)[0])
    assert arithmetic.stroke_attributes(blank[:0]).shape == (0, 2)


def test_colours_and_bright_backgrounds_are_refused() -> None:
    for images in (np.zeros((2, 3, 8, 8), np.uint8), 255 - stroke(8, 1.0)):
        with pytest.raises(InputError, match="images of some"):
            arithmetic.require_strokes(images, "some")
    arithmetic.require_strokes(stroke(8, 1.0), "digits")
