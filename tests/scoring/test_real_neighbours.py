"""Parzen windows and 1-NN, of samples and of training images in their place, against densities and scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from math import log, pi

import numpy as np
import pytest
from sklearn.neighbors import KernelDensity, KNeighborsClassifier

from replication.config.params import Cell
from replication.config.protocols import ProtocolOptions, RealNeighbours
from replication.config.recipes import Labels
from replication.data.reading import PreparedImages
from replication.experiments.real_neighbours import score_real_neighbours, subset
from replication.foundation.seeding import generator
from replication.metrics.parzen import SIGMAS
from replication.scoring.image_cell import ImageCell
from replication.scoring.parzen import score_parzen
from replication.scoring.rows import Rows
from replication.scoring.trained import TrainedCell
from replication.table.measurements import Measurement, to_table
from replication.training.draws import labelled_rows
from replication.training.sampling import draw_samples
from tests.in_small import builder, own_params
from tests.scoring.small import by_key, trained_cell

CLASSES, OPTIONS = 3, RealNeighbours(window=20, per_class=(2, 5, 500))
STREAM = np.random.default_rng(0)
TARGETS = np.arange(90) % CLASSES
IMAGES = (STREAM.integers(0, 160, (90, 1, 3, 3)) + 40 * TARGETS[:, None, None, None]).astype(np.uint8)
DATA = PreparedImages("rows", IMAGES[:60], TARGETS[:60], IMAGES[60:], TARGETS[60:], ("a", "b", "c"), {})
SPLIT = np.arange(0, 60, 2)[::-1]


def scored(chosen: np.ndarray, seeds: str) -> list[Measurement]:
    cell = Cell("background", "real", "train", "rows", "some", "paper", seeds, experiment="real-neighbours")
    rows = Rows("cpu", cell, len(chosen), {})
    score_real_neighbours(rows, DATA, chosen, OPTIONS, 2)
    to_table(rows.collected)  # raises where a row is unknown or occurs twice
    return rows.collected


def error(learnt: np.ndarray) -> float:
    """Of scikit-learn's 1-NN."""
    flat = IMAGES.reshape(len(IMAGES), -1).astype(np.float64)
    oracle = KNeighborsClassifier(1, algorithm="brute").fit(flat[learnt], TARGETS[learnt])
    return float((oracle.predict(flat[60:]) != TARGETS[60:]).mean())


def test_one_nn_is_scikit_learns_on_the_split_and_on_random_subsets_as_large() -> None:
    measured = {row.seed: row for row in scored(SPLIT, "0-2") if row.metric_variant == "1-nn-30"}
    assert sorted(measured) == [0, 1, 2]
    subsets = {seed: subset(SPLIT, 60, seed) for seed in measured}
    assert np.array_equal(subsets[0], SPLIT) and len({tuple(sorted(rows)) for rows in subsets.values()}) == 3
    for seed, row in measured.items():
        assert len(set(subsets[seed])) == 30
        assert row.value == pytest.approx(error(subsets[seed])) and 0 < row.value < 0.7
        assert (row.model, row.recipe, row.paper, row.step) == ("real", "train", "dcgan2015", 0)
        assert (row.replicate, row.replicate_kind, row.n_samples) == (seed, "split", 30)


def test_the_window_stands_on_training_images_and_is_chosen_on_others() -> None:
    measured = [row for row in scored(SPLIT, "0-1") if row.metric.startswith("parzen")]
    rows = {(row.seed, row.metric): row for row in measured if row.metric_variant == ""}
    assert len(rows) == 2 * 3
    flat = IMAGES.reshape(90, -1) / 255
    for seed in (0, 1):
        learnt = subset(SPLIT, 60, seed)
        standing = generator(seed, "parzen window").permutation(learnt)[:20]
        assert set(standing) <= set(learnt)
        others = [row for row in range(60) if row not in set(learnt)]
        kernels = [KernelDensity(bandwidth=sigma).fit(flat[standing]) for sigma in SIGMAS]
        best = int(np.argmax([window.score(flat[others]) for window in kernels]))
        assert rows[seed, "parzen_width"].value == pytest.approx(SIGMAS[best])
        likelihood = kernels[best].score_samples(flat[60:]).mean()
        assert rows[seed, "parzen_log_likelihood"].value == pytest.approx(likelihood, abs=1e-5)  # pixels are float32
        assert {rows[seed, name].paper for name in ("parzen_log_likelihood", "parzen_width")} == {"gan2014"}


def test_a_split_of_all_images_is_one_replicate_and_has_no_window() -> None:
    rows = scored(np.arange(60), "0-1")
    assert [(row.seed, row.value) for row in rows if row.metric_variant == "1-nn-60"] == [(0, error(np.arange(60)))]
    assert not [row for row in rows if row.metric.startswith("parzen")]


def test_labels_alone_are_those_that_a_semi_supervised_training_of_the_number_sees() -> None:
    measured = {(row.seed, row.metric_variant): row for row in scored(SPLIT, "0-1") if row.model == "control"}
    assert set(measured) == {(seed, name) for seed in (0, 1) for name in ("6-labels", "15-labels")}  # none has 500
    for (seed, name), row in measured.items():
        learnt = SPLIT[labelled_rows(Labels(2 if name == "6-labels" else 5), TARGETS[SPLIT], seed)]
        assert row.value == pytest.approx(error(learnt))
        assert (row.paper, row.recipe) == ("improved_gan2016", "labels-only-1-nn")
        assert (row.replicate, row.replicate_kind, row.n_samples) == (seed, "label draw", 30)


RECIPE = replace(
    own_params().recipe("gan", "digits", "paper"),
    batch=10, latent_dim=3, pixels="unit", network={"hidden": [5], "nonlinearity": "relu"},
)  # fmt: skip
CHOSEN = np.array([0, 1, 2, 5, 6, 7])  # so that rows 3, 4, 8 and 9 of the training images choose the width
COARSE = np.logspace(-1, 0, 10)
FINE = np.logspace(-1, 0, 37)
build = builder("gan", RECIPE, (1, 2, 2))


def few_images() -> PreparedImages:
    images = np.random.default_rng(0).integers(0, 256, (16, 1, 2, 2)).astype(np.uint8)
    return PreparedImages("rows", images[:10], np.arange(10) % 2, images[10:], np.arange(6) % 2, ("a", "b"), {})


def windows(chosen: np.ndarray, diverged: dict[int, int] | None = None, n_test: int = 6) -> tuple[Rows, TrainedCell]:
    rows = Rows("paper", Cell("gan2014", "gan", "mnist", "rows", "some", "code", "0-1"), len(chosen), diverged or {})
    trained, data = trained_cell(build, RECIPE, rows), few_images()
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
    rows, trained = windows(CHOSEN)
    measured, data = by_key(rows.collected, "seed", "step", "metric", "metric_variant"), few_images()
    assert len(measured) == 2 * 2 * 3 * 2
    for seed in (0, 1):
        generator = trained.networks(build, 0, seed).generator
        samples = draw_samples(generator, RECIPE, RECIPE.noise, seed, "parzen", 20)[0].flatten(1).double().numpy()
        held_out = data.train_images[[3, 4, 8, 9]]
        for variant, grid in (("", COARSE), ("fine-grid", FINE)):
            sigma = grid[np.argmax([np.mean(densities(samples, held_out, width)) for width in grid])]
            expected = densities(samples, data.test_images, sigma)
            for metric, value, count in (
                ("parzen_width", sigma, 4),
                ("parzen_log_likelihood", np.mean(expected), 6),
                ("parzen_standard_error", np.std(expected) / np.sqrt(6), 6),
            ):
                row = measured[seed, 0, metric, variant]
                assert (row.value, row.n_samples) == (pytest.approx(value), count)


def test_without_images_to_choose_the_width_on_or_to_test_there_are_no_rows() -> None:
    assert windows(np.arange(10))[0].collected == windows(CHOSEN, n_test=0)[0].collected == []


def test_a_diverged_run_reads_nan_from_its_step_on() -> None:
    lost = {(row.seed, row.step) for row in windows(CHOSEN, {1: 8})[0].collected if np.isnan(row.value)}
    assert lost == {(1, 8)}
