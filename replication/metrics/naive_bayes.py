"""Gaussian naive Bayes whose variances are shared by the classes: the generative partner of logistic regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LinearRule:
    """Chooses the class of the largest `features · weights + bias`: weights [F, K], bias [K], classes [K]."""

    classes: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Labels [n] of features [n, F]."""
        return self.classes[(features @ self.weights + self.bias).argmax(axis=1)]


def fit_shared_variance(features: np.ndarray, labels: np.ndarray, pseudo_examples: float) -> LinearRule:
    """Means by class, variances of the features [n, F] around them, priors as frequent as the labels [n].

    With equal variances in every class the quadratic terms cancel (Ng & Jordan 2001, §2). A variance is taken over n
    examples and `pseudo_examples` more, each of the feature's overall variance, so that a feature that does not vary
    within the classes of a small training set does not decide alone; one that does not vary at all decides nothing.
    """
    classes, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    indicator = np.eye(len(classes))[places]  # [n, K]
    centre = features.mean(axis=0)
    centred = features - centre
    means = (indicator.T @ centred) / counts[:, None]  # [K, F]
    within = np.square(centred - means[places]).sum(axis=0)
    overall = centred.var(axis=0)
    variance = (within + pseudo_examples * overall) / (len(labels) + pseudo_examples)  # deviation background-4
    precision = np.divide(1.0, variance, out=np.zeros_like(variance), where=overall > 0)
    weights = (means * precision).T
    bias = np.log(counts / len(labels)) - 0.5 * (np.square(means) * precision).sum(axis=1)
    return LinearRule(classes, weights, bias - centre @ weights)
