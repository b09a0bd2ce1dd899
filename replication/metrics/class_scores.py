"""The inception score and DeLiGAN's modified score as functions of a classifier's logits, overall and per class.

Which name a number gets depends on the classifier: only the original Inception network makes it an inception score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, logsumexp


@dataclass(frozen=True)
class ClassScore:
    """Scores of the samples whose argmax is one class; NaN where there is none: empty is no score."""

    count: int
    share: float
    score: float
    modified_score: float


def score(logits: np.ndarray, splits: int) -> tuple[float, float]:
    """exp E_x KL(p(y|x) ‖ p(y)) of logits [n, K]: mean and population SD over contiguous splits (Salimans 2016 §4)."""
    logs = log_softmax(logits.astype(np.float64), axis=1)
    cuts = [len(logs) * index // splits for index in range(splits + 1)]  # as the released code cuts
    scores = [_marginal_score(logs[first:last]) for first, last in zip(cuts, cuts[1:], strict=False)]
    return float(np.mean(scores)), float(np.std(scores))


def modified_score(logits: np.ndarray) -> float:
    """exp E_i E_j KL(p(y|x_i) ‖ p(y|x_j)) of logits [n, K] (DeLiGAN §5)."""
    logs = log_softmax(logits.astype(np.float64), axis=1)
    # The mean over i of Σ p_i log p_i, less the mean over i and j of Σ p_i log p_j: no need of all pairs.
    probabilities = np.exp(logs)
    own = (probabilities * logs).sum(axis=1).mean()
    return float(np.exp(own - probabilities.mean(axis=0) @ logs.mean(axis=0)))


def class_scores(logits: np.ndarray) -> list[ClassScore]:
    """The scores within each class of logits [n, K], samples going to the class of their argmax (DeLiGAN's code)."""
    assigned = logits.argmax(axis=1)
    return [_class_score(logits[assigned == k], len(logits)) for k in range(logits.shape[1])]


def _class_score(logits: np.ndarray, total: int) -> ClassScore:
    if not len(logits):
        return ClassScore(0, 0.0, np.nan, np.nan)
    return ClassScore(len(logits), len(logits) / total, score(logits, 1)[0], modified_score(logits))


def _marginal_score(logs: np.ndarray) -> float:
    marginal = logsumexp(logs, axis=0) - np.log(len(logs))
    return float(np.exp((np.exp(logs) * (logs - marginal)).sum(axis=1).mean()))
