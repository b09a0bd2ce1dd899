"""The inception score and DeLiGAN's modified score as functions of a classifier's logits, overall and per class.

Which name a number gets depends on the classifier: only the original Inception network makes it an inception score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, logsumexp

from replication.foundation.errors import InputError


@dataclass(frozen=True)
class ClassScore:
    """Scores of the samples whose argmax is one class; NaN where there is none: empty is no score."""

    count: int
    share: float
    score: float
    modified_score: float


@dataclass(frozen=True)
class ModifiedScore:
    """DeLiGAN's score of every class, and the mean and population SD between the classes that have samples."""

    mean: float
    spread: float
    classes: tuple[ClassScore, ...]


def inception_score(logits: np.ndarray, splits: int) -> tuple[float, float]:
    """Mean and population SD of `split_scores` of logits [n, K] (Salimans 2016 §4 and its released code)."""
    scores = split_scores(logits, splits)
    return float(scores.mean()), float(scores.std())


def split_scores(logits: np.ndarray, splits: int) -> np.ndarray:
    """exp E_x KL(p(y|x) ‖ p(y)) of each of the contiguous, unshuffled splits of logits [n, K]; float64 [splits]."""
    _check(logits)
    count = len(logits)
    if not 1 <= splits <= count:
        raise InputError(
            f"An inception score of {count} samples in {splits} splits is none: give 1 to {count} splits, "
            "or draw more samples."
        )
    cuts = [count * index // splits for index in range(splits + 1)]  # as the released code cuts
    return np.array([_marginal_score(logits[cuts[i] : cuts[i + 1]]) for i in range(splits)])


def modified_inception_score(logits: np.ndarray) -> ModifiedScore:
    """exp E_i E_j KL(p(y|x_i) ‖ p(y|x_j)) within each class of logits [n, K] (DeLiGAN §5 and its released code).

    Samples go to the class of their argmax. A class without samples has no score, and no part in the mean.
    """
    _check(logits)
    assigned = logits.argmax(axis=1)
    classes = tuple(_class_score(logits[assigned == label], len(logits)) for label in range(logits.shape[1]))
    scores = np.array([of_class.modified_score for of_class in classes if of_class.count])
    return ModifiedScore(float(scores.mean()), float(scores.std()), classes)


def _class_score(logits: np.ndarray, total: int) -> ClassScore:
    if not len(logits):
        return ClassScore(0, 0.0, np.nan, np.nan)
    return ClassScore(len(logits), len(logits) / total, _marginal_score(logits), _pair_score(logits))


def _marginal_score(logits: np.ndarray) -> float:
    logs = log_softmax(logits.astype(np.float64), axis=1)
    marginal = logsumexp(logs, axis=0) - np.log(len(logs))
    return float(np.exp((np.exp(logs) * (logs - marginal)).sum(axis=1).mean()))


def _pair_score(logits: np.ndarray) -> float:
    """The mean over i of Σ p_i log p_i, less that over i and j of Σ p_i log p_j: no need of all pairs."""
    logs = log_softmax(logits.astype(np.float64), axis=1)
    probabilities = np.exp(logs)
    negative_entropy = (probabilities * logs).sum(axis=1).mean()
    return float(np.exp(negative_entropy - probabilities.mean(axis=0) @ logs.mean(axis=0)))


def _check(logits: np.ndarray) -> None:
    lost = int((~np.isfinite(logits)).any(axis=1).sum())
    if lost:
        raise InputError(
            f"Logits of {lost} of {len(logits)} samples are NaN or infinite: the classifier or the samples are broken; "
            "train the judge again, or draw the samples again."
        )
