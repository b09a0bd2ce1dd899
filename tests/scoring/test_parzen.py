"""An image cell's Parzen rows against the density written out, and where there are none."""

from __future__ import annotations

from dataclasses import replace
from math import log, pi

import numpy as np
import pytest

from replication.config.params import Cell
from replication.config.protocols import ProtocolOptions
from replication.data.reading import PreparedImages
from replication.models import load
from replication.models.layers.networks import Networks
from replication.scoring.image_cell import ImageCell
from replication.scoring.parzen import score_parzen
from replication.scoring.rows import Rows
from replication.scoring.trained import TrainedCell
from replication.training.sampling import draw_samples
from tests.in_small import own_params
from tests.scoring.small import by_key, trained_cell

RECIPE = replace(
    own_params().recipe("gan", "digits", "paper"),
    batch=10, latent_dim=3, pixels="unit", network={"hidden": [5], "nonlinearity": "relu"},
)  # fmt: skip
CHOSEN = np.array([0, 1, 2, 5, 6, 7])  # so that rows 3, 4, 8 and 9 of the training images choose the width
SIGMAS = np.logspace(-1, 0, 10)
FINE = np.logspace(-1, 0, 37)


def build() -> Networks:
    return load("gan").build(RECIPE.network, RECIPE.prior, RECIPE.latent_dim, (1, 2, 2))


def some_data() -> PreparedImages:
    images = np.random.default_rng(0).integers(0, 256, (16, 1, 2, 2)).astype(np.uint8)
    return PreparedImages("rows", images[:10], np.arange(10) % 2, images[10:], np.arange(6) % 2, ("a", "b"), {})


def scored(chosen: np.ndarray, diverged: dict[int, int] | None = None, n_test: int = 6) -> tuple[Rows, TrainedCell]:
    rows = Rows("paper", Cell("gan2014", "gan", "mnist", "rows", "some", "code", "0-1"), len(chosen), diverged or {})
    trained, data = trained_cell(build, RECIPE, rows), some_data()
    data = replace(data, test_images=data.test_images[:n_test], test_labels=data.test_labels[:n_test])
    score_parzen(ImageCell(rows, trained, build, RECIPE, data, chosen, None, "", ProtocolOptions(), 1), samples=20)
    return rows, trained


def densities(samples: np.ndarray, images: np.ndarray, sigma: float) -> list[float]:
    """Log of the mean over samples of N(image | sample, σ²I), one after the other."""
    points = images.reshape(len(images), -1) / 255
    norm = -0.5 * points.shape[1] * log(2 * pi * sigma**2)
    distances = [((point - samples) ** 2).sum(axis=1) for point in points]
    return [norm + log(np.exp(-squares / (2 * sigma**2)).mean()) for squares in distances]


def test_rows_are_the_density_of_the_test_images_at_the_best_width() -> None:
    rows, trained = scored(CHOSEN)
    measured, data = by_key(rows.collected, "seed", "step", "metric", "metric_variant"), some_data()
    assert len(measured) == 2 * 2 * 3 * 2
    for seed in (0, 1):
        generator = trained.networks(build, 0, seed).generator
        samples = draw_samples(generator, RECIPE, RECIPE.noise, seed, "parzen", 20).flatten(1).double().numpy()
        held_out = data.train_images[[3, 4, 8, 9]]
        for variant, grid in (("", SIGMAS), ("fine-grid", FINE)):
            sigma = grid[np.argmax([np.mean(densities(samples, held_out, width)) for width in grid])]
            expected = densities(samples, data.test_images, sigma)
            of_window = {
                metric: row for (*place, metric, name), row in measured.items() if [*place, name] == [seed, 0, variant]
            }
            assert {metric: row.value for metric, row in of_window.items()} == pytest.approx(
                {"parzen_width": sigma, "parzen_log_likelihood": np.mean(expected),
                 "parzen_standard_error": np.std(expected) / np.sqrt(6)})  # fmt: skip
            assert (of_window["parzen_log_likelihood"].n_samples, of_window["parzen_width"].n_samples) == (6, 4)


def test_without_images_to_choose_the_width_on_or_to_test_there_are_no_rows() -> None:
    assert scored(np.arange(10))[0].collected == scored(CHOSEN, n_test=0)[0].collected == []


def test_a_diverged_run_reads_nan_from_its_step_on() -> None:
    lost = {(row.seed, row.step) for row in scored(CHOSEN, {1: 8})[0].collected if np.isnan(row.value)}
    assert lost == {(1, 8)}
