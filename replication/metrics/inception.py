"""The inception score and DeLiGAN's modified score, names that Inception's logits alone deserve; its transfer head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, logsumexp

from replication.foundation.errors import InputError
from replication.foundation.seeding import generator

SPLITS = 10  # of an overall score, contiguous
HELD_OUT = 0.2  # of the training images of the transfer head
LEARNING_RATE = 0.005
INITIAL_SD = 0.001


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
    """exp E_x KL(p(y|x) ‖ p(y)) of each of the contiguous, unshuffled splits of logits [n, K]; float64 [splits].

    Raises:
        InputError: logits are no finite matrix, or there are fewer samples than splits.
    """
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

    Raises:
        InputError: logits are no finite matrix, or there are no samples.
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


@dataclass(frozen=True)
class TransferHead:
    """Weights float32 [d, K] and biases [K]; `accuracy` on the `held_out` training images that it did not see."""

    weights: np.ndarray
    biases: np.ndarray
    accuracy: float
    held_out: int

    def logits(self, features: np.ndarray) -> np.ndarray:
        """float32 [n, K] of features [n, d]."""
        return features @ self.weights + self.biases


def train_transfer_head(features: np.ndarray, labels: np.ndarray, classes: int, seed: int = 0) -> TransferHead:
    """Train on four fifths of features [n, d] and labels [n], by one pass of SGD (deviation deligan-38)."""
    stream = generator(seed, "transfer head")
    order = stream.permutation(len(features))
    held_out, train = np.split(order, [int(len(order) * HELD_OUT)])
    weights = _truncated(stream, (features.shape[1], classes))
    biases = np.zeros(classes, np.float32)
    targets = np.eye(classes, dtype=np.float32)[labels]
    for row in train:  # in the order of the permutation
        example = features[row]
        logits = example @ weights + biases
        exponentials = np.exp(logits - logits.max())
        slope = LEARNING_RATE * (exponentials / exponentials.sum() - targets[row])
        weights -= np.outer(example, slope)
        biases -= slope
    predicted = (features[held_out] @ weights + biases).argmax(axis=1)
    return TransferHead(weights, biases, float((predicted == labels[held_out]).mean()), len(held_out))


def _truncated(stream: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """N(0, 0.001²) cut at two standard deviations, float32."""
    values = stream.normal(size=shape)
    while (beyond := np.abs(values) > 2).any():
        values[beyond] = stream.normal(size=int(beyond.sum()))
    return (INITIAL_SD * values).astype(np.float32)
