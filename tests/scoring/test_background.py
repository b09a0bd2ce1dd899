"""The background's experiments: naive Bayes against logistic regression, PCA against an autoencoder, outliers."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from replication.config.experiments import Autoencoder, GenerativeDiscriminative, LatentDimension, Outliers, Pair
from replication.config.params import Cell
from replication.data.bundled import LabelledData
from replication.data.reading import PreparedImages
from replication.experiments.generative_discriminative import score_generative_discriminative, split_curves
from replication.experiments.latent_dimension import flat_pixels, outlier_scores, score_latent_dimension, score_outliers
from replication.foundation.errors import InputError
from replication.metrics.learning_curves import curves_cross, labels_needed
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


PAIRS = {"linear": Pair("shared", 1e4), "library": Pair("per-class", 1.0)}
OPTIONS = GenerativeDiscriminative(
    datasets=("iris",),  # of the bundled ones, which no test reads
    splits=6, test_share=0.5, per_class=2, sizes=4, pseudo_examples=1.0, max_iterations=2000, pairs=PAIRS,
)  # fmt: skip


def gaussian(name: str, noise: np.ndarray, difference: np.ndarray, count: int = 400) -> LabelledData:
    """Two classes `difference` apart in every example's features, with Gaussian noise mixed by a matrix."""
    stream = np.random.default_rng(len(name))
    labels = np.arange(count) % 2
    features = stream.normal(size=(count, len(noise))) @ noise + np.outer(labels, difference)
    return LabelledData(name, features, labels.astype(np.int64))


# Independent features, as naive Bayes has them, and enough of them for logistic regression to fit 54 labels exactly.
NAIVE = gaussian("naive", np.eye(30), np.full(30, 0.6))
# The second feature is noise that the first shares: only a model of both together can take it off.
SHARED = gaussian("shared", np.array([[1.0, 1.0], [0.2, 0.0]]), np.array([0.8, 0.0]))


def table_of(sets: list[LabelledData], options: GenerativeDiscriminative = OPTIONS) -> pd.DataFrame:
    cell = Cell("background", "naive-bayes", "ng-jordan", "bundled", "full", "paper", "0")
    rows = Rows("cpu", cell, 0, {})
    score_generative_discriminative(rows, sets, options)
    return to_table(rows.collected)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return table_of([NAIVE, SHARED])


def mean(table: pd.DataFrame, **where: str | int) -> float:
    chosen = table
    for column, value in where.items():
        chosen = chosen.loc[chosen[column] == value]
    return float(chosen.loc[chosen["metric"] == "accuracy", "value"].mean())


def test_each_leads_where_its_assumption_holds_and_naive_bayes_comes_near_the_bayes_rule(table: pd.DataFrame) -> None:
    few = {"dataset": "naive", "recipe": "linear", "n_train": 54}
    assert mean(table, model="naive-bayes", **few) > mean(table, model="logistic-regression", **few) + 0.02
    best = norm.cdf(0.6 * np.sqrt(30) / 2)
    assert best - 0.05 < mean(table, model="naive-bayes", **{**few, "n_train": 200}) < best + 0.02
    for recipe in OPTIONS.pairs:
        many = {"dataset": "shared", "recipe": recipe, "metric_variant": "all-labels"}
        assert mean(table, model="logistic-regression", **many) > mean(table, model="naive-bayes", **many) + 0.1


def test_rows_name_data_set_size_and_split(table: pd.DataFrame) -> None:
    accuracies = table.loc[table["metric"] == "accuracy"]
    assert len(accuracies) == 2 * 6 * 4 * 2 * 2  # data sets, splits, sizes, pairs, classifiers
    ends = accuracies.groupby("metric_variant")["n_train"].unique().map(sorted).to_dict()
    assert (ends["fewest-labels"], ends["all-labels"], len(ends["more-labels"])) == ([4], [200], 2)
    assert set(accuracies["replicate"]) == set(range(6)) and set(accuracies["replicate_kind"]) == {"split"}
    assert set(accuracies["n_samples"]) == {200}


def test_crossings_follow_from_the_mean_curves(table: pd.DataFrame) -> None:
    accuracies = table.loc[(table["metric"] == "accuracy") & (table["recipe"] == "linear")]
    crossings = table.loc[(table["metric"] == "curves_cross") & (table["recipe"] == "linear")]
    needed = table.loc[(table["metric"] == "labels_needed") & (table["recipe"] == "linear")]
    needed = needed.set_index(["dataset", "model"])["value"].to_dict()
    assert set(crossings["replicate_kind"]) == {"dataset"} and set(crossings["n_samples"]) == {6 * 200}
    for dataset, of_set in accuracies.groupby("dataset"):
        curves = {model: rows.pivot_table(index="replicate", columns="n_train", values="value")
                  for model, rows in of_set.groupby("model")}  # fmt: skip
        crosses = curves_cross(curves["naive-bayes"].to_numpy(), curves["logistic-regression"].to_numpy())
        assert crossings.loc[crossings["dataset"] == dataset, "value"].tolist() == [float(crosses)]
        for model, curve in curves.items():
            expected = np.log2(labels_needed([4, 15, 54, 200], curve.mean().tolist()))
            assert needed[dataset, model] == pytest.approx(expected)
    assert len(needed) == 4


def test_a_data_set_where_nothing_is_overtaken_has_no_crossing_size() -> None:
    alone = replace(OPTIONS, pairs={"linear": Pair("shared", 1e4)})
    labels = np.tile([0, 1], 30)
    apart = LabelledData("apart", labels[:, None] + np.linspace(0, 0.1, 60)[:, None], labels)
    table = table_of([apart], alone)  # every classifier is always right, so that nobody leads
    assert set(table.loc[table["metric"] == "accuracy", "value"]) == {1.0}
    others = table.loc[table["metric"] != "accuracy", ["metric", "value"]].to_numpy().tolist()
    assert others == [["curves_cross", 0.0], ["labels_needed", 2.0], ["labels_needed", 2.0]]


def test_a_split_does_not_depend_on_others_and_one_that_does_not_converge_stops_the_run() -> None:
    once, again = split_curves(SHARED, 3, 0, OPTIONS), split_curves(SHARED, 3, 0, OPTIONS)
    other = split_curves(SHARED, 4, 0, OPTIONS)
    assert once.sizes == (4, 15, 54, 200) and np.array_equal(once.accuracies, again.accuracies)
    assert not np.array_equal(once.accuracies, other.accuracies)
    hasty = replace(OPTIONS, max_iterations=1)
    with pytest.raises(InputError, match="4 examples of shared has not converged after 1 it.*raise max_iterations"):
        split_curves(SHARED, 0, 0, hasty)
