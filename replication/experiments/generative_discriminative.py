"""Naive Bayes against logistic regression over growing numbers of labels (Ng & Jordan 2001, §4).

Real data sets and random splits of them; the rows name the data set, the training size and the split.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler

from replication.config.experiments import GenerativeDiscriminative, Pair
from replication.data.bundled import LabelledData
from replication.foundation.errors import InputError
from replication.foundation.seeding import generator
from replication.metrics import learning_curves
from replication.scoring.rows import Rows

GENERATIVE, DISCRIMINATIVE = "naive-bayes", "logistic-regression"


@dataclass(frozen=True)
class Curves:
    """Accuracies [sizes, pairs, 2] of one split, naive Bayes first, on `held_out` examples."""

    sizes: tuple[int, ...]
    accuracies: np.ndarray
    held_out: int


def score_generative_discriminative(
    rows: Rows, sets: Sequence[LabelledData], options: GenerativeDiscriminative
) -> None:
    """Add every split's accuracies; for each data set the labels that each classifier needs, and a crossing."""
    # Fits this small would spend a third of their time on checks of what is known to be sound.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        for seed, data in product(rows.cell.seed_numbers, sets):
            measured = [split_curves(data, split, seed, options) for split in range(options.splits)]
            _add_accuracies(rows, seed, data.name, measured, options)
            _add_crossings(rows, seed, data.name, measured, options)


def split_curves(data: LabelledData, split: int, seed: int, options: GenerativeDiscriminative) -> Curves:
    """Both classifiers of every pair, trained on each training size of one split."""
    stream = generator(seed, f"split of {data.name}", split)
    order, test = learning_curves.draw_split(data.labels, options.test_share, options.per_class, stream, data.name)
    classes = len(np.unique(data.labels))
    sizes = learning_curves.training_sizes(options.per_class * classes, len(order), options.sizes)
    accuracies = np.zeros((len(sizes), len(options.pairs), 2))
    for place, size in enumerate(sizes):
        chosen = order[:size]
        scaler = StandardScaler().fit(data.features[chosen])  # deviation background-6
        train, held_out = (np.asarray(scaler.transform(data.features[rows])) for rows in (chosen, test))
        for column, pair in enumerate(options.pairs.values()):
            predicted = predict(pair, train, data.labels[chosen], held_out, options, data.name)
            accuracies[place, column] = [(labels == data.labels[test]).mean() for labels in predicted]
    return Curves(tuple(sizes), accuracies, len(test))


def predict(
    pair: Pair, train: np.ndarray, labels: np.ndarray, test: np.ndarray, options: GenerativeDiscriminative, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """What naive Bayes and logistic regression say about `test` [m, F] after `train` [n, F]: labels [m] each."""
    if pair.variance == "shared":  # deviations background-3 and background-5
        generative = learning_curves.fit_shared_variance(train, labels, options.pseudo_examples)
    else:
        generative = GaussianNB().fit(train, labels)
    discriminative = LogisticRegression(C=pair.cost, max_iter=options.max_iterations)
    try:
        with warnings.catch_warnings(action="error", category=ConvergenceWarning):
            discriminative.fit(train, labels)
    except ConvergenceWarning as warning:
        raise InputError(
            f"Logistic regression on {len(labels)} examples of {name} has not converged after {options.max_iterations} "
            "iterations; raise max_iterations in params.yaml: background.generative_discriminative."
        ) from warning
    return np.asarray(generative.predict(test)), np.asarray(discriminative.predict(test))


def _add_accuracies(
    rows: Rows, seed: int, dataset: str, measured: Sequence[Curves], options: GenerativeDiscriminative
) -> None:
    for split, curves in enumerate(measured):
        ends = {curves.sizes[0]: "fewest-labels", curves.sizes[-1]: "all-labels"}
        for place, size in enumerate(curves.sizes):
            where = {"dataset": dataset, "n_train": size, "metric_variant": ends.get(size, "more-labels")}
            where |= {"replicate": split, "replicate_kind": "split"}
            for column, recipe in enumerate(options.pairs):
                for side, model in enumerate((GENERATIVE, DISCRIMINATIVE)):
                    value = float(curves.accuracies[place, column, side])
                    rows.add(seed, 0, "accuracy", value, curves.held_out, model=model, recipe=recipe, **where)


def _add_crossings(
    rows: Rows, seed: int, dataset: str, measured: Sequence[Curves], options: GenerativeDiscriminative
) -> None:
    """A data set in which logistic regression never overtakes has no row of the size at which it does."""
    sizes, held_out = measured[0].sizes, sum(curves.held_out for curves in measured)
    accuracies = np.stack([curves.accuracies for curves in measured])  # [splits, sizes, pairs, 2]
    means = accuracies.mean(axis=0)
    for column, recipe in enumerate(options.pairs):
        generative, discriminative = means[:, column].T.tolist()
        where = {"model": DISCRIMINATIVE, "recipe": recipe, "dataset": dataset, "n_train": sizes[-1]}
        where |= {"replicate_kind": "dataset"}
        crosses = learning_curves.curves_cross(accuracies[:, :, column, 0], accuracies[:, :, column, 1])
        rows.add(seed, 0, "curves_cross", float(crosses), held_out, **where)
        for model, curve in ((GENERATIVE, generative), (DISCRIMINATIVE, discriminative)):
            doublings = np.log2(learning_curves.labels_needed(sizes, curve))
            rows.add(seed, 0, "labels_needed", doublings, held_out, **{**where, "model": model})
        size = learning_curves.overtaking_size(sizes, generative, discriminative)
        if size is not None:
            rows.add(seed, 0, "crossing_size", size, held_out, **where)
