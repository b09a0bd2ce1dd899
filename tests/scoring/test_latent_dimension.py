"""PCA against an autoencoder on images of a known dimension, and outliers that are known to lie apart."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from replication.config.background import Autoencoder, LatentDimension, Outliers
from replication.config.params import Cell
from replication.data.reading import PreparedImages
from replication.experiments.latent_dimension import flat_pixels, outlier_scores, score_latent_dimension, score_outliers
from replication.foundation.errors import InputError
from replication.scoring.rows import Rows
from replication.table.measurements import to_table

pytestmark = pytest.mark.integration

NETWORK = Autoencoder(hidden=16, updates=150, batch=16, learning_rate=0.01)


def images(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """3×3 images of three classes: two vary along one line in opposite halves, the third lights another corner."""
    stream = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    along = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0.5])
    place = np.where(labels == 0, stream.uniform(0, 90, count), stream.uniform(90, 180, count))
    pixels = place[:, None] * along + stream.uniform(0, 4, (count, 9))
    pixels[labels == 2, 6] += 200
    return pixels.astype(np.uint8).reshape(count, 1, 3, 3), labels.astype(np.int64)


DATA = PreparedImages("small", *images(90, 0), *images(45, 1), ("a", "b", "c"), {})
CHOSEN = np.arange(60)
ERROR, RATIO, DISTANCE = "reconstruction_error", "reconstruction_ratio", "sample_distance"


def rows_of(recipe: str) -> Rows:
    return Rows("cpu", Cell("background", "autoencoder", recipe, "small", "full", "paper", "0-2"), len(CHOSEN), {})


@pytest.fixture(scope="module")
def errors() -> pd.DataFrame:
    rows = rows_of("latent-dimension")
    score_latent_dimension(rows, DATA, CHOSEN, LatentDimension((1, 2, 8), 200, NETWORK), 2)
    return to_table(rows.collected)


def error(errors: pd.DataFrame, model: str, width: int, images: str = "held-out", metric: str = ERROR) -> np.ndarray:
    where = (errors["model"] == model) & (errors["recipe"] == f"latent-{width}") & (errors["metric"] == metric)
    return errors.loc[where & (errors["metric_variant"] == images)].sort_values("seed")["value"].to_numpy()


def test_the_error_of_pca_is_scikit_learn_s_beside_every_seed(errors: pd.DataFrame) -> None:
    train, test = flat_pixels(DATA.train_images[CHOSEN]), flat_pixels(DATA.test_images)
    for width in (1, 2, 8):
        reference = PCA(width, svd_solver="full").fit(train)
        for name, pixels in (("held-out", test), ("training", train)):
            expected = np.square(reference.inverse_transform(reference.transform(pixels)) - pixels).mean()
            measured = error(errors, "pca", width, name)
            assert measured == pytest.approx(np.full(3, expected), abs=1e-12) and len(set(measured)) == 1


def test_two_dimensions_are_enough_and_one_is_not(errors: pd.DataFrame) -> None:
    """The images lie in a plane, but for a little noise; one dimension leaves a good part of their variance."""
    variance = flat_pixels(DATA.test_images).var(axis=0).mean()
    assert (error(errors, "pca", 2) < 0.1 * variance).all() and (error(errors, "pca", 1) > 0.2 * variance).all()
    assert (error(errors, "autoencoder", 2) < 0.5 * variance).all()
    assert len(set(error(errors, "autoencoder", 2).tolist())) == 3  # each seed has its own


def test_ratios_are_of_both_errors_and_samples_of_two_dimensions_are_nearest(errors: pd.DataFrame) -> None:
    for model, width in product(("pca", "autoencoder"), (1, 2, 8)):
        ratio = error(errors, model, width) / error(errors, model, width, "training")
        assert error(errors, model, width, "", RATIO) == pytest.approx(ratio)
    distances = [error(errors, "pca", width, "", DISTANCE) for width in (1, 2)]
    assert (distances[1] < distances[0]).all() and len(set(distances[1].tolist())) == 3  # each seed draws its own


def test_rows_say_what_was_fitted_and_reconstructed(errors: pd.DataFrame) -> None:
    assert len(errors) == 2 * 3 * 4 * 3  # models, widths, errors of both kinds with ratio and distance, seeds
    of_errors = errors.loc[errors["metric"] == ERROR]
    counts = of_errors.groupby("metric_variant")["n_samples"].unique().map(list).to_dict()
    assert counts == {"held-out": [45], "training": [60]} and set(errors["n_train"]) == {60}
    assert errors.groupby("model")["step"].unique().map(list).to_dict() == {"autoencoder": [150], "pca": [0]}


@pytest.fixture(scope="module")
def areas() -> pd.DataFrame:
    rows = rows_of("outliers")
    score_outliers(rows, DATA, CHOSEN, Outliers(1, NETWORK), 2)
    return to_table(rows.collected)


def test_a_class_in_another_corner_is_an_outlier(areas: pd.DataFrame) -> None:
    assert len(areas) == 2 * 2 * 3 * (3 + 1)  # models, scores, seeds, classes and their mean
    by_class = areas.loc[areas["metric_variant"] == "reconstruction-error"].groupby(["model", "class"])["value"].min()
    assert by_class.to_dict()["pca", "c"] == by_class.to_dict()["autoencoder", "c"] == 1.0
    for _, group in areas.groupby(["model", "metric_variant", "seed"]):
        values = dict(zip(group["class"], group["value"], strict=True))
        assert values.pop("all") == pytest.approx(np.mean(list(values.values())))
    assert set(areas.loc[areas["class"] == "c", "n_train"]) == {40} and set(areas["n_samples"]) == {45}


def test_areas_are_scikit_learn_s_over_the_scores_given(areas: pd.DataFrame) -> None:
    train, test = flat_pixels(DATA.train_images[CHOSEN]), flat_pixels(DATA.test_images)
    others = DATA.train_labels[CHOSEN] != 1
    scores = outlier_scores(train[others], test, 1, NETWORK, (0, 1, 2))
    for (model, score), by_seed in scores.items():
        where = (areas["model"] == model) & (areas["metric_variant"] == score) & (areas["class"] == "b")
        measured = areas.loc[where].sort_values("seed")["value"].to_numpy()
        assert measured == pytest.approx([roc_auc_score(DATA.test_labels == 1, of_seed) for of_seed in by_seed])


def test_a_width_beyond_the_image_is_one_clear_sentence() -> None:
    with pytest.raises(InputError, match="60 images of 9 pixels has no 10 components"):
        score_latent_dimension(rows_of("latent-dimension"), DATA, CHOSEN, LatentDimension((10,), 20, NETWORK), 1)
