"""Naive Bayes against logistic regression on synthetic data where the better one is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from replication.config.background import GenerativeDiscriminative, Pair
from replication.config.params import Cell
from replication.data.bundled import LabelledData
from replication.experiments.generative_discriminative import score_generative_discriminative, split_curves
from replication.foundation.errors import InputError
from replication.metrics.learning_curves import curves_cross, labels_needed
from replication.scoring.rows import Rows
from replication.table.measurements import to_table

pytestmark = pytest.mark.integration

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
