"""Logistic regression as scikit-learn fits it, without its checks, which take longer than fits of a few examples."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from replication.metrics.naive_bayes import LinearRule

# Where scikit-learn's LogisticRegression stops: with a large C well before the optimum, and its rule is that point.
STOPPING = {"gtol": 1e-4, "ftol": 64 * np.finfo(float).eps, "maxls": 50}


def fit_logistic(features: np.ndarray, labels: np.ndarray, cost: float, max_iterations: int) -> tuple[LinearRule, int]:
    """L2-regularised logistic regression on float64 [n, F] and labels [n], and the iterations of L-BFGS that it took.

    Mean cross-entropy + |w|²/(2 C n), intercepts unpenalised, from zero; of two classes one weight vector, of more one
    each (`LogisticRegression(C=cost)`).
    """
    classes, places = np.unique(labels, return_inverse=True)
    outputs, count = 1 if len(classes) == 2 else len(classes), len(labels)
    points = np.column_stack([features, np.ones(count)])
    strength = 1.0 / (cost * count)
    target = places.astype(np.float64)[:, None] if outputs == 1 else np.eye(outputs)[places]  # [n, outputs]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(-1, outputs)  # [F + 1, outputs]
        scores = points @ weights
        if outputs == 1:
            normaliser = np.logaddexp(0.0, scores)
        else:
            largest = scores.max(axis=1, keepdims=True)
            normaliser = largest + np.log(np.exp(scores - largest).sum(axis=1, keepdims=True))
        entropy = (normaliser.sum() - (target * scores).sum()) / count
        given = 1.0 - np.exp(-normaliser) if outputs == 1 else np.exp(scores - normaliser)
        gradient = points.T @ (given - target) / count
        gradient[:-1] += strength * weights[:-1]
        return entropy + 0.5 * strength * np.square(weights[:-1]).sum(), gradient.ravel()

    start = np.zeros(points.shape[1] * outputs)
    options = {**STOPPING, "maxiter": max_iterations}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    weights = found.x.reshape(-1, outputs)
    if outputs == 1:
        weights = np.column_stack([np.zeros(len(weights)), weights])
    return LinearRule(classes, weights[:-1], weights[-1]), int(found.nit)
