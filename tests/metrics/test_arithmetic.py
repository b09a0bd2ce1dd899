"""Concepts, sums and turns counted by hand, and against SciPy and NumPy where these know the answer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from replication.metrics.arithmetic import (
    HIGH,
    LOW,
    TERMS,
    combine,
    draw_exemplars,
    has,
    mean_slope,
    monotonicity,
    relative_spread,
    tercile_cuts,
    with_noise,
)


def stream() -> np.random.Generator:
    return np.random.default_rng(0)


def test_outer_terciles_hold_a_third_each() -> None:
    attributes = np.stack([np.arange(32.0), -np.arange(32.0)], axis=1)
    cuts = tercile_cuts(attributes)
    assert cuts == pytest.approx(np.array([[31 / 3, -62 / 3], [62 / 3, -31 / 3]]))
    assert np.flatnonzero(has(attributes, cuts, (LOW, HIGH))).tolist() == list(range(11))
    assert np.flatnonzero(has(attributes, cuts, (HIGH, LOW))).tolist() == list(range(21, 32))
    assert not has(attributes, cuts, (HIGH, HIGH)).any()


def test_what_cannot_be_measured_has_no_attribute() -> None:
    attributes = np.array([[np.nan, 3.0], [1.0, 1.0], [2.0, 2.0], [3.0, 0.0]])
    cuts = tercile_cuts(attributes)
    assert np.isfinite(cuts).all()
    assert not has(attributes, cuts, (LOW, HIGH))[0]
    assert np.isfinite(tercile_cuts(np.full((5, 2), np.nan))).all()


def test_where_all_are_alike_none_has_an_attribute() -> None:
    alike = np.ones((9, 2))
    assert not any(has(alike, tercile_cuts(alike), term).any() for term in TERMS)


def test_exemplars_have_their_concept_and_differ() -> None:
    concepts = [np.arange(5), np.arange(5, 9), np.arange(9, 12)]
    drawn = draw_exemplars(concepts, 3, 50, stream())
    assert drawn is not None and drawn.shape == (50, 3, 3)
    for place, rows in enumerate(concepts):
        assert set(drawn[:, place].ravel()) == set(rows)
    assert all(len(set(three)) == 3 for trial in drawn for three in trial)
    assert draw_exemplars(concepts, 4, 50, stream()) is None


def test_sums_by_hand() -> None:
    exemplars = np.array([[[[1.0], [3.0]], [[4.0], [6.0]], [[10.0], [20.0]]]])  # one trial, two exemplars each
    assert combine(exemplars).tolist() == [[2.0 - 5.0 + 15.0]]


def test_only_the_first_result_is_without_noise() -> None:
    results = with_noise(np.ones((200, 3), np.float32), 4, 0.25, stream())
    assert results.shape == (200, 4, 3) and (results[:, 0] == 1).all()
    noise = results[:, 1:] - 1
    assert 0.24 < np.abs(noise).max() <= 0.25
    assert noise.std() == pytest.approx(0.25 / np.sqrt(3), rel=0.05)


def test_spread_is_relative_to_the_samples() -> None:
    pool = np.stack([stream().normal(5, 2, 4000), stream().normal(0, 0.1, 4000)], axis=1)
    results = np.stack([np.array([-1.0, 1.0]), np.array([0.0, 0.0])], axis=1)
    own = pool.std(axis=0)
    assert relative_spread(results, pool) == pytest.approx(np.sqrt(((1 / own[0]) ** 2 + 0) / 2))
    assert relative_spread(pool, pool) == pytest.approx(1.0)
    assert np.isnan(relative_spread(results[:1], pool)) and np.isnan(relative_spread(results, np.ones((5, 2))))
    with_blank = np.concatenate([results, np.full((1, 2), np.nan)])
    assert relative_spread(with_blank, pool) == relative_spread(results, pool)


def test_monotonicity_is_spearmans_correlation_of_each_row() -> None:
    shares = np.linspace(0, 1, 9)
    for rows in (stream().normal(size=(30, 9)), stream().integers(0, 3, (20, 9)).astype(float)):  # with ties
        expected = [np.asarray(spearmanr(shares, row))[0] for row in rows]
        assert monotonicity(shares, rows) == pytest.approx(np.mean(expected))
    assert monotonicity(shares, np.stack([shares**3, -shares])) == pytest.approx(0.0)
    assert monotonicity(shares, np.stack([shares**3, np.zeros(9)])) == pytest.approx(0.5)
    blank = np.where(np.arange(9) == 4, np.nan, shares)
    assert monotonicity(shares, np.stack([shares, blank])) == pytest.approx(0.5)


def test_slope_is_that_of_a_fitted_line() -> None:
    shares, rows = np.linspace(0, 1, 9), stream().normal(size=(10, 9))
    assert mean_slope(shares, rows) == pytest.approx(np.mean([np.polyfit(shares, row, 1)[0] for row in rows]))
    rows[0, 3] = np.nan
    assert mean_slope(shares, rows) == pytest.approx(np.mean([np.polyfit(shares, row, 1)[0] for row in rows[1:]]))
    assert np.isnan(mean_slope(shares, rows[:1]))
