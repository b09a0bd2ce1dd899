"""Thickness and slant of strokes drawn with a known width and shear, on 28×28 and on 8×8 pixels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from replication.foundation.errors import InputError
from replication.metrics.arithmetic import require_strokes, slant, stroke_attributes, thickness

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


def test_shearing_any_shape_by_whole_pixels_adds_to_its_slant() -> None:
    """Rows moved by one pixel for each row upwards are a shear of exactly 1, without a pixel resampled."""
    shape = np.zeros((1, 1, 24, 24), np.uint8)
    shape[0, 0, 8:16, 8:14] = np.random.default_rng(0).integers(60, 256, (8, 6))
    moved = np.stack([np.roll(row, 12 - line) for line, row in enumerate(shape[0, 0])])[None, None]
    assert slant(moved)[0] == pytest.approx(slant(shape)[0] + 1.0, abs=1e-9)


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
    assert np.array_equal(stroke_attributes(np.where(clean == 0, 20, clean).astype(np.uint8)), stroke_attributes(clean))


def test_without_ink_there_is_no_measure() -> None:
    blank, flat = np.zeros((1, 1, 8, 8), np.uint8), np.zeros((1, 1, 8, 8), np.uint8)
    flat[0, 0, 4, 1:7] = 255
    assert np.isnan(stroke_attributes(blank)).all()
    assert np.isnan(slant(flat)[0]) and np.isfinite(thickness(flat)[0])
    assert stroke_attributes(blank[:0]).shape == (0, 2)


def test_colours_and_bright_backgrounds_are_refused() -> None:
    for images in (np.zeros((2, 3, 8, 8), np.uint8), 255 - stroke(8, 1.0)):
        with pytest.raises(InputError, match="images of some"):
            require_strokes(images, "some")
    require_strokes(stroke(8, 1.0), "digits")
